"""Cost of a check of tasks that follow others: statements, commits and processor time.

    python bench/followers.py [tasks]

1,000 followers of one task, then 1,000 pairs: a check while nothing has happened, and the check after each followed
task has completed once.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from remembrancer import After, Every, Firing, TaskSchedulerService
from remembrancer.engine.watching.followers import Followers
from remembrancer.model.request import ScheduleRequest
from remembrancer.testing import ManualScheduler, VirtualClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def handle(firing: Firing) -> None:
    """Do nothing."""
    del firing


def request(name: str, schedule: object) -> ScheduleRequest:
    """Return the request of one task."""
    return ScheduleRequest(name, "g", "p", "t", schedule=schedule)  # pyright: ignore[reportArgumentType]


async def measure(sources: int, followers: int) -> None:
    """Print the cost of checks with so many followed tasks and followers."""
    clock = VirtualClock(START)
    service = TaskSchedulerService(":memory:", clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        made = await service.schedule_tasks([request("source", Every("1h")) for _ in range(sources)])
        ids = [each.task_id for each in made]
        following = [request("follower", After(ids[place % sources])) for place in range(followers)]
        for start in range(0, followers, 500):
            await service.schedule_tasks(following[start : start + 500])
        store: Any = service._graph()
        counts = dict.fromkeys(("read", "write"), 0)
        for name in counts:
            _count(store.watches._parts.connection, name, counts)
        checked = Followers(store)
        for what in ("first check", "idle", "after a completion of each"):
            counts |= dict.fromkeys(counts, 0)
            if what.startswith("after"):
                await scheduler.tick(timedelta(hours=1))
                counts["read"] = 0
            begun, used = time.perf_counter(), time.process_time()
            await checked.check(await store.watches.all(), clock.now())
            took, spent = time.perf_counter() - begun, time.process_time() - used
            print(
                f"{followers:,} followers of {sources:,}, {what}: {counts['write']} commits; {counts['read']} reads, "
                f"{took * 1000:.0f} ms, {spent * 1000:.0f} ms of processor time"
            )


def _count(connection: Any, name: str, counts: dict[str, int]) -> None:
    real = getattr(connection, name)

    async def counted(*args: Any, **kwargs: Any) -> Any:
        counts[name] += name == "read" or any(each.name == "add_reactions" for each in args[0])
        return await real(*args, **kwargs)

    setattr(connection, name, counted)


async def main(tasks: int) -> None:
    """Measure both shapes."""
    await measure(1, tasks)
    await measure(tasks, tasks)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
