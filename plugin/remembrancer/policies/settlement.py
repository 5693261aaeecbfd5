"""Settlements: the outcome of an execution, and the status of its task after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.ports.writes import Settlement

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.ports.writes import Reschedule

_LONGEST_FAULT: Final = 500


def settlement_of(
    execution: Execution, outcome: HandlerOutcome, now: datetime, reschedule: Reschedule | None = None
) -> Settlement:
    """Return the settlement of *execution*; *reschedule* is the deferral that its handler requested."""
    return Settlement(
        execution=execution,
        status=outcome.status,
        completed_at=now,
        duration_seconds=max(0.0, (now - execution.triggered_at).total_seconds()),
        reason_code=outcome.reason_code,
        reason=outcome.reason,
        result=outcome.result,
        thought=outcome.thought,
        ends_task=None if reschedule else ends(execution, outcome.status),
        reschedule=reschedule,
    )


def refused(settlement: Settlement, fault: str) -> Settlement:
    """Return the failure that is written in place of a settlement which the graph refused."""
    plain = fault[:_LONGEST_FAULT].encode("ascii", "backslashreplace").decode()[:_LONGEST_FAULT]
    return replace(
        settlement,
        status=ExecutionStatus.FAILED,
        reason_code=Reason.HANDLER_FAILED,
        reason=f"It ended as {settlement.status}, but the graph refused to keep what the handler answered: {plain}",
        result=None,
        thought=None,
        ends_task=ends(settlement.execution, ExecutionStatus.FAILED),
        reschedule=None,
    )


def ends(execution: Execution, status: ExecutionStatus) -> TaskStatus | None:
    """Return the status of a one-time task after its run; None for a task that continues."""
    if execution.task_type is TaskType.RECURRING or execution.execution_type is ExecutionType.MANUAL:
        return None
    return TaskStatus.COMPLETE if status is ExecutionStatus.COMPLETED else TaskStatus.FAILED
