"""The policy for occurrences that a caller asked to skip, and the marks of them. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.skip_mark import skips_from, skips_text
from remembrancer.model.task_status import TaskStatus
from remembrancer.policies.decision import Skip
from remembrancer.policies.occurrences import OccurrenceRange, due_ms, next_of
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from remembrancer.model.skip_mark import SkipMark
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation


def skip(task: ScheduledTask, situation: Situation, context: PlanContext) -> Skip | None:
    """Skip an occurrence that a caller has marked; None for any other. A pause and a deferral come before it."""
    del situation
    if task.skips is None or task.deferral_id is not None or task.is_paused(context.now):
        return None
    occurrence_ms, marks = due_ms(task), skips_from(task.skips)
    mark = next((each for each in marks if each.at_ms == occurrence_ms), None)
    if mark is None:
        return None
    next_ms = None if task.is_single else next_of(remaining_schedule(task), occurrence_ms)
    never_ran = task.is_single and mark.code is Reason.SKIP_REQUESTED
    return Skip(
        OccurrenceRange(occurrence_ms, occurrence_ms, 1),
        ExecutionStatus.SKIPPED,
        mark.code,
        mark.reason,
        next_ms,
        next_ms,
        ends_as=TaskStatus.FAILED if never_ran else TaskStatus.COMPLETE,
        gains={"skips": skips_text(each for each in marks if each.at_ms > occurrence_ms)},
    )


def pending_skips(task: ScheduledTask) -> list[SkipMark]:
    """Return the marks of occurrences without an outcome, ascending."""
    if task.skips is None or task.nominal_ms is None:
        return []
    return [each for each in skips_from(task.skips) if each.at_ms >= task.nominal_ms]
