"""What a task still owes when somebody ends it: each moment that has come gets an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.policies.pipeline import PlanContext, SkippedOccurrences, pending_occurrences, skip

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim


def outstanding(task: ScheduledTask, now_ms: int) -> Claim | None:
    """Account for the moments of *task* that have come and that it is cancelled with; None without any."""
    moments = pending_occurrences(task, now_ms)
    if moments is None:
        return None
    text = "The task was cancelled before anything became of this moment."
    dropped = SkippedOccurrences(
        moments.first_ms,
        moments.last_ms,
        moments.occurrences,
        ExecutionStatus.CANCELLED,
        Reason.TASK_CANCELLED,
        text,
    )
    return skip(task, dropped, task.next_run_ms, None, PlanContext(now_ms, None))
