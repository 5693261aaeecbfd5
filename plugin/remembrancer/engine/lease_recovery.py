"""Recovery of expired leases: each lost execution fails, and is retried if its task says so."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remembrancer.errors import GraphBusy, TaskNotFound, TaskUnreadable
from remembrancer.policies.settlement import recovery_of
from remembrancer.ports.handler import Firing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from remembrancer.engine.execution.executor import Executor
    from remembrancer.engine.execution.slots import Reservation
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import ExpiredLease, Lease, Recovery, Settlement


@dataclass(slots=True)
class _Left:
    """An expired lease, and those of its executions whose retry waits for a slot."""

    lease_id: str
    retried: deque[tuple[Execution, ScheduledTask]]


class LeaseRecovery:
    """Settles lost executions at once, and starts their retries as slots and a halt allow, in this tick and later ones.

    Args:
        store: The graph.
        clock: The time.
        executor: The executor, which runs the retries and limits how many run.
        lease: Makes a lease of this replica.
        search_interval: The longest time between two searches for expired leases.
    """

    def __init__(
        self, store: Graph, clock: Clock, executor: Executor, lease: Callable[[], Lease], search_interval: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._lease = lease
        self._left: deque[_Left] = deque()
        self._lock = asyncio.Lock()
        self._search_interval = search_interval
        self._searched_at: datetime | None = None

        self.waits_for_slot = False
        """True if retries wait for a slot, and not for a lock."""

    @property
    def is_done(self) -> bool:
        """True if no retry is left to start."""
        return not self._left

    async def work(self) -> list[Settlement]:
        """Recover as much as is possible now; return the lost executions. Retries that wait for a slot come first."""
        async with self._lock:
            now = self._clock.now()
            lost: list[Settlement] = []
            self.waits_for_slot = False
            if self.is_done or not self._searched_at or now >= self._searched_at + self._search_interval:
                lost, self._searched_at = await self._find_expired(), now
            while self._left and not await self._executor.gate.look():
                with self._executor.reserve(len(self._left[0].retried)) as reservation:
                    if not reservation.slots:
                        self.waits_for_slot = True
                        break
                    try:
                        lost += await self._retry(self._left[0], reservation)
                    except GraphBusy:
                        break  # another write holds a lock of it: due tasks do not wait
        return lost

    async def _find_expired(self) -> list[Settlement]:
        """Find expired leases, and fail those of their executions that are not retried."""
        lost: list[Settlement] = []
        known = {
            *self._executor.leases,
            *(each.lease_id for each in self._left),
        }  # those of this replica, however late their renewal is
        lease = self._lease()
        for expired in await self._store.queue.expired_leases(self._clock.now(), lease.replica_id):
            if expired.lease_id not in known:
                with suppress(GraphBusy):  # another write holds a lock of it: the next search finds it again
                    lost += await self._fail_unretried(expired, lease)
        return lost

    async def _fail_unretried(self, expired: ExpiredLease, lease: Lease) -> list[Settlement]:
        """Fail the executions of one lease that are not retried; remember the rest and the lease for the retries."""
        now = self._clock.now()
        retried: deque[tuple[Execution, ScheduledTask]] = deque()
        failed: list[Recovery] = []
        tasks = await self._tasks_of(expired)
        for execution in expired.executions:
            task = tasks.get(execution.task_id)
            decided = recovery_of(task, execution, now, lease.replica_id)
            if task and decided.retry:
                retried.append((execution, task))
            else:
                failed.append(decided)
        if failed or not retried:
            await self._store.queue.recover([] if retried else [expired.lease_id], failed, lease)
        if retried:
            self._left.append(_Left(expired.lease_id, retried))
        return [each.settlement for each in failed]

    async def _tasks_of(self, expired: ExpiredLease) -> dict[str, ScheduledTask]:
        tasks: dict[str, ScheduledTask] = {}
        for task_id in {execution.task_id for execution in expired.executions}:
            with suppress(TaskNotFound, TaskUnreadable):  # its execution is lost in any case
                task = await self._store.tasks.get(task_id)
                if task.unreadable is None:
                    tasks[task_id] = task
        return tasks

    async def _retry(self, left: _Left, reservation: Reservation) -> list[Settlement]:
        """Fail as many executions of a lease as there are slots for their retries, and start the retries."""
        lease, now = self._lease(), self._clock.now()
        some = [left.retried[place] for place in range(min(reservation.slots, len(left.retried)))]
        took = [recovery_of(task, execution, now, lease.replica_id) for execution, task in some]
        is_last = len(some) == len(left.retried)
        reservation.claim([task.task_id for _, task in some], len(some))
        started = await self._store.queue.recover([left.lease_id] if is_last else [], took, lease)
        tasks = {task.task_id: task for _, task in some}
        self._executor.start([Firing(retry, tasks[retry.task_id]) for retry in started], lease, reservation)
        for _ in some:
            left.retried.popleft()
        if is_last:
            self._left.popleft()
        return [each.settlement for each in took]
