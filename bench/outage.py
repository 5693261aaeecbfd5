"""The processor time that a year's outage costs: a task of each second is accounted for, and others fire meanwhile.

    python bench/outage.py

The occurrences of the year are counted, not enumerated. Beside it: an idle check over 10 and over 10,000 tasks of mixed
schedules, in turns in one run.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from statistics import median
from typing import Any

from remembrancer import (
    Bounded,
    Cron,
    Every,
    ExecutionStatus,
    RRule,
    ScheduleRequest,
    TaskSchedulerService,
    Workdays,
)
from remembrancer.stores.embedded.connection import EmbeddedConnection
from remembrancer.testing import ManualScheduler, VirtualClock

YEAR = timedelta(days=365)
LIMIT_SECONDS = 2.0
OTHERS = 20
CHECKS = 200
TURNS = 5


def request(name: str, schedule: Any) -> ScheduleRequest:
    """Return the request for a task."""
    return ScheduleRequest(name, "goal", "prompt", "thought", schedule=schedule)


def work(_: object) -> None:
    """End at once."""


async def outage() -> bool:
    """Print what a year's outage costs; return whether it is within the limit."""
    clock = VirtualClock()
    async with ManualScheduler(TaskSchedulerService(":memory:", clock, handler=work), clock) as desk:
        each_second, *others = await desk.service.schedule_tasks(
            [request("each second", Every("1s")), *(request(f"other {n}", Cron("0 9 * * *")) for n in range(OTHERS))]
        )
        started = time.process_time()
        await desk.tick(YEAR)
        spent = time.process_time() - started
        history = await desk.service.history(each_second.task_id)
        fired = [await desk.service.history(each.task_id) for each in others]
    counted = sum(each.occurrences for each in history)
    done = sum(any(each.status is ExecutionStatus.COMPLETED for each in some) for some in fired)
    print(f"{spent:6.2f} s for {counted:,} occurrences; {done} of {OTHERS} other tasks fired in the same tick")
    return spent < LIMIT_SECONDS and done == OTHERS and counted == YEAR // timedelta(seconds=1)


def mixed(number: int) -> Any:
    """Return one of several kinds of schedules, far ahead."""
    kinds = (Cron("0 9 * * 1-5"), Every("90m"), RRule("FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0"), Workdays("09:00"))
    return Bounded(kinds[number % len(kinds)], start="2090-01-01")


ASKED: Counter[str] = Counter()
"""The statements that embedded graphs were asked."""


def count_statements() -> None:
    """Count the statements of every embedded graph from now on."""
    read, write = EmbeddedConnection.read, EmbeddedConnection.write

    async def counted_read(self: EmbeddedConnection, text: Any, parameters: Any) -> Any:
        ASKED["all"] += 1
        return await read(self, text, parameters)

    async def counted_write(self: EmbeddedConnection, statements: Any) -> Any:
        ASKED["all"] += len(statements)
        return await write(self, statements)

    setattr(EmbeddedConnection, "read", counted_read)  # noqa: B010 (in the place of a method)
    setattr(EmbeddedConnection, "write", counted_write)  # noqa: B010


async def idle() -> None:
    """Print the time of an idle check over few tasks and over many, in turns."""
    count_statements()
    clock = VirtualClock()
    few, many = (ManualScheduler(TaskSchedulerService(":memory:", clock), clock) for _ in range(2))
    async with few, many:
        for desk, tasks in ((few, 10), (many, 10_000)):
            for begin in range(0, tasks, 1000):
                some = [request(f"{n}", mixed(n)) for n in range(begin, min(tasks, begin + 1000))]
                await desk.service.schedule_tasks(some)
        spent: dict[str, list[float]] = {"10": [], "10,000": []}
        statements: Counter[str] = Counter()
        for _ in range(TURNS):
            for name, desk in (("10", few), ("10,000", many)):
                before, started = ASKED["all"], time.process_time()
                for _ in range(CHECKS):
                    await desk.tick()
                statements[name] += ASKED["all"] - before
                spent[name].append((time.process_time() - started) / CHECKS * 1e6)
        for name, each in spent.items():
            asked = statements[name] / (TURNS * CHECKS)
            print(f"{median(each):6.0f} us of processor time, {asked:g} statements: an idle check over {name} tasks")


def main() -> int:
    """Print the figures; 1 if the outage takes longer than the limit."""
    within = asyncio.run(outage())
    asyncio.run(idle())
    return int(not within)


if __name__ == "__main__":
    raise SystemExit(main())
