"""Cancellation: an outcome for each occurrence that is pending when its task is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.policies.claims import skip_claim
from remembrancer.policies.decision import PlanContext, Skip
from remembrancer.policies.occurrences import pending_occurrences, without_pause

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim


def outstanding(task: ScheduledTask, now_ms: int) -> Claim | None:
    """Account for the occurrences of *task* that are pending when it is cancelled; None without any."""
    pending = pending_occurrences(without_pause(task), now_ms)
    if pending is None:
        return None
    reason = "The task was cancelled before this occurrence ran."
    armed_ms = now_ms if task.next_run_ms is None else task.next_run_ms  # the cancellation itself disarms the task
    skip = Skip(pending, ExecutionStatus.CANCELLED, Reason.TASK_CANCELLED, reason, armed_ms, None)
    return skip_claim(task, skip, PlanContext(now_ms, None))
