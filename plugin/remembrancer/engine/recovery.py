"""Take over what a dead replica left: each lost execution fails, loudly, and is retried if its task says so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.engine.dispatch import ends
from remembrancer.errors import GraphBusy, TaskNotFound, TaskUnreadable
from remembrancer.model.execution import Execution, ExecutionStatus, Reason
from remembrancer.model.ids import execution_id_of, next_attempt
from remembrancer.model.moment import from_ms, to_ms
from remembrancer.model.policy import OnLost
from remembrancer.ports.handler import Firing
from remembrancer.ports.taking_over import TakeOver
from remembrancer.ports.task_store import Settlement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.taking_over import AbandonedLease
    from remembrancer.ports.task_store import Lease, TaskStore


async def take_over(
    store: TaskStore, now: datetime, lease: Lease, held: Sequence[str] = ()
) -> tuple[list[tuple[Lease, list[Firing]]], list[Settlement]]:
    """Settle every abandoned execution; return the retries to run, and what was lost.

    The leases *held* are ours and alive, however late their renewal is. What an abandoned lease held runs again
    under one lease, made after *lease*: no two share an id.
    """
    again: list[tuple[Lease, list[Firing]]] = []
    lost: list[Settlement] = []
    abandoned = [over for over in await store.abandoned(now, lease.replica_id) if over.lease_id not in held]
    for place, over in enumerate(abandoned):
        took, tasks = await _decide(store, over, now, lease.replica_id)
        mine = replace(lease, lease_id=f"{lease.lease_id}.{place}")
        try:
            retries = await store.take_over([over.lease_id], took, mine)
        except GraphBusy:
            continue  # another write holds a lock of it: the next recovery finds it, and what is due does not wait
        lost += [each.settlement for each in took]
        again.append((mine, [Firing(retry, tasks[retry.task_id]) for retry in retries]))
    return again, lost


async def _decide(
    store: TaskStore, over: AbandonedLease, now: datetime, replica_id: str
) -> tuple[list[TakeOver], dict[str, ScheduledTask]]:
    """Decide for each lost execution of one lease."""
    took: list[TakeOver] = []
    tasks: dict[str, ScheduledTask] = {}
    for execution in over.executions:
        task = None
        with suppress(TaskNotFound, TaskUnreadable):  # what ran of it is lost all the same
            task = tasks[execution.task_id] = await store.get(execution.task_id)
        took.append(decide(task, execution, now, replica_id))
    return took, tasks


def decide(task: ScheduledTask | None, lost: Execution, now: datetime, replica_id: str) -> TakeOver:
    """Return what becomes of one lost execution, of a task that cannot be read too."""
    again = task and task.on_lost is OnLost.RETRY and lost.attempt < task.max_attempts and task.is_open
    retry = _retry(lost, to_ms(now), replica_id) if again else None
    settlement = Settlement(
        execution=lost,
        status=ExecutionStatus.FAILED,
        completed_at=now,
        duration_seconds=max(0.0, (now - lost.triggered_at).total_seconds()),
        reason_code=Reason.LEASE_EXPIRED,
        reason=f"Its scheduler ({lost.replica_id}) went away while it ran; whether its work was done is not known.",
        ends_task=None if retry else ends(lost, ExecutionStatus.FAILED),
    )
    return TakeOver(settlement, retry)


def _retry(lost: Execution, now_ms: int, replica_id: str) -> Execution:
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
