"""`max_concurrent_handlers` bounds whatever starts a handler: the schedule, a run by hand, a retry after a crash."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from planned import plan
from real import GENEROUS, OUTCOMES, schedule, until

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.errors import SchedulerBusy
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.writes import Lease
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

pytestmark = pytest.mark.slow
LIMIT = 3
LEASES = "MATCH (l:execution_lease) RETURN count(l) AS n"


class Counting:
    """A handler that counts how many of it run at a time."""

    def __init__(self) -> None:
        self.running = self.most = self.done = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _: Firing) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.05)
        await self.gate.wait()
        self.running -= 1
        self.done += 1
        return "done"


async def leave_behind(graph: Path, clock: VirtualClock, number: int, **choices: Any) -> None:
    """Claim so many tasks under one lease, as a scheduler does that dies of it."""
    service = TaskSchedulerService(graph, clock)
    async with ManualScheduler(service, clock):
        store, now = service._process.graph(), clock.now()
        for place in range(number):
            await service.schedule_task(f"{place}", "g", "p", "t", now + timedelta(minutes=1), **choices)
        clock.advance(timedelta(minutes=1))
        due = await store.queue.due(clock.now(), number)
        claims = [plan(task, to_ms(clock.now()), "dead") for task in due]
        assert len(await store.queue.claim(claims, Lease("lease_dead", "dead", clock.now()))) == number


async def test_a_run_by_hand_waits_for_a_slot() -> None:
    handler = Counting()
    async with TaskSchedulerService(
        handler=handler, options=SchedulerOptions(max_concurrent_handlers=LIMIT)
    ) as service:
        task_id = await schedule(service, seconds=86_400)
        await asyncio.gather(*(service.run_now(task_id) for _ in range(LIMIT * 10)))
        await until(lambda: handler.done == LIMIT * 10)

        assert handler.most <= LIMIT


async def test_a_run_by_hand_is_refused_when_no_slot_becomes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remembrancer.engine.execution.executor._SLOT_WITHIN_SECONDS", 0.2)
    handler = Counting()
    handler.gate.clear()
    async with TaskSchedulerService(
        handler=handler, options=SchedulerOptions(max_concurrent_handlers=LIMIT)
    ) as service:
        task_id = await schedule(service, seconds=86_400)
        for _ in range(LIMIT):
            await service.run_now(task_id)
        with pytest.raises(SchedulerBusy, match="All 3 handler slots"):
            await service.run_now(task_id)
        assert len(await service.history()) == LIMIT, "nothing was written"

        handler.gate.set()
        await service.idle()
        assert (await service.run_now(task_id)).status == "running"


async def test_a_run_by_hand_and_the_schedule_share_the_slots() -> None:
    handler = Counting()
    async with TaskSchedulerService(
        handler=handler, options=SchedulerOptions(max_concurrent_handlers=LIMIT, claim_batch_size=2)
    ) as service:
        by_hand = await schedule(service, seconds=86_400)
        for _ in range(20):
            await schedule(service)
            await service.run_now(by_hand)
        await until(lambda: handler.done == 40)

        assert handler.most <= LIMIT


async def test_a_retry_after_a_crash_waits_for_a_slot(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "remembrancer")
    await leave_behind(tmp_path / "graph", clock, LIMIT * 10, on_lost="retry")
    handler = Counting()
    handler.gate.clear()
    options = SchedulerOptions(max_concurrent_handlers=LIMIT)
    async with TaskSchedulerService(tmp_path / "graph", clock, handler=handler, options=options) as service:
        assert handler.most <= LIMIT
        assert await service.cypher(LEASES) == [{"n": 2}], "the dead one's holds what waits, ours holds what runs"
        handler.gate.set()
        await until(lambda: handler.done == LIMIT * 10)
        await service.idle()

        assert handler.most <= LIMIT
        assert await service.cypher(LEASES) == [{"n": 0}]
        statuses = [each.status for each in await service.history(limit=1000)]
        assert sorted(statuses) == ["completed"] * LIMIT * 10 + ["failed"] * LIMIT * 10


async def test_a_lost_run_that_is_not_retried_needs_no_slot(tmp_path: Path, clock: VirtualClock) -> None:
    await leave_behind(tmp_path / "graph", clock, LIMIT * 10)
    handler = Counting()
    options = SchedulerOptions(max_concurrent_handlers=1)
    async with TaskSchedulerService(tmp_path / "graph", clock, handler=handler, options=options) as service:
        assert await service.cypher(OUTCOMES) == [{"n": LIMIT * 10}]
        assert await service.cypher(LEASES) == [{"n": 0}]
        assert handler.done == 0


async def test_a_caller_that_gives_up_waiting_holds_no_slot() -> None:
    handler = Counting()
    handler.gate.clear()
    async with TaskSchedulerService(handler=handler, options=SchedulerOptions(max_concurrent_handlers=1)) as service:
        task_id = await schedule(service, seconds=86_400)
        await service.run_now(task_id)
        asking = [asyncio.ensure_future(service.run_now(task_id)) for _ in range(5)]
        await asyncio.sleep(0.05)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        handler.gate.set()
        await service.idle()
        dispatch = service._process.running_scheduler()._dispatch
        await until(lambda: dispatch.room == 1)

        assert handler.done == 1
        async with asyncio.timeout(GENEROUS):
            await service.run_now(task_id)
