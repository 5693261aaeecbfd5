"""Retry: the outcome of an execution whose lease expired, and the attempt that follows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import execution_id_of, next_attempt
from remembrancer.model.policy import OnLost
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.budget import LOST, draw_of
from remembrancer.policies.pace import check_after_loss
from remembrancer.policies.settlement import ends, is_last
from remembrancer.ports.writes import Recovery, Settlement

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask

_EXHAUSTED: Final = "The budget of its lineage has nothing left for another attempt."


def recovery_of(task: ScheduledTask | None, lost: Execution, now: datetime, replica_id: str) -> Recovery:
    """Return how a lost execution is settled and tried again; *task* is None for one that cannot be read."""
    again = task and task.on_lost is OnLost.RETRY and lost.attempt < task.max_attempts and task.is_open
    retry = _retry(lost, to_ms(now), replica_id) if again else None
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
        charge=LOST if task is None or task.budget_id is not None else None,
        next_check=check_after_loss(task, lost, now) if task and not retry else None,
    )
    if task is None or retry is None or task.budget_id is None:
        return Recovery(settlement, retry)
    alone = recovery_of(task.model_copy(update={"on_lost": OnLost.FAIL}), lost, now, replica_id).settlement
    return Recovery(settlement, retry, draw_of(task), replace(alone, reason=f"{alone.reason} {_EXHAUSTED}"))


def _is_only(lost: Execution) -> bool:
    """Return whether this is the run of a one-time task, as far as the execution says."""
    return lost.task_type is TaskType.ONE_TIME and lost.execution_type is not ExecutionType.MANUAL


def _retry(lost: Execution, now_ms: int, replica_id: str) -> Execution:
    """Return the next attempt of the same occurrence, begun by this replica."""
    key = next_attempt(lost.occurrence_key, lost.attempt + 1)
    return lost.model_copy(
        update={
            "execution_id": execution_id_of(key, to_ms(lost.nominal_at)),
            "occurrence_key": key,
            "attempt": lost.attempt + 1,
            "triggered_at": from_ms(now_ms),
            "trigger_delay_ms": None,
            "replica_id": replica_id,
            "fence": 0,
        }
    )
