"""Pauses of tasks, on each kind of graph: nothing fires, and each occurrence missed has one outcome."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import Bounded, Cron, Defer, Firing, TaskSchedulerService
from remembrancer.context import IDEMPOTENCY_KEY
from remembrancer.errors import InvalidInput, TaskChanged, TaskEnded
from remembrancer.model.idempotency import IdempotencyKey
from remembrancer.model.policy import Misfire
from remembrancer.model.timestamps import to_ms
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import ScheduledTask
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)
QUARTERS = "*/15 * * * *"


@pytest.fixture
async def paced(graph: str, clock: VirtualClock) -> AsyncIterator[ManualScheduler]:
    """A scheduler over a graph of each kind, driven by hand."""
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        yield scheduler


async def quarterly(paced: ManualScheduler, misfire: Misfire = Misfire.RUN_ONCE) -> ScheduledTask:
    return await paced.service.schedule_task("Tea", "goal", "prompt", "t", schedule_cron=QUARTERS, misfire=misfire)


async def outcomes(paced: ManualScheduler, task_id: str) -> list[tuple[str, str | None, int, str]]:
    """Return what became of the occurrences, oldest first: status, reason, how many, the first time."""
    return [
        (each.status.value, each.reason_code, each.occurrences, f"{each.nominal_at:%H:%M}")
        for each in reversed(await paced.service.history(task_id))
    ]


async def test_a_paused_task_fires_nothing_until_it_is_resumed(paced: ManualScheduler) -> None:
    task = await quarterly(paced)
    paused = await paced.service.pause_task(task.task_id, reason="The API is down")
    assert await paced.tick(65 * MINUTE) == 0
    shown = await paced.service.get_task(task.task_id)
    assert await paced.service.find_tasks(next_fires=True) == [shown]
    assert shown.paused_at == paused.paused_at
    assert (shown.paused_until, shown.pause_reason, shown.next_run_ms) == (None, "The API is down", None)
    assert shown.nominal_ms == task.nominal_ms
    assert paused.warnings == ["It is paused until it is resumed: The API is down"]

    resumed = await paced.service.resume_task(task.task_id)
    await paced.tick(MINUTE)

    assert (resumed.missed, resumed.runs) == (4, 1)
    assert await outcomes(paced, task.task_id) == [
        ("skipped", "held_by_pause", 3, "09:15"),
        ("completed", None, 1, "10:00"),
    ]
    after = await paced.service.get_task(task.task_id)
    assert (after.paused_at, after.paused_until, after.pause_reason) == (None, None, None)
    assert f"{resumed.next_fires[0]:%H:%M} {resumed.next_fires[1]:%H:%M}" == "10:05 10:15"


@pytest.mark.parametrize(("on_missed", "ends"), [("skip", "FAILED"), ("run_once", "COMPLETE")])
async def test_a_schedule_may_end_within_a_pause(
    paced: ManualScheduler, clock: VirtualClock, on_missed: str, ends: str
) -> None:
    three = Bounded(Cron(QUARTERS), start=(clock.now() + MINUTE).isoformat(), count=3)
    task = await paced.service.schedule_task("Tea", "goal", "prompt", "thought", schedule=three)
    await paced.service.pause_task(task.task_id)
    await paced.tick(65 * MINUTE)

    resumed = await paced.service.resume_task(task.task_id, on_missed)
    await paced.tick(MINUTE)

    assert (resumed.missed, resumed.runs) == (3, int(on_missed == "run_once"))
    assert sum(each.occurrences for each in await paced.service.history(task.task_id)) == 3
    after = await paced.service.get_task(task.task_id)
    assert (after.status.value, after.next_run_ms, after.paused_at) == (ends, None, None)


async def test_a_pause_with_an_end_ends_by_itself(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await quarterly(paced, Misfire.SKIP)
    until = clock.now() + 40 * MINUTE
    paused = await paced.service.pause_task(task.task_id, until)
    assert (paused.paused_until, paused.next_run_ms) == (until, to_ms(until))
    assert await paced.tick(39 * MINUTE) == 0
    for _ in range(2):
        await paced.tick(6 * MINUTE)
    assert await outcomes(paced, task.task_id) == [
        ("skipped", "held_by_pause", 2, "09:15"),
        ("completed", None, 1, "09:45"),
    ]
    assert (await paced.service.get_task(task.task_id)).paused_at is None


async def test_a_resumption_clears_a_pause_that_has_ended(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await quarterly(paced)
    await paced.service.pause_task(task.task_id, clock.now() + 5 * MINUTE, "Away")
    await paced.tick(6 * MINUTE)
    resumed = await paced.service.resume_task(task.task_id)
    assert (resumed.paused_at, resumed.paused_until, resumed.pause_reason) == (None, None, None)
    assert (resumed.disposition, resumed.next_run_ms) == ("changed", task.next_run_ms)
    assert (await paced.service.resume_task(task.task_id)).disposition == "existing"


async def test_a_resumption_leaves_what_an_ended_pause_held(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await quarterly(paced, Misfire.SKIP)
    await paced.service.pause_task(task.task_id, clock.now() + 20 * MINUTE)
    clock.advance(21 * MINUTE)
    assert (await paced.service.resume_task(task.task_id)).missed == 1
    await paced.tick()
    assert await outcomes(paced, task.task_id) == [("skipped", "held_by_pause", 1, "09:15")]


async def test_a_pause_before_the_next_fire_changes_no_fire(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await quarterly(paced)
    paused = await paced.service.pause_task(task.task_id, clock.now() + 10 * MINUTE)
    assert paused.next_run_ms == task.next_run_ms
    await paced.tick(15 * MINUTE)
    assert await outcomes(paced, task.task_id) == [("completed", None, 1, "09:15")]
    assert (await paced.service.get_task(task.task_id)).paused_at is None


@pytest.mark.parametrize(
    ("on_missed", "runs", "became"),
    [
        ("skip", 0, [("skipped", "held_by_pause", 3, "09:15")]),
        ("run_once", 1, [("skipped", "held_by_pause", 2, "09:15"), ("completed", None, 1, "09:45")]),
        ("run_all", 3, [("completed", None, 1, f"09:{minute}") for minute in (15, 30, 45)]),
    ],
)
async def test_a_resumption_says_what_becomes_of_what_was_missed(
    paced: ManualScheduler, on_missed: str, runs: int, became: list[tuple[str, str | None, int, str]]
) -> None:
    task = await quarterly(paced, Misfire.SKIP if on_missed != "skip" else Misfire.RUN_ALL)
    await paced.service.pause_task(task.task_id)
    await paced.tick(50 * MINUTE)
    resumed = await paced.service.resume_task(task.task_id, on_missed)
    for _ in range(4):
        await paced.tick()

    assert (resumed.missed, resumed.runs) == (3, runs)
    assert await outcomes(paced, task.task_id) == became
    assert (await paced.service.get_task(task.task_id)).on_missed is None


async def test_a_one_time_task_runs_after_its_pause_or_ends(paced: ManualScheduler, clock: VirtualClock) -> None:
    made: list[ScheduledTask] = []
    for on_missed in (None, "skip"):
        task = await paced.service.schedule_task("Tea", "g", "p", "t", clock.now() + MINUTE)
        made.append(task)
        await paced.service.pause_task(task.task_id)
        await paced.tick(5 * MINUTE)
        await paced.service.resume_task(task.task_id, on_missed)
    await paced.tick()

    assert [(await paced.service.get_task(task.task_id)).status for task in made] == ["COMPLETE", "FAILED"]
    assert [(await outcomes(paced, task.task_id))[0][:2] for task in made] == [
        ("completed", None),
        ("skipped", "held_by_pause"),
    ]


async def test_a_deferred_run_waits_for_the_end_of_a_pause(paced: ManualScheduler, clock: VirtualClock) -> None:
    ran, skipped = [await quarterly(paced) for _ in range(2)]
    for task in (ran, skipped):
        await paced.service.defer_task(task.task_id, clock.now() + 20 * MINUTE, "Not yet")
        await paced.service.pause_task(task.task_id)
        with pytest.raises(InvalidInput, match="not paused"):
            await paced.service.defer_task(task.task_id, clock.now() + 60 * MINUTE, "Not yet")
    await paced.tick(40 * MINUTE)
    await paced.service.resume_task(ran.task_id)
    await paced.service.resume_task(skipped.task_id, "skip")
    for _ in range(3):
        await paced.tick()

    assert await outcomes(paced, ran.task_id) == [
        ("deferred", "held_by_deferral", 1, "09:15"),
        ("completed", None, 1, "09:20"),
        ("completed", None, 1, "09:30"),
    ]
    assert await outcomes(paced, skipped.task_id) == [("skipped", "held_by_pause", 3, "09:15")]
    after = await paced.service.get_task(skipped.task_id)
    assert (after.deferral_id, after.paused_at) == (None, None)
    assert after.next_run_ms == to_ms(clock.now() + 5 * MINUTE)


async def test_a_paused_task_is_cancelled_with_what_it_held(paced: ManualScheduler) -> None:
    task = await quarterly(paced)
    await paced.service.pause_task(task.task_id)
    await paced.tick(50 * MINUTE)

    assert await paced.service.cancel_task(task.task_id)
    after = await paced.service.get_task(task.task_id)
    assert (after.status, after.paused_at, after.pause_reason) == ("CANCELLED", None, None)
    assert await outcomes(paced, task.task_id) == [("cancelled", "task_cancelled", 3, "09:15")]
    with pytest.raises(TaskEnded):
        await paced.service.pause_task(task.task_id)


async def test_a_running_execution_goes_on_and_may_defer(graph: str, clock: VirtualClock) -> None:
    async def handle(firing: Firing) -> Defer:
        await service.pause_task(firing.task.task_id)
        return Defer(clock.now() + 20 * MINUTE, "Not yet")

    service = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        task = await quarterly(scheduler)
        await scheduler.tick(15 * MINUTE)
        assert await outcomes(scheduler, task.task_id) == [("deferred", "deferred_by_handler", 1, "09:15")]
        held = await service.get_task(task.task_id)
        assert (held.next_run_ms, held.deferral_count) == (None, 1)
        assert await scheduler.tick(60 * MINUTE) == 0
        answer = await service.resume_task(task.task_id, "skip")
        await scheduler.tick()
        assert answer.missed == 4
        assert [each[:3] for each in await outcomes(scheduler, task.task_id)][1:2] == [("skipped", "held_by_pause", 4)]


async def test_a_pause_is_in_the_audit_log_and_in_the_events(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await quarterly(paced)
    until = clock.now() + 40 * MINUTE
    await paced.service.pause_task(task.task_id, until, "Holidays")
    await paced.service.resume_task(task.task_id, reason="Back")

    _, paused, resumed = await paced.service.audit_entries(task.task_id)
    assert (paused.action, paused.reason, resumed.action, resumed.reason) == ("pause", "Holidays", "resume", "Back")
    assert paused.after == {
        "next_run_ms": to_ms(until),
        "paused_at": "2026-03-02T09:00:00Z",
        "paused_until": "2026-03-02T09:40:00Z",
        "pause_reason": "Holidays",
    }
    assert resumed.before == paused.after
    events = (await paced.service.read_events("0", task_id=task.task_id)).events
    assert [(each.kind, each.paused_until, each.reason) for each in events[1:]] == [
        ("task_paused", until, "Holidays"),
        ("task_resumed", None, "Back"),
    ]
    assert events[2].next_run_at == clock.now() + 15 * MINUTE


async def test_a_pause_is_made_once_and_under_the_fence_read(paced: ManualScheduler) -> None:
    task = await quarterly(paced)
    mark = IDEMPOTENCY_KEY.set(IdempotencyKey("me", "pause-1", "digest"))
    try:
        first = await paced.service.pause_task(task.task_id, fence=task.fence)
        again = await paced.service.pause_task(task.task_id, fence=task.fence)
    finally:
        IDEMPOTENCY_KEY.reset(mark)
    assert (first.disposition, again.disposition, again.fence) == ("changed", "existing", first.fence)
    with pytest.raises(TaskChanged):
        await paced.service.resume_task(task.task_id, fence=task.fence)
    await paced.service.resume_task(task.task_id, fence=first.fence)
    assert (await paced.service.resume_task(task.task_id)).disposition == "existing"


async def test_a_wrong_end_or_choice_is_refused(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await quarterly(paced)
    with pytest.raises(InvalidInput, match="until"):
        await paced.service.pause_task(task.task_id, clock.now())
    with pytest.raises(InvalidInput, match="on_missed"):
        await paced.service.resume_task(task.task_id, "later")
    assert (await paced.service.get_task(task.task_id)).fence == task.fence


async def test_a_pause_holds_on_another_replica_too(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await quarterly(scheduler)
        read = await scheduler.service._process.graph().queue.due(clock.now() + 20 * MINUTE, 10)
        await scheduler.service.pause_task(task.task_id)
        assert list(await scheduler.service._process.graph().queue.due(clock.now() + 20 * MINUTE, 10)) == []
        assert len(read) == 1
