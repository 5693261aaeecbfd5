"""Claims: read what is due, plan it, take it for this replica, start what was won."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.engine.skip_log import log_skipped
from remembrancer.errors import GraphBusy, RemembrancerError
from remembrancer.model.control_characters import visible
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.pipeline import plan_page
from remembrancer.ports.handler import Firing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from remembrancer.engine.cluster.shards import Assignment
    from remembrancer.engine.execution.executor import Executor
    from remembrancer.engine.execution.slots import Reservation
    from remembrancer.engine.loop import SchedulerLoop
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.task_store import TaskStore
    from remembrancer.ports.writes import Claim, Lease
    from remembrancer.settings import SchedulerOptions

_IN_FLIGHT: Final = 2


class Claimer:
    """The claims of one replica; they are written while the next are planned.

    Args:
        store: The graph.
        clock: The time.
        dispatch: Runs what was won, and says how much of it.
        options: How many in one page.
        lease: Makes a lease of this replica.
        checker: Says when to stop, and is told of progress and faults.
    """

    def __init__(
        self,
        store: TaskStore,
        clock: Clock,
        dispatch: Executor,
        options: SchedulerOptions,
        lease: Callable[[], Lease],
        *,
        checker: SchedulerLoop,
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatch = dispatch
        self._options = options
        self._lease = lease
        self._checker = checker
        self.is_full = False
        """Whether no slot was free when they were last looked for."""
        self.lost = 0
        """Claims that another replica, or a change of the task, was faster than."""

    async def serve(self, turn: Assignment) -> int:
        """Go once over what is due of one turn, page after page; return how many claims were won.

        While pages are being written, the next is read and planned: the graph's writer never waits for us.
        """
        now = self._clock.now()
        page: Sequence[ScheduledTask] = ()
        flying: set[asyncio.Task[int]] = set()
        won = 0
        self.is_full = False
        try:
            while not self._checker.is_stopping:
                self._checker.record.progress()
                if len(flying) < _IN_FLIGHT and self._dispatch.room > 0:
                    reservation = self._dispatch.reserve(self._options.claim_batch_size)
                    page, claim = await self._claim_page(turn, now, page[-1] if page else None, reservation)
                    if not page:
                        break
                    if claim:
                        flying.add(claim)
                elif flying:
                    ended, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                    won += sum(claim.result() for claim in ended)
                else:
                    break
        finally:
            while left := [claim for claim in flying if not claim.done()]:
                await asyncio.wait(left)  # which, unlike `gather`, leaves them alone if it is cancelled
        self.is_full = self._dispatch.room <= 0
        return won + sum(claim.result() for claim in flying)

    async def _claim_page(
        self, turn: Assignment, now: datetime, after: ScheduledTask | None, reservation: Reservation
    ) -> tuple[Sequence[ScheduledTask], asyncio.Task[int] | None]:
        """Read the next page of what is due, as long as the slots reserved for it, and begin to claim it."""
        with reservation.until_sent():
            page = await self._store.due(now - turn.late, reservation.slots, after, turn.shares)
            lease = self._lease()
            if not (claims := await self._plan(page, to_ms(now), lease.replica_id)):
                return page, None
            running = [each.execution.task_id for each in claims if each.execution.status is ExecutionStatus.RUNNING]
            reservation.claim(running, len(running))
        return page, asyncio.get_running_loop().create_task(self._claim(page, claims, lease, reservation))

    async def _plan(self, due: Sequence[ScheduledTask], now_ms: int, replica_id: str) -> list[Claim]:
        claims, faults = await plan_page(due, now_ms, replica_id)
        for task, error in faults:
            await self._quarantine(task, error)
        return claims

    async def _claim(
        self, due: Sequence[ScheduledTask], claims: Sequence[Claim], lease: Lease, reservation: Reservation
    ) -> int:
        """Write the claims of one page and start what was won; return how many claims were won."""
        with reservation:
            won = await self._store.claim(claims, lease)
            self.lost += len(claims) - len(won)
            self._dispatch.instruments.claimed(won, len(claims))
            tasks = {task.task_id: task for task in due}
            running: list[Firing] = []
            for execution in won:
                if execution.status is ExecutionStatus.RUNNING:
                    running.append(Firing(execution, tasks[execution.task_id]))
                else:
                    log_skipped(tasks[execution.task_id], execution)
            self._dispatch.start(running, lease, reservation)
        return len(won)

    async def _quarantine(self, task: ScheduledTask, error: Exception) -> None:
        """Take a task that cannot be planned out of the schedule: it never stops the others, nor fails unseen."""
        fault = str(error) if isinstance(error, RemembrancerError) else f"{type(error).__name__}: {error}"
        text = f"Task {visible(task.name)} ({task.task_id}) cannot be planned and is disarmed as FAILED: {fault}"
        self._checker.faults.tell("The plan", text, error)
        with suppress(GraphBusy):  # locked by another write: the next pass finds it again
            await self._store.quarantine(task.task_id, fault, self._clock.now())
