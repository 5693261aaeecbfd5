"""Remembrancer at work, through its public service; `python bench/ours.py FOLDER` starts it on a graph and reports."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.rows.due_key import last_key
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.ports.handler import Firing

BEGIN = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
BATCH = 1000
LOOKS = 200


async def nothing(_: Firing) -> None:
    """Do nothing: the work of every task."""


async def opened(folder: Path | str) -> tuple[TaskSchedulerService, VirtualClock]:
    """Return a service over a graph in *folder*, or on a server, driven by hand, and its clock."""
    clock = VirtualClock(BEGIN)
    service = TaskSchedulerService(folder, time_service=clock, handler=nothing)
    await service.open()
    return service, clock


async def fill(service: TaskSchedulerService, count: int) -> float:
    """Schedule *count* minutely tasks in bulk; return how many a second."""
    return await bulk(service, [_cron(number) for number in range(count)])


async def fill_far(service: TaskSchedulerService, count: int, first: int = 0) -> float:
    """Schedule *count* tasks, one a second from the *first* second of far on; return how many a second."""
    rate = 0.0
    for start in range(first, first + count, 10 * BATCH):
        numbers = range(start, min(start + 10 * BATCH, first + count))
        rate = await bulk(service, [once(FAR + timedelta(seconds=number)) for number in numbers])
    return rate


async def creates_singly(service: TaskSchedulerService, count: int) -> float:
    """Schedule one task after the other; return how many a second."""
    began = time.perf_counter()
    for number in range(count):
        await service.schedule_tasks([once(FAR + timedelta(seconds=number))])
    return count / (time.perf_counter() - began)


async def creates_in_flight(service: TaskSchedulerService, count: int, callers: int) -> float:
    """Schedule with so many callers, each awaiting its own task; return how many a second."""
    began = time.perf_counter()
    await asyncio.gather(*(creates_singly(service, count // callers) for _ in range(callers)))
    return count / (time.perf_counter() - began)


async def fires(service: TaskSchedulerService, clock: VirtualClock) -> float:
    """Let a minute pass and fire all that is due, settled; return how many a second."""
    clock.advance(timedelta(minutes=1))
    scheduler = service._process.scheduler
    assert scheduler
    fired = 0
    began = time.perf_counter()
    while done := await scheduler.tick():
        fired += done
    await scheduler.idle()
    return fired / (time.perf_counter() - began)


async def tidies(service: TaskSchedulerService) -> float:
    """Bring SCHEDULED_FOR up to date, as an idle checker does after it fired; return how many tasks a second."""
    store: Any = service._process.store
    tidied = 0
    began = time.perf_counter()
    while done := await store.idle_work(500):
        tidied += done
    return tidied / (time.perf_counter() - began)


async def looks(service: TaskSchedulerService, moment: datetime) -> tuple[float, float]:
    """Return the median milliseconds of a due check at *moment* for 100 tasks: ours, and the bare query."""
    store: Any = service._process.store
    spent = [await timed(lambda: store.queue.due(moment, 100)) for _ in range(LOOKS)]
    session = store._connection
    floor_key = last_key(store.queue._parts.index.watermark.value_ms)  # below it the index has only tombstones
    parameters = {"floor_key": floor_key, "now_key": last_key(to_ms(moment)), "limit": 100}
    text = "MATCH (t:scheduled_task) WHERE t.due_key > $floor_key AND t.due_key <= $now_key RETURN t.task_id AS task_id"
    raw: list[float] = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        session._database.query("opencypher", f"{text} ORDER BY t.due_key LIMIT $limit", parameters).to_list()
        raw.append((time.perf_counter() - began) * 1000)
    return median(spent), median(raw)


async def delays(folder: Path, schedules: int, moments: int, at_once: int) -> tuple[list[float], list[float]]:
    """Fire on the real clock beside *schedules* tasks; return sorted delays in milliseconds.

    First of *moments* tasks 10 ms apart, then of *at_once* tasks of one moment. A delay ends where the handler begins.
    """
    late: list[tuple[datetime, float]] = []
    all_fired = asyncio.Event()

    async def handler(firing: Firing) -> None:
        late.append((firing.execution.nominal_at, (time.time() - firing.execution.nominal_at.timestamp()) * 1000))
        if len(late) == moments + at_once:
            all_fired.set()

    service = TaskSchedulerService(folder, handler=handler)
    async with service:
        await fill_far(service, schedules - moments - at_once)
        first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
        burst = first + timedelta(milliseconds=10 * moments + 2000)
        spread = [once(first + timedelta(milliseconds=10 * number)) for number in range(moments)]
        await bulk(service, spread + [once(burst)] * at_once)
        await all_fired.wait()
    return (
        sorted(delay for nominal, delay in late if nominal != burst),
        sorted(delay for nominal, delay in late if nominal == burst),
    )


def resident_mb() -> float:
    """Return this process's resident memory in MB."""
    return psutil.Process().memory_info().rss / 1e6


async def _report(folder: Path) -> None:
    service = TaskSchedulerService(folder, handler=nothing)
    began = time.perf_counter()
    await service.start()
    seconds = time.perf_counter() - began
    await asyncio.sleep(1)
    print(json.dumps({"seconds": seconds, "resident_mb": resident_mb()}))
    await service.stop()


async def bulk(service: TaskSchedulerService, requests: list[ScheduleRequest]) -> float:
    """Schedule all of *requests*, by the thousand; return how many a second."""
    began = time.perf_counter()
    for start in range(0, len(requests), BATCH):
        await service.schedule_tasks(requests[start : start + BATCH])
    return len(requests) / (time.perf_counter() - began)


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Return how many milliseconds *work* takes."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


def _cron(number: int) -> ScheduleRequest:
    return ScheduleRequest(f"task {number}", "goal", "prompt", "thought", schedule_cron="* * * * *")


def once(moment: datetime) -> ScheduleRequest:
    """Ask for one run at *moment*."""
    return ScheduleRequest("once", "goal", "prompt", "thought", defer_until=moment)


if __name__ == "__main__":
    asyncio.run(_report(Path(sys.argv[1])))
