"""Outcomes for the occurrences that are pending when their task is cancelled, or gets another schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.task_status import TaskStatus
from remembrancer.policies.additions import without_additions
from remembrancer.policies.claims import skip_claim
from remembrancer.policies.decision import PlanContext, Skip
from remembrancer.policies.occurrences import pending_occurrences, without_pause
from remembrancer.policies.pause import unpaused

if TYPE_CHECKING:
    from collections.abc import Collection

    from remembrancer.model.addition import Addition
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim


def outstanding(task: ScheduledTask, now_ms: int) -> Claim | None:
    """Account for the occurrences of *task* that are pending when it is cancelled; None without any."""
    reason = "The task was cancelled before this occurrence ran."
    return _outstanding(task, now_ms, (ExecutionStatus.CANCELLED, Reason.TASK_CANCELLED, reason), task)


def cancelled(task: ScheduledTask) -> ScheduledTask:
    """Return *task* as it is once it is cancelled."""
    disarmed = {"next_run_ms": None, "nominal_ms": None, "deferral_id": None, "question_id": None, "question": None}
    return unpaused(task).model_copy(update={**disarmed, "status": TaskStatus.CANCELLED})


def superseded(task: ScheduledTask, now_ms: int, kept: Collection[Addition] = ()) -> Claim | None:
    """Account for the occurrences of *task* that are pending when it gets another schedule; None without any.

    The additions *kept* still run.
    """
    reason = "The task got another schedule before this occurrence ran."
    rest = without_additions(task, kept)
    if rest.nominal_ms is None and rest.deferral_id is None and kept:
        return None
    return _outstanding(task, now_ms, (ExecutionStatus.SUPERSEDED, Reason.SCHEDULE_CHANGED, reason), rest)


def _outstanding(
    task: ScheduledTask, now_ms: int, how: tuple[ExecutionStatus, Reason, str], rest: ScheduledTask
) -> Claim | None:
    pending = pending_occurrences(without_pause(rest), now_ms)
    if pending is None:
        return None
    armed_ms = now_ms if task.next_run_ms is None else task.next_run_ms  # the change itself arms or disarms the task
    return skip_claim(task, Skip(pending, *how, armed_ms, None), PlanContext(now_ms, None))
