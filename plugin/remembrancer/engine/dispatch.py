"""Run claimed executions concurrently, each with its deadline, keep their leases alive, hand on how each ended."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.authorship import AUTHOR, MARK, Author
from remembrancer.engine.execution import Verdict, as_async, run
from remembrancer.engine.footprint import memory_of
from remembrancer.engine.ledger import Ledger, patiently
from remembrancer.engine.putting_off import put_off
from remembrancer.engine.reporting import Reporting
from remembrancer.errors import GraphUnavailable, InvalidInput, RemembrancerError
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.policy import OnLost, TaskStatus, TaskType
from remembrancer.ports.blocking import OUTSIDE
from remembrancer.ports.handler import Firing
from remembrancer.ports.task_store import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from remembrancer.engine.options import Options
    from remembrancer.model.execution import Execution
    from remembrancer.ports.blocking import BlockingCalls
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.handler import Handler
    from remembrancer.ports.instruments import Instruments
    from remembrancer.ports.task_store import Lease, TaskStore

_LOG: Final = logging.getLogger("remembrancer")


@dataclass(slots=True)
class _Batch:
    """Executions of one lease: how many handlers are under way, whether in spans, and the timers of their deadlines."""

    lease_id: str
    open: int
    traced: bool
    timers: list[asyncio.TimerHandle] = field(default_factory=list[asyncio.TimerHandle])

    def ended(self) -> None:
        """One handler has ended; with the last of them, the deadlines are let go."""
        self.open -= 1
        if self.open == 0:
            for timer in self.timers:
                timer.cancel()


class Dispatch:
    """The executions that this replica has under way.

    Args:
        store: Where outcomes go.
        clock: Tells when a run ended.
        handler: The agent's.
        options: Deadlines and leases.
        on_room: Called when a handler has ended, so that a full scheduler can go on.
        instruments: What measures.
    """

    def __init__(
        self,
        store: TaskStore,
        clock: Clock,
        handler: Handler,
        options: Options,
        on_room: Callable[[], None],
        *,
        instruments: Instruments,
    ) -> None:
        self._instruments = instruments
        self._store = store
        self._clock = clock
        self._call = as_async(handler)
        self._options = options
        self._on_room = on_room
        self._ledger = Ledger(store, instruments)
        self._reporting = Reporting(store.events, clock)
        self._runs: set[asyncio.Task[None]] = set()
        self._handling: dict[str, asyncio.Task[None]] = {}
        self._firings: dict[str, Firing] = {}
        self._expired: set[str] = set()
        self._stopping = False
        self.scheduler: BlockingCalls = OUTSIDE
        """What plain handlers call."""

    def handles(self, execution_id: str | None) -> bool:
        """Whether the handler of this execution is under way here."""
        return execution_id in self._handling

    @property
    def running(self) -> int:
        """How many handlers are under way."""
        return len(self._handling)

    @property
    def memory_bytes(self) -> int:
        """How much memory the tasks under way take."""
        return memory_of(self._firings.values())

    @property
    def leases(self) -> list[str]:
        """The leases that this replica holds."""
        return self._ledger.leases

    def start(self, firings: Sequence[Firing], lease: Lease) -> None:
        """Run the handlers of one claimed batch; their lease ends with the last of them."""
        if not firings:
            return
        loop = asyncio.get_running_loop()
        self._ledger.hold(lease.lease_id, len(firings))
        batch = _Batch(lease.lease_id, len(firings), self._instruments.traced)
        deadlines: dict[float, list[str]] = {}
        for each in firings:
            firing = Firing(each.execution, each.task, self._reporting.take, self.scheduler)
            execution_id = firing.execution.execution_id
            task = loop.create_task(self._run(firing, batch))
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)
            self._handling[execution_id] = task
            self._firings[execution_id] = firing
            deadlines.setdefault(self._limit(firing), []).append(execution_id)
        for seconds, ids in deadlines.items():
            batch.timers.append(loop.call_later(seconds, self._expire, ids))

    async def heartbeat(self) -> None:
        """Renew the leases of what is under way, for ever."""
        period = self._options.lease_seconds / 3
        never = asyncio.Event()
        while True:
            await self._clock.wait(self._clock.now() + timedelta(seconds=period), never)
            if lease_ids := self._ledger.leases:
                until = self._clock.now() + timedelta(seconds=self._options.lease_seconds)
                try:
                    await self._store.renew(lease_ids, until)
                except GraphUnavailable as error:
                    _LOG.warning("The leases of %d batches could not be renewed: %s", len(lease_ids), error)

    async def idle(self) -> None:
        """Return when no handler is under way and every outcome is written."""
        while self._runs:
            await asyncio.wait(self._runs)
        await self._ledger.idle()

    async def stop(self, timeout_seconds: float) -> None:
        """Wait for the handlers, then cancel those that are left and write why."""
        if self._runs:
            await asyncio.wait(self._runs, timeout=timeout_seconds)
        self._stopping = True
        for task in self._handling.values():
            task.cancel()
        await self.idle()
        await self._reporting.stop()

    def _limit(self, firing: Firing) -> float:
        seconds = firing.task.timeout_seconds
        return self._options.timeout_seconds if seconds is None else seconds

    def _expire(self, execution_ids: Iterable[str]) -> None:
        """The deadline of these has come: one timer serves a batch."""
        for execution_id in execution_ids:
            if task := self._handling.get(execution_id):
                self._expired.add(execution_id)
                task.cancel()

    async def _run(self, firing: Firing, batch: _Batch) -> None:
        AUTHOR.set(Author("handler", firing.execution.execution_id))  # not whoever claimed it, or asked for it by hand
        MARK.set(None)  # nor at their request, which was acted on when it began
        trace = self._instruments.begin(firing) if batch.traced else None
        verdict = await self._verdict(firing, batch)
        if verdict is None:
            if trace:
                trace.leave()
            return  # its lease stays: the next start finds it lost, and tries again
        try:
            settlement = await self._settlement(firing, verdict)
        except RemembrancerError as error:
            if trace:
                trace.leave()
            self._ledger.give_up(firing.execution.execution_id, batch.lease_id, error)
        else:
            self._ledger.enter(trace.end(settlement) if trace else settlement, batch.lease_id)

    async def _verdict(self, firing: Firing, batch: _Batch) -> Verdict | None:
        """Run the handler to its end; None if it is to be tried again by another process."""
        execution_id = firing.execution.execution_id
        try:
            return await run(firing, self._call)
        except asyncio.CancelledError:
            return self._cut_short(firing)
        finally:
            del self._firings[execution_id]
            del self._handling[execution_id]  # what is left is writing: it must not be cut short
            self._expired.discard(execution_id)
            batch.ended()
            self._on_room()

    def _cut_short(self, firing: Firing) -> Verdict | None:
        """Say how a run ended that was cancelled; None for one that is to be tried again by another process."""
        if firing.execution.execution_id in self._expired:
            text = f"The handler ran longer than {self._limit(firing):g} s and was stopped."
            return Verdict(ExecutionStatus.FAILED, Reason.TIMED_OUT, text)
        if not self._stopping:
            return Verdict(ExecutionStatus.FAILED, Reason.HANDLER_RAISED, "The handler cancelled itself.")
        if firing.task.on_lost is OnLost.RETRY and firing.execution.attempt < firing.task.max_attempts:
            return None
        text = "The scheduler stopped before the handler was done."
        return Verdict(ExecutionStatus.FAILED, Reason.SHUTDOWN, text)

    async def _settlement(self, firing: Firing, verdict: Verdict) -> Settlement:
        """Work out what a verdict means for the task."""
        execution, task = firing.execution, firing.task
        now = self._clock.now()
        rearm = None
        if verdict.put_off:
            try:
                current = await patiently(lambda: self._store.get(task.task_id), execution.execution_id)
                rearm = put_off(current, verdict.put_off, now, execution.nominal_at)
            except InvalidInput as refused:
                verdict = Verdict(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, f"The deferral was refused. {refused}")
        return Settlement(
            execution=execution,
            status=verdict.status,
            completed_at=now,
            duration_seconds=max(0.0, (now - execution.triggered_at).total_seconds()),
            reason_code=verdict.reason_code,
            reason=verdict.reason,
            result=verdict.result,
            thought=verdict.thought,
            ends_task=None if rearm else ends(execution, verdict.status),
            rearm=rearm,
        )


def ends(execution: Execution, status: ExecutionStatus) -> TaskStatus | None:
    """Return what a one-time task becomes after its run; None for a task that goes on."""
    if execution.task_type is TaskType.RECURRING or execution.execution_type is ExecutionType.MANUAL:
        return None
    return TaskStatus.COMPLETE if status is ExecutionStatus.COMPLETED else TaskStatus.FAILED
