"""Rates of fires under limits, as ratios to plain fires of the same run; `python bench/limits.py [GRAPH] [TASKS]`.

Each kind fires in turn, several times over: minutely tasks without limits, under a limit that does not bind, under one
that does, under a rate, and under overlap keys of their own. Then the check of what is due, with and without ten
thousand tasks that wait for a full slot.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from ours import BEGIN, looks

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from remembrancer.ports.handler import Firing

KINDS: dict[str, dict[str, str]] = {
    "plain": {},
    "not binding": {"concurrency_key": "wide"},
    "binding, 100 slots": {"concurrency_key": "hundred"},
    "binding, 50 slots": {"concurrency_key": "fifty"},
    "rate, not binding": {"concurrency_key": "quick"},
    "overlap, own keys": {"overlap": "skip"},
    "overlap, allow_all": {"overlap": "allow_all"},
}
LIMITS: dict[str, tuple[int | None, str | None, int | None]] = {
    "wide": (10_000, None, None),
    "hundred": (100, None, None),
    "fifty": (50, None, None),
    "quick": (None, "1000000/second", 10_000),
}
TURNS = 3
WAITING = 10_000
CALLS: list[str] = []


async def note(firing: Firing) -> None:
    """Note that a task has run."""
    CALLS.append(firing.task.task_id)


async def fired(service: TaskSchedulerService, clock: VirtualClock, fields: dict[str, str], count: int) -> float:
    """Schedule tasks for the next minute and fire them all; return how many a second."""
    requests = [ScheduleRequest("Task", "goal", "prompt", "thought", "in 30s", **fields) for _ in range(count)]
    for start in range(0, count, 1000):
        await service.schedule_tasks(requests[start : start + 1000])
    clock.advance(timedelta(minutes=1))
    scheduler = service._process.scheduler
    assert scheduler
    CALLS.clear()
    began = time.perf_counter()
    while len(CALLS) < count:
        await scheduler.tick()
        await scheduler.idle()
    return count / (time.perf_counter() - began)


async def main(graph: str, count: int) -> None:
    """Measure, and print the ratios."""
    clock = VirtualClock(BEGIN)
    service = TaskSchedulerService(graph, time_service=clock, handler=note)
    await service.open()
    for key, (slots, rate, burst) in LIMITS.items():
        await service.set_limit(key, slots, rate, burst)
    rates: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(TURNS):
        for name, fields in KINDS.items():
            rates[name].append(await fired(service, clock, fields, count))
    plain = median(rates["plain"])
    for name, found in rates.items():
        print(f"{name:20} {median(found):8,.0f}/s  {median(found) / plain:5.2f} of plain")
    spent = (await looks(service, clock.now()))[0] if Path(graph).is_absolute() else 0.0
    await service.set_limit("full", 0)
    for _ in range(0, WAITING, 1000):
        await service.schedule_tasks(
            [ScheduleRequest("Waits", "goal", "prompt", "thought", "in 30s", concurrency_key="full")] * 1000
        )
    clock.advance(timedelta(minutes=1))
    scheduler: Any = service._process.scheduler
    for _ in range(50):
        await scheduler.tick()
    (limit,) = [each for each in await service.list_limits() if each.key == "key:full"]
    with_waits = (await looks(service, clock.now()))[0] if Path(graph).is_absolute() else 0.0
    print(f"due check, ms: {spent:.2f} without, {with_waits:.2f} with {limit.waiting:,} that wait")
    await service.close()


if __name__ == "__main__":
    tasks = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    if len(sys.argv) > 1 and "://" in sys.argv[1]:
        asyncio.run(main(sys.argv[1], tasks))
    else:
        with TemporaryDirectory() as folder:
            asyncio.run(main(str(Path(folder) / "graph"), tasks))
