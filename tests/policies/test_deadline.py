"""The deadline of an occurrence, and the age up to which late ones are caught up with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from remembrancer import Execution, ExecutionStatus, ExecutionType, Failed, Reason, TaskSchedulerService
from remembrancer.model.handler_result import HandlerOutcome
from remembrancer.model.task import ScheduledTask
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies import pipeline
from remembrancer.policies.decision import PLAIN, PlanContext, Run, Skip
from remembrancer.policies.retry import next_attempt_after
from remembrancer.policies.settlement import recovery_of
from remembrancer.policies.unanswered.deadline import deadline_ms_of
from remembrancer.stores.rows.due_key import time_ms_of
from remembrancer.stores.rows.wait_keys import due_key_of
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer.policies.decision import Decision
    from remembrancer.ports.graph import Graph
    from remembrancer.testing import VirtualClock

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_task(**fields: Any) -> ScheduledTask:
    made: dict[str, Any] = {
        "task_id": "task_1",
        "name": "Task",
        "goal_description": "g",
        "trigger_prompt": "p",
        "origin_thought_id": "t",
        "created_at": NINE - timedelta(days=9),
        "schedule_cron": "0 * * * *",
        "next_run_ms": to_ms(NINE),
        "nominal_ms": to_ms(NINE),
        **fields,
    }
    return ScheduledTask.model_validate(made)


def once(**fields: Any) -> ScheduledTask:
    return a_task(schedule_cron=None, defer_until=NINE, **fields)


def decided(task: ScheduledTask, at: datetime) -> Decision:
    return pipeline.plan(task, PLAIN, PlanContext(to_ms(at), "replica"))


def missed(decision: Decision) -> tuple[int, Reason, int | None]:
    """Return how many occurrences are missed, why, and when the next one is."""
    assert isinstance(decision, Skip)
    assert decision.status is ExecutionStatus.MISSED
    return decision.occurrences.occurrences, decision.code, decision.next_run_ms


def an_attempt(**fields: Any) -> Execution:
    made: dict[str, Any] = {
        "execution_id": "exec_1",
        "occurrence_key": f"{to_ms(NINE)}|task_1|1",
        "task_id": "task_1",
        "execution_type": ExecutionType.CRON,
        "task_type": TaskType.RECURRING,
        "status": ExecutionStatus.RUNNING,
        "nominal_at": NINE,
        "triggered_at": NINE,
        **fields,
    }
    return Execution.model_validate(made)


def store_of(scheduler: ManualScheduler) -> Graph:
    service: Any = scheduler.service
    store: Graph = service._process.store
    return store


def test_an_occurrence_may_begin_until_its_deadline() -> None:
    task = a_task(deadline_seconds=600.0, misfire_grace_seconds=3600.0)
    assert isinstance(decided(task, NINE + timedelta(milliseconds=599_999)), Run)
    assert missed(decided(task, NINE + 10 * MINUTE)) == (1, Reason.DEADLINE_PASSED, to_ms(NINE + 60 * MINUTE))
    assert missed(decided(once(deadline_seconds=600.0), NINE + 10 * MINUTE)) == (1, Reason.DEADLINE_PASSED, None)


def test_a_deadline_counts_all_that_have_passed_theirs() -> None:
    task = a_task(deadline_seconds=5400.0, misfire="run_all")
    decision = decided(task, NINE + timedelta(hours=100))
    assert missed(decision) == (99, Reason.DEADLINE_PASSED, to_ms(NINE + timedelta(hours=99)))


def test_a_deferral_moves_the_deadline_of_its_run() -> None:
    until = NINE + timedelta(hours=2, minutes=30)
    put_off = {"deferral_id": "d_1", "next_run_ms": to_ms(until), "defer_until": until}
    held = a_task(deadline_seconds=600.0, **put_off)
    assert deadline_ms_of(held) is None  # what it holds is accounted for first
    after = a_task(deadline_seconds=600.0, **put_off | {"nominal_ms": to_ms(until)})
    assert deadline_ms_of(after) == to_ms(until + 10 * MINUTE)
    decision = decided(after, until + 10 * MINUTE)
    assert missed(decision) == (1, Reason.DEADLINE_PASSED, to_ms(NINE + timedelta(hours=3)))
    assert isinstance(decision, Skip)
    assert decision.ends_deferral
    assert decision.occurrences.first_ms == to_ms(until)


def test_a_pause_keeps_its_word_before_the_deadline() -> None:
    task = a_task(deadline_seconds=600.0, paused_at=NINE - MINUTE, next_run_ms=to_ms(NINE))
    assert not isinstance(decided(task, NINE + 20 * MINUTE), Skip)


@pytest.mark.parametrize("misfire", ["run_once", "run_all"])
def test_what_is_too_old_is_not_caught_up_with(misfire: str) -> None:
    """Found at 15:30: 9:00 to 13:00 are two hours old or more, 14:00 and 15:00 are late."""
    task = a_task(misfire=misfire, misfire_age_seconds=7200.0)
    found = NINE + timedelta(hours=6, minutes=30)
    assert missed(decided(task, found)) == (5, Reason.MISFIRE_TOO_OLD, to_ms(NINE + timedelta(hours=5)))
    at_ms = to_ms(NINE + timedelta(hours=5))
    then = decided(task.model_copy(update={"next_run_ms": at_ms, "nominal_ms": at_ms}), found)
    assert isinstance(then, Run) if misfire == "run_all" else missed(then)[1] is Reason.MISFIRE_COALESCED


def test_a_one_time_task_that_is_too_old_does_not_run() -> None:
    task = once(misfire_age_seconds=7200.0)
    assert isinstance(decided(task, NINE + timedelta(milliseconds=7_199_999)), Run)
    assert missed(decided(task, NINE + timedelta(hours=2))) == (1, Reason.MISFIRE_TOO_OLD, None)


def test_a_pause_makes_up_for_nothing_that_is_too_old() -> None:
    """Paused from before 9:00 until 15:30: 9:00 to 13:00 are older than two hours when it ends."""
    until = NINE + timedelta(hours=6, minutes=30)
    paused = {"paused_at": NINE - MINUTE, "paused_until": until, "next_run_ms": to_ms(until), "misfire": "run_all"}
    decision = decided(a_task(misfire_age_seconds=7200.0, **paused), until)
    assert isinstance(decision, Skip)
    assert (decision.code, decision.occurrences.occurrences) == (Reason.HELD_BY_PAUSE, 5)


@given(
    st.sampled_from(["skip", "run_once", "run_all"]),
    st.none() | st.floats(1, 200_000),
    st.none() | st.floats(1, 200_000),
    st.integers(0, 200_000),
)
def test_late_occurrences_have_one_outcome_each(
    misfire: str, age: float | None, deadline: float | None, late: int
) -> None:
    found = NINE + timedelta(seconds=late)
    task = a_task(misfire=misfire, misfire_age_seconds=age, deadline_seconds=deadline, misfire_limit=3)
    served = 0
    while task.next_run_ms is not None and task.next_run_ms <= to_ms(found):
        decision = decided(task, found)
        assert isinstance(decision, Run | Skip)
        if isinstance(decision, Run):
            started_late = (to_ms(found) - decision.occurrence_ms) / 1000
            assert deadline is None or started_late < deadline
            assert age is None or started_late < max(age, 60.001)
        served += decision.occurrences.occurrences if isinstance(decision, Skip) else 1
        next_ms = decision.next_ms if isinstance(decision, Run) else decision.next_run_ms
        task = task.model_copy(update={"next_run_ms": next_ms, "nominal_ms": next_ms})
    assert served == 1 + late // 3600


def test_a_task_that_waits_is_due_for_its_deadline_only() -> None:
    waits = {"wait_key": "limit:key:desk", "waits_since_ms": to_ms(NINE), "wait_reason": "Full."}
    assert due_key_of(a_task(**waits)) is None
    key = due_key_of(a_task(**waits, deadline_seconds=90.0))
    assert key is not None
    assert time_ms_of(key) == to_ms(NINE) + 90_000


def test_no_attempt_begins_after_the_deadline() -> None:
    raised = HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_RAISED, "no")
    task = a_task(retry={"backoff": "fixed", "delay": 60, "jitter": "none"}, deadline_seconds=600.0)
    assert next_attempt_after(task, an_attempt(), raised, NINE + 8 * MINUTE).due_ms == to_ms(NINE + 9 * MINUTE)
    assert next_attempt_after(task, an_attempt(), raised, NINE + 9 * MINUTE).due_ms is None
    lost = a_task(on_lost="retry", deadline_seconds=600.0)
    assert recovery_of(lost, an_attempt(), NINE + 9 * MINUTE, "replica").retry is not None
    assert recovery_of(lost, an_attempt(), NINE + 10 * MINUTE, "replica").retry is None


async def test_an_occurrence_that_waits_is_missed_at_its_deadline(graph: str, clock: VirtualClock) -> None:
    """`deadline_passed`: the task is looked at when the time comes, however rarely waits are swept."""
    service = TaskSchedulerService(graph, clock, check_interval_seconds=3600)
    async with ManualScheduler(service, clock) as scheduler:
        begun = clock.now()
        first = await service.schedule_task("First", "g", "p", "t", begun + timedelta(days=2))
        task = await service.schedule_task(
            "Second", "g", "p", "t", begun + MINUTE, depends_on=[first.task_id], deadline_seconds=600
        )
        await scheduler.tick(MINUTE)
        waits = await service.get_task(task.task_id)
        assert waits.wait_key == f"task:{first.task_id}"
        assert await store_of(scheduler).queue.next_run_at() == begun + 11 * MINUTE
        await scheduler.tick(9 * MINUTE)
        assert (await service.get_task(task.task_id)).fence == waits.fence
        assert [each.task_id for each in await service.find_tasks()] == [task.task_id, first.task_id]

        await scheduler.tick(MINUTE)
        (run,) = await service.history(task.task_id)
        assert (run.status, run.reason_code) == ("missed", Reason.DEADLINE_PASSED)
        assert "First" in (run.reason or "")
        ended = await service.get_task(task.task_id)
        assert (ended.status, ended.wait_key) == ("FAILED", None)


async def test_a_wait_that_ends_in_time_leaves_no_deadline(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service, begun = scheduler.service, clock.now()
        first = await service.schedule_task("First", "g", "p", "t", begun + 3 * MINUTE)
        task = await service.schedule_task(
            "Second", "g", "p", "t", begun + MINUTE, depends_on=[first.task_id], deadline_seconds=600
        )
        await scheduler.tick(MINUTE)
        await scheduler.tick(2 * MINUTE)
        await scheduler.tick(MINUTE)
        assert [run.status for run in await service.history(task.task_id)] == ["completed"]
        await scheduler.tick(timedelta(hours=1))
        assert [run.status for run in await service.history(task.task_id)] == ["completed"]


async def test_an_attempt_held_beyond_the_deadline_never_starts(graph: str, clock: VirtualClock) -> None:
    calls: list[int] = []

    def handler(_firing: object) -> Failed:
        calls.append(1)
        return Failed("no")

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        service = scheduler.service
        task = await service.schedule_task(
            "Task", "g", "p", "t", schedule_cron="0 0 1 * *", retry="fixed 60s", deadline_seconds=600
        )
        await scheduler.tick(from_ms(task.next_run_ms or 0) - clock.now())
        assert len(calls) == 1
        await service.pause_task(task.task_id)
        await scheduler.tick(5 * MINUTE)
        await scheduler.tick(6 * MINUTE)
        await service.resume_task(task.task_id)
        await scheduler.tick()
        assert len(calls) == 1
        (run,) = await service.history(task.task_id)
        assert (run.status, run.retry_due_ms) == ("failed", None)


async def test_a_task_ends_with_an_attempt_that_comes_too_late(graph: str, clock: VirtualClock) -> None:
    def handler(_firing: object) -> Failed:
        return Failed("no")

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        service = scheduler.service
        choices: dict[str, Any] = {"retry": "fixed 60s", "deadline_seconds": 600, "budget": {"runs": 1}}
        made = await service.schedule_task("Task", "g", "p", "t", clock.now() + MINUTE, **choices)
        await scheduler.tick(MINUTE)
        await scheduler.tick(5 * MINUTE)
        assert (await service.get_task(made.task_id)).is_open, "an attempt waits for the budget"
        await scheduler.tick(6 * MINUTE)

        assert (await service.get_task(made.task_id)).status == "FAILED"
        assert [each.failures for each in await service.dead_letters(made.task_id)] == [1]
