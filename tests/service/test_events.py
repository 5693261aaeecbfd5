"""Events through the service: they add up to what the graph holds, and no reader is in the scheduler's way."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, Done, Failed, ScheduleRequest, SchedulerOptions, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer import Firing
    from remembrancer.model.event import Event
    from remembrancer.testing import VirtualClock

GENEROUS = 120.0


async def every(service: TaskSchedulerService, after: str = "0") -> list[Event]:
    events: list[Event] = []
    while found := (await service.read_events(after)).events:
        events += found
        after = found[-1].cursor
    return events


def answers(clock: VirtualClock) -> Any:
    """A handler that answers by the name of the task."""

    def handle(firing: Firing) -> Any:
        match firing.task.name:
            case "fail":
                return Failed("It cannot be done")
            case "wait" if not firing.task.deferral_count:
                return Defer(clock.now() + timedelta(minutes=30), "Not yet")
            case "raise":
                raise ValueError("Oh")
            case _:
                return Done(result="done")

    return handle


async def test_after_a_day_the_events_add_up_to_what_the_graph_holds(clock: VirtualClock, tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph", time_service=clock, handler=answers(clock))
    async with ManualScheduler(service, clock) as by_hand:
        soon = clock.now() + timedelta(minutes=5)
        for name in ("fine", "fail", "wait", "raise"):
            await service.schedule_task(name, "goal", "prompt", "thought", soon)
        beat = await service.schedule_task("beat", "goal", "prompt", "thought", schedule_cron="*/10 * * * *")
        gone = await service.schedule_task("gone", "goal", "prompt", "thought", soon)
        late = await service.schedule_task("late", "goal", "prompt", "thought", soon)
        await service.cancel_task(gone.task_id, "Not needed")
        await service.defer_task(late.task_id, soon + timedelta(hours=1), "Busy")
        for minutes in (5, 5, 10, 45, 120):
            await by_hand.tick(timedelta(minutes=minutes))
        await service.run_now(beat.task_id)
        await service.idle()
        events, executions = await every(service), await service.history(limit=1000)

    ends = {event.execution_id: event for event in events if event.execution_id and event.kind != "execution_started"}
    starts = {event.execution_id: event for event in events if event.kind == "execution_started"}
    assert {each.execution_id: f"execution_{each.status}" for each in executions} == {
        key: event.kind for key, event in ends.items()
    }
    assert len(events) == len({event.cursor for event in events})
    for each in executions:
        end, start = ends[each.execution_id], starts.get(each.execution_id)
        assert (end.task_id, end.at, end.reason_code) == (each.task_id, each.completed_at, each.reason_code)
        assert (end.reason or "") == (each.reason or "")[:200]
        told = start or end
        assert (told.nominal_at, told.execution_type) == (each.nominal_at, each.execution_type)
        assert end.occurrences in {None, each.occurrences}
        if start:
            assert (start.at, start.replica_id, start.attempt) == (each.triggered_at, each.replica_id, each.attempt)
    assert {event.kind for event in ends.values()} == {
        "execution_completed",
        "execution_failed",
        "execution_deferred",
        "execution_missed",
    }
    tasks = [(event.kind, event.task_status) for event in events if event.kind.startswith("task_")]
    assert tasks.count(("task_created", "PENDING")) == 7
    assert tasks.count(("task_deferred", None)) == 2
    assert tasks.count(("task_cancelled", "CANCELLED")) == 1
    assert sorted(filter(None, (status for kind, status in tasks if kind == "task_ended"))) == [
        "COMPLETE",
        "COMPLETE",
        "COMPLETE",
        "FAILED",
        "FAILED",
    ]


async def test_events_are_told_as_they_happen_and_end_with_the_service() -> None:
    service = TaskSchedulerService(handler=lambda firing: None)
    told: list[str] = []
    begun = asyncio.Event()

    async def listen() -> None:
        begun.set()
        async for event in service.events("0", kinds=["task_created", "task_ended"]):
            told.append(event.kind)  # noqa: PERF401 (it is looked at meanwhile)

    async with service, asyncio.timeout(GENEROUS):
        listening = asyncio.create_task(listen())
        await begun.wait()
        await service.schedule_task("Tea", "g", "p", "t", datetime.now(UTC))
        while len(told) < 2:  # noqa: ASYNC110 (what is waited for is that another task reads)
            await asyncio.sleep(0.01)
    await asyncio.wait_for(listening, GENEROUS)

    assert told == ["task_created", "task_ended"]


async def test_a_slow_reader_holds_up_nothing_and_misses_nothing() -> None:
    fired = 0

    async def handle(_: Firing) -> None:
        nonlocal fired
        fired += 1

    async with TaskSchedulerService(handler=handle) as service, asyncio.timeout(GENEROUS):
        slow = service.events("0")
        now = datetime.now(UTC)
        await service.schedule_tasks([ScheduleRequest("first", "g", "p", "t", defer_until=now)])
        first = await anext(slow)
        many = [ScheduleRequest(str(number), "g", "p", "t", defer_until=now) for number in range(600)]
        await service.schedule_tasks(many)
        while fired < 601:  # noqa: ASYNC110 (the handler has no event to wait for)
            await asyncio.sleep(0.01)
        await service.idle()
        rest = [await anext(slow) for _ in range(601 * 4 - 1)]
        assert [first, *rest] == await every(service)


async def test_handlers_on_threads_and_the_loop_report_progress() -> None:
    go_on = threading.Event()

    def handle(firing: Firing) -> None:
        for number in range(1000):
            firing.progress(number / 999, f"{number}")
        firing.progress(text="nearly")
        assert go_on.wait(GENEROUS)

    async with TaskSchedulerService(handler=handle) as service, asyncio.timeout(GENEROUS):
        task = await service.schedule_task("Long", "g", "p", "t", datetime.now(UTC))
        async for event in service.events("0", kinds=["execution_progress"], task_id=task.task_id):
            if event.progress_text == "nearly":
                break
        (running,) = await service.running_executions()
        go_on.set()
        await service.idle()
        progressed = [event for event in await every(service) if event.kind == "execution_progress"]
        assert (running.task_id, running.progress_text) == (task.task_id, "nearly")
        assert 1 <= len(progressed) < 100, "a thousand reports are written together, however long they take"


@pytest.mark.parametrize("told", [{}, {"fraction": 1.5}, {"fraction": -0.1}, {"fraction": float("nan")}])
async def test_progress_that_is_none_fails_with_what_would_be_one(told: dict[str, Any]) -> None:
    async with TaskSchedulerService(handler=lambda firing: firing.progress(**told)) as service:
        task = await service.schedule_task("Wrong", "g", "p", "t", datetime.now(UTC))
        async with asyncio.timeout(GENEROUS):
            async for event in service.events("0", kinds=["execution_failed"]):
                assert event.task_id == task.task_id
                assert "a number from 0 to 1" in (event.reason or "")
                break


@pytest.mark.parametrize(
    "asked", [{"kinds": ["sunrise"]}, {"limit": 0}, {"limit": 1001}, {"wait_seconds": -1}, {"wait_seconds": 31}]
)
async def test_a_question_for_events_that_makes_no_sense_is_refused(
    service: TaskSchedulerService, asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        await service.read_events("0", **asked)


async def test_an_idle_checker_forgets_what_need_not_be_kept(tmp_path: Path) -> None:
    options = SchedulerOptions(event_retention_count=5, check_interval_seconds=0.05)
    async with TaskSchedulerService(tmp_path / "graph", check_interval_seconds=0.05) as service:
        for _ in range(20):
            await service.schedule_task("x", "g", "p", "t", "2090-01-01T00:00:00Z")
    async with TaskSchedulerService(tmp_path / "graph", check_interval_seconds=0.05, options=options) as service:
        async with asyncio.timeout(GENEROUS):
            while (gap := (await every(service))[0]).kind != "gap":  # noqa: ASYNC110 (it is told to nobody)
                await asyncio.sleep(0.05)
        assert gap.lost == 15
        assert len(await every(service)) == 6
