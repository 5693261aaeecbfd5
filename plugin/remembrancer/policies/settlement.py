"""Settlements: the outcome of an execution, and the status of its task after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.budget import charge_of
from remembrancer.policies.pace import pacing_of
from remembrancer.ports.writes import Settlement
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.handler import Firing
    from remembrancer.ports.writes import Reschedule

_LONGEST_FAULT: Final = 500


def settlement_of(
    firing: Firing, outcome: HandlerOutcome, now: datetime, reschedule: Reschedule | None = None
) -> Settlement:
    """Return the settlement of an execution; *reschedule* is the deferral that its handler requested."""
    execution, last = firing.execution, is_last(firing.task, firing.execution)
    paced = pacing_of(firing.task, execution, outcome, now)
    return Settlement(
        execution=execution,
        status=outcome.status,
        completed_at=now,
        duration_seconds=max(0.0, (now - execution.triggered_at).total_seconds()),
        reason_code=outcome.reason_code or paced.code,
        reason=outcome.reason or paced.note,
        result=outcome.result,
        thought=outcome.thought,
        ends_task=ends(outcome.status) if last and not reschedule else None,
        reschedule=reschedule,
        is_last=last,
        additions=firing.task.additions,
        next_check=paced.check,
        charge=None if firing.task.budget_id is None else charge_of(firing, outcome, deferred=reschedule is not None),
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
        ends_task=ends(ExecutionStatus.FAILED) if settlement.is_last else None,
        reschedule=None,
    )


def is_last(task: ScheduledTask, execution: Execution) -> bool:
    """Return whether no occurrence of *task* follows that of *execution*."""
    if execution.execution_type is ExecutionType.MANUAL:
        return False
    if execution.task_type is TaskType.ONE_TIME and task.additions is None:
        return True
    if task.reacts:  # it waits for what comes
        return False
    if task.schedule_cron is not None:  # a cron expression goes on
        return False
    try:
        schedule = remaining_schedule(task)
        return schedule.is_finite and schedule.next_after(to_ms(execution.nominal_at)) is None
    except InvalidInput:  # the task is quarantined, with this error as the reason, when it is due
        return False


def ends(status: ExecutionStatus) -> TaskStatus:
    """Return the status of a task after its last run."""
    return TaskStatus.COMPLETE if status is ExecutionStatus.COMPLETED else TaskStatus.FAILED
