"""The deadline of an occurrence: from then on it is missed, also while it waits. Pure functions.

The laws:

- An occurrence that has not begun `deadline_seconds` after its time is missed, with the reason `deadline_passed`,
  whatever it waits for: a slot, another task, a budget.
- A task that waits is due for its deadline, and not before: without `deadline_seconds` a wait has no end.
- No attempt begins after the deadline of its occurrence; the failure before is the outcome.
- A deferred run has its time from the deferral. One whose time was in the past when it was asked for has no
  deadline, and neither has a run that a caller asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.additions import additions_of, pending_additions
from remembrancer.policies.decision import Run, Skip
from remembrancer.policies.occurrences import (
    OccurrenceRange,
    due_ms,
    holds_occurrences,
    last_of,
    next_of,
    run_without_pause_ms,
)
from remembrancer.policies.unanswered.deferral import deferral
from remembrancer.policies.unanswered.questions import is_refused
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation


def deadline(task: ScheduledTask, situation: Situation, context: PlanContext) -> Skip | None:
    """Skip the occurrences whose deadline has passed; None if that of the first has not, or there is none."""
    if task.deadline_seconds is None or task.is_paused(context.now):
        return None
    deadline_ms = deadline_ms_of(task)
    if deadline_ms is None or context.now_ms < deadline_ms:
        return None
    occurrence_ms = deadline_ms - _length_ms(task)
    if task.deferral_id is not None or task.is_single:
        run = deferral(task, situation, context)
        next_ms = run.next_ms if isinstance(run, Run) else None
        return _missed(task, OccurrenceRange(occurrence_ms, occurrence_ms, 1), next_ms)
    schedule = remaining_schedule(task)
    latest_ms = context.now_ms - _length_ms(task)
    exempt_ms = _first_exempt_ms(task)
    if exempt_ms is not None:
        latest_ms = min(latest_ms, exempt_ms - 1)
    passed = 1 + schedule.count(occurrence_ms + 1, latest_ms)
    last_ms = last_of(schedule, occurrence_ms, passed, latest_ms)
    return _missed(task, OccurrenceRange(occurrence_ms, last_ms, passed), next_of(schedule, last_ms))


def deadline_ms_of(task: ScheduledTask) -> int | None:
    """Return the deadline of the occurrence that an armed task is due for (epoch ms); None without one."""
    if task.deadline_seconds is None or task.next_run_ms is None:
        return None
    if task.question_id is not None or is_refused(task) or holds_occurrences(task):
        return None  # the time for an answer, or a deferral, decides first
    occurrence_ms = (run_without_pause_ms(task) if task.deferral_id is not None else None) or due_ms(task)
    if task.deferral_id is None and _first_exempt_ms(task) == occurrence_ms:
        return None
    return occurrence_ms + _length_ms(task)


def attempts_until_ms(task: ScheduledTask, execution: Execution) -> int | None:
    """Return the time (epoch ms) from which on no attempt at an occurrence begins; None without one."""
    if task.deadline_seconds is None or execution.execution_type is ExecutionType.MANUAL:
        return None
    nominal_ms = to_ms(execution.nominal_at)
    addition = None if task.additions is None else additions_of(task).at(nominal_ms)
    return None if addition is not None and addition.runs_late else nominal_ms + _length_ms(task)


def _length_ms(task: ScheduledTask) -> int:
    assert task.deadline_seconds is not None  # noqa: S101 (the callers have looked)
    return round(task.deadline_seconds * 1000)


def _first_exempt_ms(task: ScheduledTask) -> int | None:
    """Return the first occurrence that runs however late, since its time was in the past when it was asked for."""
    if task.additions is None:
        return None
    return next((each.at_ms for each in pending_additions(task) if each.runs_late), None)


def _waiting(task: ScheduledTask) -> str:
    """Return what it waited for, as the end of a sentence."""
    return "" if task.wait_reason is None else f": {task.wait_reason.rstrip('.')}"


def _missed(task: ScheduledTask, passed: OccurrenceRange, next_ms: int | None) -> Skip:
    reason = f"It had not begun {task.deadline_seconds:g} s after its time{_waiting(task)}."[:10_000]
    deferred = task.deferral_id is not None
    return Skip(passed, ExecutionStatus.MISSED, Reason.DEADLINE_PASSED, reason, next_ms, next_ms, deferred)
