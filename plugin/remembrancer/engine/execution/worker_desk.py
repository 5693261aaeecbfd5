"""The desk of workers: they claim work here, report on it, and say how it ended. An outcome is answered once stored."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.errors import OutcomeUnknown
from remembrancer.model.handler_result import Defer
from remembrancer.model.worker_calls import WorkItem, WorkReceipt
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from remembrancer.engine.execution.executor import Executor
    from remembrancer.engine.execution.handed_out import WorkerRun
    from remembrancer.model.execution import Execution
    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.model.worker_calls import HeldExecution, WorkClaim
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import HandlerReturn, Progress

_WRITTEN_SECONDS: Final = 30.0


class WorkerDesk:
    """The calls of workers.

    Args:
        store: The graph.
        clock: The time.
        executor: The executor, whose pool of workers hands the work out.
    """

    def __init__(self, store: Graph, clock: Clock, executor: Executor) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._pool = executor.workers

    async def claim(self, asked: WorkClaim) -> list[WorkItem]:
        """Hand out executions of queues; wait for the first one."""
        return [_item(each) for each in await self._pool.claim(asked)]

    def report(self, held: HeldExecution, progress: Progress) -> WorkReceipt:
        """Renew the lease of work; keep its progress, if any is given. Raises WorkNotHeld."""
        work = self._pool.handed_out.heard(held)
        firing = work.run.firing
        if progress.fraction is not None or progress.text is not None:
            firing.progress(progress.fraction, progress.text)
        until = self._clock.now() + timedelta(seconds=work.lease_seconds)
        return WorkReceipt(execution_id=held.execution_id, stop_requested=firing.stop_requested, lease_until=until)

    async def settle(self, held: HeldExecution, answer: HandlerReturn | HandlerOutcome) -> Execution:
        """End work with its outcome, and return its execution as it is stored then.

        Raises WorkNotHeld, InvalidInput; OutcomeUnknown: it is not stored in time; its write goes on.
        """
        work = self._pool.handed_out.heard(held)
        if isinstance(answer, Defer):
            read_moment(answer.until, "until", now=self._clock.now(), timezone=work.run.firing.task.timezone)
        execution_id = held.execution_id
        written = self._executor.written(execution_id)
        work.answer.set_result(answer)
        await asyncio.wait([written], timeout=_WRITTEN_SECONDS)
        if not written.done():
            raise OutcomeUnknown(
                f"The outcome of {execution_id} is not stored yet after {_WRITTEN_SECONDS:g} s; its write goes on."
            )
        return await self._store.tasks.execution(execution_id)


def _item(work: WorkerRun) -> WorkItem:
    firing = work.run.firing
    return WorkItem(
        execution_id=firing.execution.execution_id,
        queue=work.queue,
        worker=work.worker,
        lease_seconds=work.lease_seconds,
        prompt=firing.trigger_prompt,
        execution=firing.execution,
        task=firing.task,
        answer=firing.answer,
        dependencies=firing.dependencies,
    )
