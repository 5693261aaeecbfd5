"""The pool of workers: those that wait for work, the queues that they are served from, and the work that they hold."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.engine.execution.handed_out import HandedOut, WorkerRun
from remembrancer.engine.execution.handler_call import read_outcome
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.handler_result import HandlerOutcome
from remembrancer.policies.queues import queue_in, wait_key_of_queue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from remembrancer.engine.execution.run import Run
    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.worker_calls import WorkClaim
    from remembrancer.ports.graph import Graph

_LOOK_SECONDS: Final = 1.0
"""The time after which a queue of a shared graph is looked at again: other replicas leave work there."""
_COMING_SECONDS: Final = 5.0
"""The time that a call waits, past its end, for work that was claimed for it."""


@dataclass(slots=True, eq=False)
class _Seeker:
    """A call of a worker that waits for work."""

    asked: WorkClaim
    found: list[WorkerRun] = field(default_factory=list["WorkerRun"])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that it asks."""
        return self.asked.queues

    @property
    def room(self) -> int:
        """The number of executions that it still takes."""
        return self.asked.limit - len(self.found)


class WorkerPool:
    """The workers of one scheduler.

    Args:
        store: The graph.
        begin: Lets a run begin; False if it must not.
    """

    def __init__(self, store: Graph, begin: Callable[[Run], bool]) -> None:
        self._store = store
        self._begin = begin
        self._seekers: list[_Seeker] = []
        self._coming: list[Run] = []
        """Runs that were claimed and are about to be handed out."""
        self._unclaimed: list[WorkerRun] = []
        """Those that no worker has taken yet: attempts after a failure, and runs that somebody asked for."""
        self._serving = asyncio.Lock()
        self.handed_out = HandedOut()
        self.asked_for: Collection[str] = ()
        """The tasks that are being claimed for workers."""
        self.serve: Callable[[Sequence[ScheduledTask]], Awaitable[int]]
        """Asks the policies about tasks that wait, and claims them; returns the number of claims."""

    def demand(self, queue: str) -> int:
        """Return how many more executions of a queue workers wait for."""
        wanted = sum(each.room for each in self._seekers if queue in each.queues)
        coming = sum(each.firing.task.queue == queue for each in self._still_coming())
        return wanted - coming - sum(each.queue == queue for each in self._unclaimed)

    async def claim(self, asked: WorkClaim) -> Sequence[WorkerRun]:
        """Return executions that the worker holds from now on; wait for the first."""
        seeker = _Seeker(asked)
        until = time.monotonic() + asked.wait_seconds
        self._seekers.append(seeker)
        try:
            self._hand_out()
            while not seeker.found:
                seeker.changed.clear()
                await self._serve(seeker)
                if self._is_coming(seeker):
                    await self._changed(seeker, _COMING_SECONDS)
                left = until - time.monotonic()
                if seeker.found or left <= 0:
                    break
                await self._changed(seeker, left if self._store.exclusive else min(left, _LOOK_SECONDS))
        finally:
            self._seekers.remove(seeker)
        return seeker.found

    def expect(self, run: Run) -> None:
        """Take in a run of a queue that was claimed."""
        run.waits_for_worker = True
        self._coming.append(run)

    def look_at(self, wait_keys: Collection[str]) -> None:
        """Let those workers look again who wait for tasks that wait from now on."""
        queues = {queue for each in wait_keys if (queue := queue_in(each)) is not None}
        for seeker in self._seekers:
            if not queues.isdisjoint(seeker.queues):
                seeker.changed.set()

    async def outcome(self, run: Run) -> HandlerOutcome:
        """Hand a run to a worker, and return the outcome that it reports."""
        work = WorkerRun(run)
        if run in self._coming:
            self._coming.remove(run)
        self._unclaimed.append(work)
        try:
            self._hand_out()
            await work.taken.wait()
            while not work.answer.done() and (left := work.left) > 0:
                await asyncio.wait([work.answer], timeout=left)
        finally:
            self.handed_out.drop(work)
            if work in self._unclaimed:
                self._unclaimed.remove(work)
        if work.answer.done():
            answer = work.answer.result()
            return answer if isinstance(answer, HandlerOutcome) else read_outcome(answer)
        text = f"Its worker {work.worker} has not been heard of for {work.lease_seconds:g} s."
        return HandlerOutcome(ExecutionStatus.FAILED, Reason.WORKER_LOST, text)

    async def _serve(self, seeker: _Seeker) -> None:
        """Claim tasks that wait for workers, as many of each queue as workers wait for."""
        async with self._serving:
            tasks: list[ScheduledTask] = []
            for queue in seeker.queues:
                if (most := self.demand(queue)) > 0:
                    tasks += await self._store.waits.first(wait_key_of_queue(queue), most)
            if tasks := tasks[: seeker.room]:
                self.asked_for = frozenset(each.task_id for each in tasks)
                try:
                    await self.serve(tasks)
                finally:
                    self.asked_for = ()

    def _is_coming(self, seeker: _Seeker) -> bool:
        """Return whether executions of its queues are about to be handed out."""
        return any(each.firing.task.queue in seeker.queues for each in self._still_coming())

    def _still_coming(self) -> Sequence[Run]:
        """Return the runs that are about to be handed out, and forget those that were stopped before."""
        self._coming = [each for each in self._coming if not each.over]
        return self._coming

    def _hand_out(self) -> None:
        """Give executions that no worker has taken to the workers that wait, the first ones first."""
        for seeker in self._seekers:
            for queue in seeker.queues:
                for work in [each for each in self._unclaimed if each.queue == queue]:
                    if seeker.room > 0:
                        self._give(work, seeker)

    def _give(self, work: WorkerRun, seeker: _Seeker) -> None:
        """Give one execution to a worker, unless it must not begin any longer."""
        self._unclaimed.remove(work)
        if self._begin(work.run):
            work.give_to(seeker.asked.worker, seeker.asked.lease_seconds)
            self.handed_out.add(work)
            seeker.found.append(work)
            seeker.changed.set()

    @staticmethod
    async def _changed(seeker: _Seeker, seconds: float) -> None:
        """Wait until something may have come for a seeker, *seconds* at most."""
        try:
            async with asyncio.timeout(seconds):
                await seeker.changed.wait()
        except TimeoutError:
            return
