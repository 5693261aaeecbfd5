"""A worker: it claims the work of queues from a scheduler, calls a handler for each, and reports how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from remembrancer.engine.execution.handler_call import answer_of, is_async, run
from remembrancer.engine.execution.handler_threads import Ended, HandlerThreads
from remembrancer.errors import InvalidInput, RemembrancerError, WorkNotHeld
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.handler_result import Ask, Defer, HandlerOutcome, Usage
from remembrancer.ports.handler import Firing, Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.model.worker_calls import WorkItem
    from remembrancer.ports.handler import Handler
    from remembrancer.service.service import SchedulerService

_LOG: Final = logging.getLogger("remembrancer")
_WAIT_SECONDS: Final = 20.0
_REPORTS: Final = 3
"""The reports within one lease."""


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """The choices of one worker."""

    queues: Sequence[str]
    """The queues, the most urgent one first."""
    name: str
    """The name of the worker."""
    concurrency: int
    """The most executions at once."""
    lease_seconds: float
    """Seconds without a word after which the scheduler gives the work to another worker."""


class QueueWorker:
    """One worker.

    Args:
        claims: The scheduler, for claims: each call may wait for work.
        reports: The same scheduler, for reports and outcomes, which must not wait behind a claim.
        handler: Called with a `Firing` for each execution, as the scheduler's own handler is.
        options: Its choices.
        ended: Called with each execution that has ended here.
    """

    def __init__(
        self,
        claims: SchedulerService,
        reports: SchedulerService,
        handler: Handler,
        options: WorkerOptions,
        ended: Callable[[Firing, Execution], None],
    ) -> None:
        self._claims = claims
        self._reports = reports
        self._options = options
        self._name = options.name
        self._ended = ended
        self._threads = None if is_async(handler) else HandlerThreads()
        self._handler = handler
        self._doing: set[asyncio.Task[None]] = set()

    async def work(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Do what there is, until *stop* is set; with *once*, until nothing waits. Ends what is under way first.

        Raises GraphUnavailable: the scheduler has gone.
        """
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                if len(self._doing) >= self._options.concurrency:
                    await asyncio.wait({*self._doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    continue
                found = await self._claimed(stopping, 0.0 if once else _WAIT_SECONDS)
                for item in found:
                    self._doing.add(task := asyncio.create_task(self._do(item)))
                    task.add_done_callback(self._doing.discard)
                if once and not found:
                    break
        finally:
            stopping.cancel()
            if self._doing:
                await asyncio.wait(set(self._doing))
            if self._threads:
                self._threads.close()

    async def _claimed(self, stopping: asyncio.Future[Literal[True]], wait_seconds: float) -> Sequence[WorkItem]:
        """Return the work that was claimed; none if the worker is to stop meanwhile."""
        room = self._options.concurrency - len(self._doing)
        claim = asyncio.ensure_future(
            self._claims.claim_work(
                self._options.queues,
                self._name,
                room,
                wait_seconds=wait_seconds,
                lease_seconds=self._options.lease_seconds,
            )
        )
        await asyncio.wait({claim, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not claim.done():
            claim.cancel()  # what it has claimed by now comes back at the end of its lease
            return ()
        return claim.result()

    async def _do(self, item: WorkItem) -> None:
        """Do one execution, and report its outcome."""
        progress: deque[Progress] = deque(maxlen=1)
        firing = Firing(
            item.execution, item.task, lambda _, each: progress.append(each), dependencies=item.dependencies
        )
        running = asyncio.create_task(run(firing, self._call))
        reporting = asyncio.create_task(self._report(item, firing, progress, running))
        try:
            await asyncio.wait({running})
            outcome = HandlerOutcome(ExecutionStatus.CANCELLED) if running.cancelled() else running.result()
        finally:
            reporting.cancel()
        if outcome is None or outcome.status is ExecutionStatus.CANCELLED:
            return
        try:
            self._ended(firing, await self._settled(item, outcome, firing.spent))
        except WorkNotHeld as gone:
            _LOG.warning("%s", gone)
        except RemembrancerError as error:
            _LOG.error("The outcome of %s could not be reported: %s", item.execution_id, error)

    async def _report(
        self, item: WorkItem, firing: Firing, progress: deque[Progress], running: asyncio.Task[HandlerOutcome | None]
    ) -> None:
        """Report until cancelled, some times within a lease; end the handler if its work is another's, or over."""
        while True:
            await asyncio.sleep(item.lease_seconds / _REPORTS)
            latest = progress[-1] if progress else Progress(None, None)
            try:
                receipt = await self._reports.report_work(item.execution_id, self._name, latest.fraction, latest.text)
                stops = receipt.stop_requested
            except WorkNotHeld as gone:
                _LOG.warning("%s", gone)
                stops = True
            except InvalidInput as refused:  # the next report does without it: the lease must not end with it
                _LOG.warning("The progress of %s was refused: %s", item.execution_id, refused)
                progress.clear()
                stops = False
            except RemembrancerError as fault:
                _LOG.warning("The scheduler took no report of %s: %s", item.execution_id, fault)
                stops = False
            if stops:
                firing.stop.requested = True
                if self._threads is None:
                    running.cancel()
                return

    async def _call(self, firing: Firing) -> object:
        if self._threads is None:
            return await cast("Callable[[Firing], Awaitable[object]]", self._handler)(firing)
        ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._threads.run(lambda: self._handler(firing), ended.set_result)
        return await answer_of(await ended)

    async def _settled(self, item: WorkItem, outcome: HandlerOutcome, spent: Usage | None) -> Execution:
        """Report an outcome; one that is refused is a failure: else the work would come back with the lease."""
        try:
            return await self._settle(item, outcome, spent)
        except InvalidInput as refused:
            text, used = f"The outcome was refused. {refused}", outcome.usage or spent or Usage()
            return await self._reports.fail_work(
                item.execution_id, self._name, text, tokens=used.tokens, money=str(used.money)
            )

    async def _settle(self, item: WorkItem, outcome: HandlerOutcome, spent: Usage | None) -> Execution:
        """Report an outcome, whatever the handler has answered."""
        call, held = self._reports, (item.execution_id, self._name)
        match outcome.deferral:
            case Defer(until=until, reason=reason):
                return await call.defer_work(*held, until, reason)
            case Ask() as asked:
                return await call.ask_work(
                    *held,
                    asked.question,
                    of=asked.of,
                    within=asked.within,
                    on_no_answer=asked.on_no_answer,
                    reminders=asked.reminders,
                    escalate_to=asked.escalate_to,
                )
            case None:
                pass
        usage = outcome.usage or spent or Usage()
        if outcome.status is ExecutionStatus.COMPLETED:
            thought = outcome.thought
            return await call.complete_work(
                *held,
                outcome.result,
                next_check=outcome.next_check,
                thought=None if thought is None else thought.content,
                thought_id=None if thought is None else thought.thought_id,
                tokens=usage.tokens,
                money=str(usage.money),
            )
        return await call.fail_work(
            *held,
            (outcome.reason or "").strip() or "It gave no reason.",
            permanent=outcome.is_permanent,
            retry=outcome.retry is not None,
            retry_after=None if outcome.retry is None else outcome.retry.after,
            exceptions=outcome.faults,
            tokens=usage.tokens,
            money=str(usage.money),
        )
