"""What telemetry costs: milliseconds for each report on a large graph, and what the books take from the fire rate.

`python bench/telemetry.py` makes 100,000 tasks and 100,000 executions over thirty days; `--executions 1000000` is the
size that the specification of this bench asks for, and takes some minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import ours

from remembrancer import ScheduleRequest
from remembrancer.stores.commits.statistics import CommitStatistics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer import TaskSchedulerService
    from remembrancer.testing import VirtualClock

HOURS = 720
ASKED = 20
ROUNDS = 12
LIMIT_MS = 50
LIMIT_COST = 0.10


async def main(tasks: int, executions: int, fired: int) -> None:
    """Measure, and print a line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        service, clock = await ours.opened(Path(folder) / "large")
        await live(service, clock, tasks, executions // HOURS)
        print(f"{tasks:,} tasks, {executions // HOURS * HOURS:,} executions in {HOURS} hours")
        for name, ask in reports(service).items():
            spent = [await ours.timed(ask) for _ in range(ASKED)]
            mark = "" if median(spent) < LIMIT_MS else f"  <- more than {LIMIT_MS} ms"
            print(f"{name:44} {median(spent):8.1f} ms  (worst {max(spent):.1f}){mark}", flush=True)
        await service.close()
        service, clock = await ours.opened(Path(folder) / "fires")
        await cost(service, clock, fired)
        await service.close()


async def live(service: TaskSchedulerService, clock: VirtualClock, tasks: int, hourly: int) -> None:
    """Let thirty days pass: *hourly* tasks fire every hour; all others are far ahead, a tenth of them by cron."""
    crons = (tasks - hourly) // 10
    await ours.bulk(service, [cron("30 * * * *") for _ in range(hourly)])
    await ours.bulk(service, [cron(f"{number % 60} {number // 60 % 24} 1 1 *") for number in range(crons)])
    await ours.fill_far(service, tasks - hourly - crons)
    for _ in range(HOURS):
        clock.advance(timedelta(hours=1))
        await service.tick()


def cron(expression: str) -> ScheduleRequest:
    """Return a task that follows *expression*."""
    return ScheduleRequest("task", "goal", "prompt", "thought", schedule_cron=expression)


def reports(service: TaskSchedulerService) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return what is asked, by name."""
    told = service.telemetry
    return {
        "status": told.status,
        "tasks": told.tasks,
        "tasks, the few ACTIVE recurring": lambda: told.tasks("ACTIVE", "recurring"),
        "tasks, PENDING": lambda: told.tasks("PENDING"),
        "tasks, COMPLETE, of which there are none": lambda: told.tasks("COMPLETE"),
        "analytics, 1h": lambda: told.analytics("1h"),
        "analytics, 7d": lambda: told.analytics("7d"),
        "analytics, 30d": lambda: told.analytics("30d"),
        "cron": told.cron,
        "performance": told.performance,
        "task statistics": told.task_statistics,
        "cron analytics": told.cron_analytics,
    }


async def cost(service: TaskSchedulerService, clock: VirtualClock, tasks: int) -> None:
    """Fire minute after minute, in turn with and without all counting; print what it takes."""
    await ours.fill(service, tasks)
    await ours.fires(service, clock)
    add = CommitStatistics.add
    rates: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for number in range(ROUNDS):
        counting = number % 2 == 0
        CommitStatistics.add = add if counting else lambda *_: None
        began = time.process_time()
        rate = await ours.fires(service, clock)
        rates[counting].append((rate, (time.process_time() - began) / tasks * 1e6))
        await ours.tidies(service)
    CommitStatistics.add = add
    (with_rate, with_cpu), (without_rate, without_cpu) = (
        (median(rate for rate, _ in rates[each]), median(cpu for _, cpu in rates[each])) for each in (True, False)
    )
    print(f"fires a second: {with_rate:,.0f} with the books and the event log, {without_rate:,.0f} without either")
    share = with_cpu / without_cpu - 1
    mark = "" if share <= LIMIT_COST else "  <- not reached"
    print(f"processor time a fire: {with_cpu:.0f} µs against {without_cpu:.0f} µs: {share:+.1%}{mark}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--fired", type=int, default=5_000, help="tasks that fire every minute")
    given = parser.parse_args()
    asyncio.run(main(given.tasks, given.executions, given.fired))
