"""What several leases held is taken over whole, however many of its executions are tried again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from remembrancer import Firing, SchedulerOptions, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = timedelta(minutes=1)


async def broken_off(folder: Path, clock: VirtualClock) -> None:
    """Leave two executions under way, each under a lease of its own."""
    begun = asyncio.Semaphore(0)

    async def never_done(_: Firing) -> None:
        begun.release()
        await asyncio.Event().wait()

    service = TaskSchedulerService(
        folder, clock, handler=never_done, options=SchedulerOptions(shutdown_timeout_seconds=0)
    )
    await service.open()
    for name in ("first", "second"):
        await service.schedule_task(name, "goal", "prompt", "thought", clock.now() + MINUTE, on_lost="retry")
        clock.advance(MINUTE)
        ticking = asyncio.ensure_future(service.tick())
        await begun.acquire()
        ticking.cancel()
    await service.close()


async def test_every_execution_that_may_be_tried_again_is(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2026, 3, 30, 6, tzinfo=UTC))
    await broken_off(tmp_path / "graph", clock)

    service = TaskSchedulerService(tmp_path / "graph", clock)
    async with ManualScheduler(service, clock):
        await service.idle()
        history = await service.history()
        leases = await service.cypher("MATCH (l:execution_lease) RETURN l")

    assert sorted((each.attempt, each.status) for each in history) == [
        (1, "failed"),
        (1, "failed"),
        (2, "completed"),
        (2, "completed"),
    ]
    assert leases == []
