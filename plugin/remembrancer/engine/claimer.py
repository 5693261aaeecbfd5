"""The claimer: it reads pages of due tasks, plans them, claims them for this replica, and starts what it won."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.engine.queues.due_pages import DuePages, ReadAhead
from remembrancer.engine.queues.follow_up_bounds import with_bounds
from remembrancer.engine.skip_log import log_skipped, tell_exhausted
from remembrancer.errors import GraphBusy, RemembrancerError
from remembrancer.model.control_characters import visible
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.budget import lineages_of
from remembrancer.policies.decision import PlanContext
from remembrancer.policies.dependencies.facts import dependency_facts
from remembrancer.policies.pipeline import plan_page
from remembrancer.ports.handler import Firing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from remembrancer.engine.cluster.shards import Assignment
    from remembrancer.engine.execution.executor import Executor
    from remembrancer.engine.execution.slots import Reservation
    from remembrancer.engine.loop import SchedulerLoop
    from remembrancer.engine.slot_queue import SlotQueue
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Situation
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Claim, Lease
    from remembrancer.settings import SchedulerOptions

_IN_FLIGHT: Final = 2
_TRIES: Final = 3
"""The most claims in a row of an occurrence that ends what is in its way: others may be faster."""
_ASSIGNMENTS: Final = 16
_LATELY: Final = 20_000
"""More claims than a replica makes between two polls of the graph."""


class Claimer:
    """The claims of one replica; one page is written while the next is planned.

    Args:
        store: The graph.
        clock: The time.
        executor: The executor, which runs won claims and limits how many run.
        options: The size of a page.
        lease: Makes a lease of this replica.
        loop: The loop, which ends the work and records progress and faults.
        slots: The queue for slots of limits.
    """

    def __init__(  # noqa: PLR0913 (the parts of a replica that a claim concerns)
        self,
        store: Graph,
        clock: Clock,
        executor: Executor,
        options: SchedulerOptions,
        lease: Callable[[], Lease],
        *,
        loop: SchedulerLoop,
        slots: SlotQueue,
    ) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._options = options
        self._lease = lease
        self._loop = loop
        self._slots = slots
        self._gate = executor.gate
        self.is_full = False
        """True if all slots were taken at the end of the last round."""
        self.lost = 0
        """Claims that failed because another replica claimed the task, or a change moved it, first."""
        self._ahead: dict[Assignment, ReadAhead] = {}
        self.armed_lately: dict[str, int] = {}
        """The tasks that were armed again by the last claims on a shared graph, with their fences."""

    async def serve(self, assignment: Assignment) -> int:
        """Claim the due tasks of one assignment, page after page; return the number of claims won.

        While pages are being written, the next is read and planned, so that the graph's writer never waits.
        """
        now = self._clock.now()
        pages = self._pages(assignment, now)
        flying: set[asyncio.Task[int]] = set()
        won = 0
        self.is_full = False
        try:
            while not self._loop.is_stopping:
                self._loop.record.progress()
                if len(flying) < _IN_FLIGHT and self._executor.room > 0:
                    reservation = self._executor.reserve(self._options.claim_batch_size)
                    read, claim = await self._claim_page(pages, now, reservation)
                    if not read or self._gate.is_closed:
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
                await asyncio.wait(left)  # unlike `gather`, `wait` does not cancel them if it is cancelled
        self.is_full = self._executor.room <= 0
        return won + sum(claim.result() for claim in flying)

    def _pages(self, assignment: Assignment, now: datetime) -> DuePages:
        """Return the due tasks of an assignment."""
        if assignment not in self._ahead:
            if len(self._ahead) > _ASSIGNMENTS:  # those of replicas that have gone
                self._ahead.clear()
            self._ahead[assignment] = ReadAhead()
        return DuePages(self._store, self._ahead[assignment], assignment, now)

    async def _claim_page(
        self, pages: DuePages, now: datetime, reservation: Reservation
    ) -> tuple[bool, asyncio.Task[int] | None]:
        """Read the next page of due tasks, one for each reserved slot at most, and begin to claim it."""
        with reservation.until_sent():
            page = await pages.next(reservation.slots)
            return bool(page), await self._begin(page, now, reservation)

    async def serve_waiting(self, tasks: Sequence[ScheduledTask]) -> int:
        """Ask the policies about tasks that wait, and claim those that wait no longer; return the claims won."""
        now = self._clock.now()
        now_ms = to_ms(now)
        tasks = [task for task in tasks if _has_come(task, now_ms)]
        reservation = self._executor.reserve(len(tasks))
        with reservation.until_sent():
            claim = await self._begin(tasks[: reservation.slots], now, reservation)
        return await claim if claim else 0

    async def _begin(
        self, page: Sequence[ScheduledTask], now: datetime, reservation: Reservation
    ) -> asyncio.Task[int] | None:
        """Plan a page, and begin to claim it; None if nothing of it is to be claimed."""
        if not page or await self._gate.look():
            return None
        lease = self._lease()
        if not (claims := await self._plan(page, PlanContext(to_ms(now), lease.replica_id))):
            return None
        running = [each.execution.task_id for each in claims if each.execution.status is ExecutionStatus.RUNNING]
        reservation.claim(running, len(running))
        return asyncio.get_running_loop().create_task(self._claim(page, claims, lease, reservation))

    async def _situation(self, due: Sequence[ScheduledTask]) -> Situation:
        """Return the facts by which the policies decide about a page; nothing is read for plain tasks."""
        situation = self._slots.situation
        if any(task.queue is not None for task in due):
            executor = self._executor
            situation = replace(situation, served=executor.served_queues, asked_for=executor.workers.asked_for)
        if any(task.depends_on for task in due):
            situation = replace(situation, dependencies=await dependency_facts(self._store.dependencies, due))
        if lineages := await lineages_of(self._store.lineages, due):
            situation = replace(situation, lineages=lineages)
            with suppress(GraphBusy):  # the next look finds it again
                await tell_exhausted(self._store.lineages, due, lineages, self._clock.now())
        if (span := self._gate.span) is not None:
            situation = replace(situation, halt=span)
        return situation

    async def _plan(self, due: Sequence[ScheduledTask], context: PlanContext) -> list[Claim]:
        planned = await plan_page(due, await self._situation(due), context)
        for task, error in planned.faults:
            await self._quarantine(task, error)
        if planned.reminders:
            with suppress(GraphBusy):  # locked by another write, such as an answer: the next tick finds what is left
                await self._store.questions.ask_again(planned.reminders)
        if planned.waits:
            with suppress(GraphBusy):  # locked by another write: the next tick finds it again
                await self._store.waits.park(planned.waits)
                self._slots.look_at(keys := [each.wait_key for each in planned.waits])
                self._executor.workers.look_at(keys)
        return await with_bounds(planned.claims, self._store, self._options)

    async def _claim(
        self, due: Sequence[ScheduledTask], claims: Sequence[Claim], lease: Lease, reservation: Reservation
    ) -> int:
        """Write the claims of one page and start the won executions; return the number of claims won."""
        with reservation:
            count = won = await self._write(due, claims, lease, reservation)
            if won < len(claims):
                with suppress(GraphBusy):  # they stay due, or wait as before
                    for _ in range(_TRIES):
                        now_ms = to_ms(self._clock.now())
                        if not (claims := await self._slots.park(claims, due, now_ms)):
                            break
                        count += await self._write(due, claims, self._lease(), reservation)
                # What waited, and was neither claimed nor parked again, is looked at again: no other call would do so.
                self._slots.look_at([task.wait_key for task in due if task.wait_key is not None])
        return count

    async def _write(
        self, due: Sequence[ScheduledTask], claims: Sequence[Claim], lease: Lease, reservation: Reservation
    ) -> int:
        """Write claims and start the won executions; return the number of claims won."""
        won = await self._store.queue.claim(claims, lease)
        self.lost += len(claims) - len(won)
        self._executor.telemetry.claimed(won, len(claims))
        tasks = {task.task_id: task for task in due}
        if not self._store.exclusive:
            self._note_armed(won)
        running: list[Firing] = []
        for execution in won:
            if execution.status is ExecutionStatus.RUNNING:
                running.append(Firing(execution, tasks[execution.task_id]))
            else:
                log_skipped(tasks[execution.task_id], execution)
        self._executor.start(running, lease, reservation)
        return len(won)

    def _note_armed(self, won: Sequence[Execution]) -> None:
        """Note which tasks were armed by the rules that this replica follows: others may come into force."""
        if len(self.armed_lately) > _LATELY:
            self.armed_lately = dict(list(self.armed_lately.items())[_LATELY // 2 :])
        for execution in won:
            self.armed_lately.pop(execution.task_id, None)
            self.armed_lately[execution.task_id] = execution.fence

    async def _quarantine(self, task: ScheduledTask, error: Exception) -> None:
        """Disarm a task that cannot be planned, and log the error, so that it does not stop the others."""
        fault = str(error) if isinstance(error, RemembrancerError) else f"{type(error).__name__}: {error}"
        text = f"Task {visible(task.name)} ({task.task_id}) cannot be planned and is disarmed as FAILED: {fault}"
        self._loop.faults.report("The plan", text, error)
        with suppress(GraphBusy):  # locked by another write: the next tick finds it again
            await self._store.tasks.quarantine(task.task_id, fault, self._clock.now())


def _has_come(task: ScheduledTask, now_ms: int) -> bool:
    """Return whether the time of a task that waits has come: the clock may have been set back since."""
    return task.next_run_ms is not None and task.next_run_ms <= now_ms
