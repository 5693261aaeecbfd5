"""Settlements: the outcome of an execution, also of one that was lost, and the status of its task after it.

The laws of failures in a row, of a recurring task with `pause_on_failure`:

- The task is paused by the commit of the outcome that completes so many of them, whichever replica writes it. The pause
  names their number and the last failure.
- An occurrence counts once, by the outcome of its last attempt: a failure that another attempt follows does not count,
  and one does whose attempt is given up, or a lost run that none follows. So does a failure that is written since the
  graph refused to keep what the handler answered. A completion ends the row; other outcomes leave it as it is.
- A run that a caller asks for does not count: it is a trial.
- After a resumption the count begins again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.policy import OnLost
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.budget import LOST, charge_of, draw_of
from remembrancer.policies.pace import Pacing, check_after_loss, pacing_of
from remembrancer.policies.retry import NO_FAILURE, next_attempt_after, next_execution
from remembrancer.policies.unanswered.deadline import attempts_until_ms
from remembrancer.ports.writes import Recovery, Settlement
from remembrancer.schedules.kinds import remaining_schedule

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.handler import Firing
    from remembrancer.ports.writes import Reschedule

_LONGEST_FAULT: Final = 500
_LOST_FOR_GOOD: Final = "It was lost, and its task has no further attempt at a lost one (on_lost, max_attempts)."
_EXHAUSTED: Final = "The budget of its lineage has nothing left for another attempt."


def settlement_of(
    firing: Firing, outcome: HandlerOutcome, now: datetime, reschedule: Reschedule | None = None
) -> Settlement:
    """Return the settlement of an execution; *reschedule* is the deferral that its handler requested."""
    execution, last = firing.execution, is_last(firing.task, firing.execution)
    failed = outcome.status is ExecutionStatus.FAILED
    due_ms, because = next_attempt_after(firing.task, execution, outcome, now) if failed else NO_FAILURE
    paced = Pacing() if due_ms is not None else pacing_of(firing.task, execution, outcome, now)
    is_deferred = reschedule is not None or outcome.reason_code is Reason.HELD_BY_DEFERRAL  # by a caller meanwhile
    return Settlement(
        execution=execution,
        status=outcome.status,
        completed_at=now,
        duration_seconds=max(0.0, (now - execution.triggered_at).total_seconds()),
        reason_code=outcome.reason_code or paced.code,
        reason=outcome.reason or paced.note,
        result=outcome.result,
        thought=outcome.thought,
        ends_task=ends(outcome.status) if last and not is_deferred and due_ms is None else None,
        reschedule=reschedule,
        is_last=last,
        additions=firing.task.additions,
        next_check=paced.check,
        charge=None if firing.task.budget_id is None else charge_of(firing, outcome, deferred=is_deferred),
        retry_due_ms=due_ms,
        is_permanent=outcome.is_permanent,
        ended_because=because,
        depends=bool(firing.task.depends_on),
        is_counted=is_counted(firing.task, execution, outcome.status, is_retried=due_ms is not None, is_last=last),
        is_counted_refused=is_counted(firing.task, execution, ExecutionStatus.FAILED, is_retried=False, is_last=last),
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
        retry_due_ms=None,
        is_counted=settlement.is_counted_refused,
    )


def given_up(task: ScheduledTask, failed: Execution, now: datetime, because: str) -> Settlement:
    """Return what follows from a failed execution that has become the outcome, *because* no attempt follows."""
    last = is_last(task, failed)
    return Settlement(
        execution=failed,
        status=ExecutionStatus.FAILED,
        completed_at=now,
        duration_seconds=failed.duration_seconds or 0.0,
        reason_code=failed.reason_code,
        reason=failed.reason,
        ends_task=ends(ExecutionStatus.FAILED) if last else None,
        additions=task.additions,
        next_check=check_after_loss(task, failed, now),
        ended_because=because,
        depends=bool(task.depends_on),
        is_counted=is_counted(task, failed, ExecutionStatus.FAILED, is_retried=False, is_last=last),
    )


def is_counted(
    task: ScheduledTask, execution: Execution, status: ExecutionStatus, *, is_retried: bool, is_last: bool
) -> bool:
    """Return whether an outcome counts for the failures in a row of *task*."""
    if task.pause_on_failure is None or is_last or is_retried:
        return False
    counted = status in {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED}
    return counted and execution.execution_type is not ExecutionType.MANUAL


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


def recovery_of(task: ScheduledTask | None, lost: Execution, now: datetime, replica_id: str) -> Recovery:
    """Return how a lost execution is settled and tried again; *task* is None for one that cannot be read."""
    again = task and task.on_lost is OnLost.RETRY and lost.attempt < task.max_attempts and task.is_open
    until_ms = attempts_until_ms(task, lost) if task and again else None
    if until_ms is not None and to_ms(now) >= until_ms:
        again = False
    retry = next_execution(lost, to_ms(now), replica_id) if again else None
    last = is_last(task, lost) if task else _is_only(lost)
    settlement = Settlement(
        execution=lost,
        status=ExecutionStatus.FAILED,
        completed_at=now,
        duration_seconds=max(0.0, (now - lost.triggered_at).total_seconds()),
        reason_code=Reason.LEASE_EXPIRED,
        reason=f"Its scheduler ({lost.replica_id}) went away while it ran; whether its work was done is not known.",
        ends_task=ends(ExecutionStatus.FAILED) if last and not retry else None,
        additions=task.additions if task else None,
        next_check=check_after_loss(task, lost, now) if task and not retry else None,
        charge=LOST if task is None or task.budget_id is not None else None,
        ended_because=None if retry else _LOST_FOR_GOOD,
        depends=task is not None and bool(task.depends_on),
        is_counted=task is not None
        and is_counted(task, lost, ExecutionStatus.FAILED, is_retried=retry is not None, is_last=last),
    )
    if task is None or retry is None or task.budget_id is None:
        return Recovery(settlement, retry)
    alone = recovery_of(task.model_copy(update={"on_lost": OnLost.FAIL}), lost, now, replica_id).settlement
    return Recovery(settlement, retry, draw_of(task), replace(alone, reason=f"{alone.reason} {_EXHAUSTED}"))


def _is_only(lost: Execution) -> bool:
    """Return whether this is the run of a one-time task, as far as the execution says."""
    return lost.task_type is TaskType.ONE_TIME and lost.execution_type is not ExecutionType.MANUAL
