"""Recover what a dead replica left: each lost execution fails, loudly, and is retried if its task says so."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remembrancer.errors import GraphBusy, TaskNotFound, TaskUnreadable
from remembrancer.model.execution import Execution, ExecutionStatus, Reason
from remembrancer.model.ids import execution_id_of, next_attempt
from remembrancer.model.policy import OnLost
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.settlement import ends
from remembrancer.ports.handler import Firing
from remembrancer.ports.recovery import Recovery
from remembrancer.ports.writes import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from remembrancer.engine.execution.executor import Executor
    from remembrancer.engine.execution.slots import Reservation
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.recovery import ExpiredLease
    from remembrancer.ports.task_store import TaskStore
    from remembrancer.ports.writes import Lease


@dataclass(slots=True)
class _Left:
    """A lease that is over, and those of its executions whose retry waits for a slot."""

    lease_id: str
    retried: deque[tuple[Execution, ScheduledTask]]


class LeaseRecovery:
    """Settles lost executions at once, and starts their retries as slots allow, in this pass and those that follow.

    Args:
        store: The graph.
        clock: The time.
        dispatch: What runs the retries, and says how many may run.
        lease: Makes a lease of this replica.
        look_each: How long after one look for leases that are over the next one is made at the latest.
    """

    def __init__(
        self, store: TaskStore, clock: Clock, dispatch: Executor, lease: Callable[[], Lease], look_each: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatch = dispatch
        self._lease = lease
        self._left: deque[_Left] = deque()
        self._turn = asyncio.Lock()
        self._look_each = look_each
        self._looked_at: datetime | None = None

        self.waits_for_slot = False
        """True if retries wait for a slot, and not for a lock."""

    @property
    def is_done(self) -> bool:
        """True if no retry is left to start."""
        return not self._left

    async def work(self) -> list[Settlement]:
        """Recover what can be now; return what was lost. What waits for a slot comes first, for a while."""
        async with self._turn:
            now = self._clock.now()
            lost: list[Settlement] = []
            self.waits_for_slot = False
            if self.is_done or not self._looked_at or now >= self._looked_at + self._look_each:
                lost, self._looked_at = await self._look(), now
            while self._left:
                with self._dispatch.reserve(len(self._left[0].retried)) as reservation:
                    if not reservation.slots:
                        self.waits_for_slot = True
                        break
                    try:
                        lost += await self._retry(self._left[0], reservation)
                    except GraphBusy:
                        break  # another write holds a lock of it: what is due does not wait
        return lost

    async def _look(self) -> list[Settlement]:
        """Find the leases that are over, and fail those of their executions that are not tried again."""
        lost: list[Settlement] = []
        known = {*self._dispatch.leases, *(each.lease_id for each in self._left)}  # ours, however late their renewal is
        lease = self._lease()
        for over in await self._store.abandoned(self._clock.now(), lease.replica_id):
            if over.lease_id not in known:
                with suppress(GraphBusy):  # another write holds a lock of it: the next look finds it again
                    lost += await self._sort(over, lease)
        return lost

    async def _sort(self, over: ExpiredLease, lease: Lease) -> list[Settlement]:
        """Fail what is not tried again of one lease, and keep the rest; a lease ends with the last of it."""
        now = self._clock.now()
        retried: deque[tuple[Execution, ScheduledTask]] = deque()
        failed: list[Recovery] = []
        tasks = await self._tasks_of(over)
        for execution in over.executions:
            task = tasks.get(execution.task_id)
            decided = decide(task, execution, now, lease.replica_id)
            if task and decided.retry:
                retried.append((execution, task))
            else:
                failed.append(decided)
        if failed or not retried:
            await self._store.take_over([] if retried else [over.lease_id], failed, lease)
        if retried:
            self._left.append(_Left(over.lease_id, retried))
        return [each.settlement for each in failed]

    async def _tasks_of(self, over: ExpiredLease) -> dict[str, ScheduledTask]:
        tasks: dict[str, ScheduledTask] = {}
        for task_id in {execution.task_id for execution in over.executions}:
            with suppress(TaskNotFound, TaskUnreadable):  # what ran of it is lost all the same
                task = await self._store.get(task_id)
                if task.unreadable is None:
                    tasks[task_id] = task
        return tasks

    async def _retry(self, left: _Left, reservation: Reservation) -> list[Settlement]:
        """Fail as many executions of a lease as there are slots for their retries, and start those."""
        lease, now = self._lease(), self._clock.now()
        some = [left.retried[place] for place in range(min(reservation.slots, len(left.retried)))]
        took = [decide(task, execution, now, lease.replica_id) for execution, task in some]
        is_last = len(some) == len(left.retried)
        reservation.claim([task.task_id for _, task in some], len(some))
        started = await self._store.take_over([left.lease_id] if is_last else [], took, lease)
        tasks = {task.task_id: task for _, task in some}
        self._dispatch.start([Firing(retry, tasks[retry.task_id]) for retry in started], lease, reservation)
        for _ in some:
            left.retried.popleft()
        if is_last:
            self._left.popleft()
        return [each.settlement for each in took]


def decide(task: ScheduledTask | None, lost: Execution, now: datetime, replica_id: str) -> Recovery:
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
    return Recovery(settlement, retry)


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
