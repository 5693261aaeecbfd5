"""The last policy: an occurrence that no other policy decides about runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import ExecutionType
from remembrancer.policies.decision import Run
from remembrancer.policies.occurrences import due_ms, next_of
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation

_DUE: Final = "Its time has come."


def run_when_due(task: ScheduledTask, situation: Situation, context: PlanContext) -> Run:
    """Run the occurrence: the last policy, for all that no other decides."""
    del situation, context
    occurrence_ms = due_ms(task)
    if task.is_single:
        kind = ExecutionType.DEFERRED if task.deferral_id else ExecutionType.ONE_TIME
        return Run(occurrence_ms, None, kind, _DUE)
    return Run(occurrence_ms, next_of(remaining_schedule(task), occurrence_ms), ExecutionType.CRON, _DUE)
