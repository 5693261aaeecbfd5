"""The checker in real time: it wakes when something is due, and stops with grace."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

GENEROUS = 120.0
"""Seconds that a busy machine may take; nothing here is about how fast it is."""


async def schedule(service: TaskSchedulerService, seconds: float, name: str = "Task", **choices: Any) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return (await service.schedule_task(name, "goal", "prompt", "thought", moment, **choices)).task_id


class Fired:
    """A handler that tells of each firing."""

    def __init__(self) -> None:
        self.all: asyncio.Queue[Firing] = asyncio.Queue()

    async def __call__(self, firing: Firing) -> None:
        self.all.put_nowait(firing)

    async def next(self) -> Firing:
        return await asyncio.wait_for(self.all.get(), GENEROUS)


async def test_a_task_due_soon_fires_although_the_interval_is_long() -> None:
    fired = Fired()
    async with TaskSchedulerService(check_interval_seconds=3600, handler=fired) as service:
        await schedule(service, 3600)  # it sleeps for that one when the next is scheduled
        for _ in range(2):
            soon = await schedule(service, 0.3)
            firing = await fired.next()
            assert firing.task.task_id == soon
            assert firing.execution.triggered_at >= firing.execution.nominal_at


async def test_deferring_and_cancelling_reach_a_sleeping_loop(clock: VirtualClock) -> None:
    fired = Fired()
    async with TaskSchedulerService(time_service=clock, check_interval_seconds=86_400, handler=fired) as service:
        two, three = (clock.now() + timedelta(hours=hours) for hours in (2, 3))
        deferred, cancelled = [
            (await service.schedule_task("Task", "goal", "prompt", "thought", two)).task_id for _ in range(2)
        ]
        await service.defer_task(deferred, three, "Busy")
        assert await service.cancel_task(cancelled)
        kept = (await service.schedule_task("Task", "goal", "prompt", "thought", two)).task_id
        firings: list[Firing] = []
        for moment in (two, three):
            clock.set(moment)
            firings.append(await fired.next())
        assert [firing.task.task_id for firing in firings] == [kept, deferred]
        assert [firing.execution.triggered_at for firing in firings] == [two, three]
        assert fired.all.empty()


async def test_a_cron_task_of_seconds_fires_again_and_again(clock: VirtualClock) -> None:
    fired = Fired()
    async with TaskSchedulerService(time_service=clock, check_interval_seconds=3600, handler=fired) as service:
        await service.schedule_task("Beat", "g", "p", "t", schedule_cron="* * * * * *", seconds_field="first")
        moments: list[datetime] = []
        for _ in range(3):
            clock.advance(timedelta(seconds=1))
            moments.append((await fired.next()).execution.nominal_at)
        assert moments == [moments[0] + timedelta(seconds=second) for second in range(3)]
        metrics = service._collect_custom_metrics()
        assert metrics["cron_trigger_count"] >= 3
        assert metrics["task_run_count"] >= 3
        assert metrics["task_error_count"] == 0


async def test_stopping_waits_for_handlers(tmp_path: Path) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def handle(firing: Firing) -> str:
        begun.set()
        await finish.wait()
        return "to the end"

    service = TaskSchedulerService(
        tmp_path / "graph", handler=handle, options=SchedulerOptions(shutdown_timeout_seconds=3600)
    )
    await service.start()
    task_id = await schedule(service, 0)
    await asyncio.wait_for(begun.wait(), GENEROUS)
    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()
    finish.set()
    await stopping
    await service.open()
    assert [each.result for each in await service.history(task_id)] == ["to the end"]
    await service.close()


@pytest.mark.parametrize(("on_lost", "after"), [("fail", ["failed"]), ("retry", ["completed", "failed"])])
async def test_stopping_cancels_what_takes_too_long_and_says_so(tmp_path: Path, on_lost: str, after: list[str]) -> None:
    begun, cleaned = asyncio.Event(), asyncio.Event()

    async def handle(firing: Firing) -> str:
        begun.set()
        if firing.execution.attempt > 1:
            return "well"
        try:
            await asyncio.sleep(600)
        finally:
            cleaned.set()
        return "never"

    service = TaskSchedulerService(
        tmp_path / "graph", handler=handle, options=SchedulerOptions(shutdown_timeout_seconds=0.1)
    )
    await service.start()
    task_id = await schedule(service, 0, on_lost=on_lost)
    await asyncio.wait_for(begun.wait(), GENEROUS)
    await service.stop()
    assert cleaned.is_set()
    async with service:
        await service.idle()
        made = await service.history(task_id)
        assert sorted(each.status for each in made) == after
        assert {each.reason_code for each in made if each.status == "failed"} <= {"shutdown", "lease_expired"}


async def test_counters_and_health_survive_a_restart(tmp_path: Path) -> None:
    fired = Fired()
    service = TaskSchedulerService(tmp_path / "graph", handler=fired)
    for turn in (1, 2):
        async with service:
            await schedule(service, 0, name=f"turn {turn}")
            assert (await fired.next()).task.name == f"turn {turn}"
            await service.idle()
            assert await service.is_healthy()
            metrics = service._collect_custom_metrics()
            assert metrics["scheduled_tasks_created"] == metrics["scheduled_tasks_completed"] == turn
            assert metrics["active_tasks"] == 0
        assert not await service.is_healthy()


async def test_more_tasks_than_may_run_at_once_all_run() -> None:
    running = most = 0
    full = asyncio.Event()

    async def handle(firing: Firing) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 5:
            full.set()
        await full.wait()
        await asyncio.sleep(0.01)
        running -= 1

    options = SchedulerOptions(max_concurrent_handlers=5, claim_batch_size=3)
    async with TaskSchedulerService(check_interval_seconds=3600, handler=handle, options=options) as service:
        for place in range(40):
            await schedule(service, 0, name=str(place))
        async with asyncio.timeout(GENEROUS):
            while service._collect_custom_metrics()["scheduled_tasks_completed"] < 40:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert most == 5


async def test_a_failing_pass_is_counted_and_the_next_one_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")
    fired = Fired()

    async def silent(*_: object) -> None:
        raise GraphUnavailable("no answer")

    async with TaskSchedulerService(check_interval_seconds=3600, handler=fired) as service:
        assert service._process.scheduler
        with monkeypatch.context() as while_away:
            while_away.setattr(service._process.store.queue, "due", silent)
            service._process.scheduler.wake.set()
            async with asyncio.timeout(GENEROUS):
                while not service._process.scheduler.record.failed:  # noqa: ASYNC110 (a counter has no event)
                    await asyncio.sleep(0.01)
        assert service._collect_custom_metrics()["task_error_count"] >= 1
        assert service.get_status().last_error
        await schedule(service, 0)
        await fired.next()
