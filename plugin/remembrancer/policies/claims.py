"""Claims: a decision as the store writes it. One claim accounts for one run, or for a row of skipped occurrences."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType
from remembrancer.model.ids import execution_id_of, occurrence_key
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.additions import additions_of, are_over
from remembrancer.policies.budget import draw_of
from remembrancer.policies.decision import Run, Skip
from remembrancer.policies.follow_ups import follow_up_of
from remembrancer.policies.occurrences import run_without_pause_ms
from remembrancer.policies.pace import with_next_check
from remembrancer.ports.writes import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Decision, PlanContext


NO_QUESTION: Final[Mapping[str, None]] = {"question_id": None, "question": None}
"""The properties of a task without an open question."""


def claim_of(task: ScheduledTask, decision: Decision, context: PlanContext) -> Claim | None:
    """Return the claim that carries *decision* out; None if the task waits."""
    if isinstance(decision, Run):
        return _run_claim(task, decision, context)
    if isinstance(decision, Skip):
        claim = skip_claim(task, with_next_check(task, decision, context.now_ms), context)
        if task.follow_up is None or decision.status is not ExecutionStatus.MISSED:
            return claim
        return replace(claim, follow_up=follow_up_of(task, claim.execution, context))
    return None


def _run_claim(task: ScheduledTask, run: Run, context: PlanContext) -> Claim:
    assert task.next_run_ms is not None  # noqa: S101 (only an armed task is due)
    deferred = run.execution_type is ExecutionType.DEFERRED
    # A deferred run is an occurrence of its own, at the time that it was deferred to.
    nominal_ms = (run_without_pause_ms(task) if deferred else None) or run.occurrence_ms
    key = occurrence_key(task.task_id, nominal_ms, 1)
    execution = Execution(
        execution_id=execution_id_of(key, nominal_ms),
        occurrence_key=key,
        task_id=task.task_id,
        execution_type=run.execution_type,
        task_type=task.task_type,
        status=ExecutionStatus.RUNNING,
        nominal_at=from_ms(nominal_ms),
        triggered_at=context.now,
        trigger_delay_ms=max(0, context.now_ms - max(task.next_run_ms, to_ms(task.created_at))),
        fence=task.fence + 1,
        replica_id=context.replica_id,
    )
    begins = task.status is TaskStatus.PENDING
    over = _is_pause_over(task, run.next_ms)
    claim = Claim(execution, task.next_run_ms, run.next_ms, run.next_ms, TaskStatus.ACTIVE, deferred, begins, over)
    if task.depends_on:
        claim = replace(claim, gains={"joined_ms": run.occurrence_ms})
    if task.budget_id is not None:
        claim = replace(claim, draw=draw_of(task))
    if task.wait_key is not None:
        claim = replace(claim, ends_wait=True)
    if task.additions is None:
        return claim
    gains = claim.gains
    if run.next_ms is not None and are_over(task, nominal_ms, context.now_ms):
        gains = {**(gains or {}), "additions": None}
    return replace(claim, execution=execution if deferred else _with_cause(task, execution), gains=gains)


def _with_cause(task: ScheduledTask, execution: Execution) -> Execution:
    """Return the execution of an occurrence with its cause, if it is an addition."""
    addition = additions_of(task).at(to_ms(execution.nominal_at))
    if addition is None:
        return execution
    return execution.model_copy(update={"cause": addition.cause, "cause_detail": dict(addition.detail) or None})


def skip_claim(task: ScheduledTask, skip: Skip, context: PlanContext) -> Claim:
    """Return the claim that records occurrences which do not run."""
    first_ms, last_ms, occurrences = skip.occurrences
    key = occurrence_key(task.task_id, first_ms, 1)
    recurring = task.task_type is TaskType.RECURRING
    execution = Execution(
        execution_id=execution_id_of(key, first_ms),
        occurrence_key=key,
        task_id=task.task_id,
        execution_type=ExecutionType.CRON if recurring else ExecutionType.ONE_TIME,
        task_type=task.task_type,
        status=skip.status,
        nominal_at=from_ms(first_ms),
        last_nominal_at=from_ms(last_ms),
        occurrences=occurrences,
        triggered_at=context.now,
        completed_at=context.now,
        duration_seconds=0.0,
        fence=task.fence + 1,
        replica_id=context.replica_id,
        reason_code=skip.code,
        reason=skip.reason,
    )
    if task.additions is not None and occurrences == 1:
        execution = _with_cause(task, execution)
    status = skip.ends_as if skip.next_run_ms is None and not task.reacts else task.status
    begins = task.status is TaskStatus.PENDING and status is not TaskStatus.PENDING
    return Claim(
        execution,
        task.next_run_ms,
        skip.next_run_ms,
        skip.next_nominal_ms,
        status,
        skip.ends_deferral,
        begins,
        _is_pause_over(task, skip.next_nominal_ms),
        _gains(task, skip),
        ends_wait=task.wait_key is not None,
    )


def _gains(task: ScheduledTask, skip: Skip) -> Mapping[str, str | int | None] | None:
    """Return the other properties that change with *skip*: what is joined, and a question that ends."""
    gains = {**(skip.gains or {}), "joined_ms": skip.occurrences.last_ms} if task.depends_on else skip.gains
    if skip.ends_deferral and task.question_id is not None:
        return {**(gains or {}), **NO_QUESTION}
    return gains


def _is_pause_over(task: ScheduledTask, next_nominal_ms: int | None) -> bool:
    """Return whether no occurrence from before the end of the task's pause is left after a claim."""
    until = task.paused_until
    return until is not None and (next_nominal_ms is None or next_nominal_ms >= to_ms(until))
