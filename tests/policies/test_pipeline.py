"""A policy is one function and one entry of the pipeline: its reason is in the history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remembrancer import TaskSchedulerService
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.timestamps import to_ms
from remembrancer.policies import pipeline
from remembrancer.policies.decision import PLAIN, PlanContext, Run, Skip, Wait
from remembrancer.policies.occurrences import OccurrenceRange, due_ms
from remembrancer.schedules.kinds import remaining_schedule
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    import pytest

    from remembrancer import ScheduledTask
    from remembrancer.policies.decision import Policy, Situation
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


def not_on_odd_minutes(task: ScheduledTask, _situation: Situation, _context: PlanContext) -> Skip | None:
    occurrence_ms = due_ms(task)
    if occurrence_ms // 60_000 % 2 == 0:
        return None
    after_ms = remaining_schedule(task).next_ms(occurrence_ms)
    one = OccurrenceRange(occurrence_ms, occurrence_ms, 1)
    reason = "It does not run on odd minutes."
    return Skip(one, ExecutionStatus.SKIPPED, Reason.MISFIRE_SKIPPED, reason, after_ms, after_ms)


def begin_with(monkeypatch: pytest.MonkeyPatch, policy: Policy) -> None:
    monkeypatch.setattr(pipeline, "POLICIES", (policy, *pipeline.POLICIES))


async def minutely(scheduler: ManualScheduler) -> ScheduledTask:
    return await scheduler.service.schedule_task("Minute", "goal", "prompt", "thought", schedule_cron="* * * * *")


async def test_a_new_policy_gives_its_reason_in_the_history(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_with(monkeypatch, not_on_odd_minutes)
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        await minutely(scheduler)
        for _ in range(4):
            await scheduler.tick(MINUTE)
        runs = await scheduler.service.history()

    assert [(run.status.value, run.reason) for run in reversed(runs)] == [
        ("skipped", "It does not run on odd minutes."),
        ("completed", None),
        ("skipped", "It does not run on odd minutes."),
        ("completed", None),
    ]


async def test_a_waiting_occurrence_stays_due_until_it_runs(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = True

    def while_closed(_task: ScheduledTask, _situation: Situation, _context: PlanContext) -> Wait | None:
        return Wait("The shop is closed.") if closed else None

    begin_with(monkeypatch, while_closed)
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await minutely(scheduler)
        assert await scheduler.tick(MINUTE) == 0
        assert await scheduler.service.history() == []
        closed = False
        assert await scheduler.tick() == 1
        (run,) = await scheduler.service.history()

    assert to_ms(run.nominal_at) == task.nominal_ms


async def test_the_first_policy_with_an_answer_decides(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def policy(name: str, answer: Any) -> Policy:
        def decide(_task: ScheduledTask, _situation: Situation, _context: PlanContext) -> Any:
            asked.append(name)
            return answer

        return decide

    first, second, third = policy("first", None), policy("second", Wait("No.")), policy("third", None)
    monkeypatch.setattr(pipeline, "POLICIES", (first, second, third))
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await minutely(scheduler)

    assert pipeline.plan(task, PLAIN, PlanContext(task.next_run_ms or 0, None)) == Wait("No.")
    assert asked == ["first", "second"]


async def test_the_pipeline_ends_with_a_run(clock: VirtualClock, tmp_path: Any) -> None:
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        task = await minutely(scheduler)

    decision = pipeline.plan(task, PLAIN, PlanContext(task.next_run_ms or 0, None))
    assert isinstance(decision, Run)
    assert decision.reason
    assert decision.next_ms == (task.next_run_ms or 0) + 60_000
