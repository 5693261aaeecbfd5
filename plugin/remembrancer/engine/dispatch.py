"""Run claimed executions concurrently, keep their leases alive, and settle each as it ends."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.engine.execution import Verdict, as_async, run
from remembrancer.engine.putting_off import put_off
from remembrancer.errors import GraphUnavailable, InvalidInput
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.policy import OnLost, TaskStatus
from remembrancer.ports.task_store import Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.engine.options import Options
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.handler import Firing, Handler
    from remembrancer.ports.task_store import Lease, TaskStore

_LOG: Final = logging.getLogger("remembrancer")
_T = TypeVar("_T")
_ASK_AGAIN_SECONDS: Final = (0.1, 0.5, 2.0, 5.0)


@dataclass(slots=True)
class Held:
    """A lease and how many of its executions are still to be settled."""

    lease: Lease
    open: int


class Dispatch:
    """The executions that this replica has under way.

    Args:
        store: Where outcomes go.
        clock: Tells when a run ended.
        handler: The agent's.
        options: Deadlines and leases.
        on_room: Called when a handler has ended, so that a full scheduler can go on.
    """

    def __init__(
        self, store: TaskStore, clock: Clock, handler: Handler, options: Options, on_room: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._call = as_async(handler)
        self._options = options
        self._on_room = on_room
        self._runs: set[asyncio.Task[None]] = set()
        self._handling: set[asyncio.Task[None]] = set()
        self._held: dict[str, Held] = {}
        self._stopping = False

    @property
    def running(self) -> int:
        """How many handlers are under way."""
        return len(self._runs)

    def start(self, firings: Sequence[Firing], lease: Lease) -> None:
        """Run the handlers of one claimed batch; their lease ends with the last of them."""
        if not firings:
            return
        held = Held(lease, len(firings))
        self._held[lease.lease_id] = held
        for firing in firings:
            task = asyncio.get_running_loop().create_task(self._run(firing, held))
            self._runs.add(task)
            self._handling.add(task)
            task.add_done_callback(self._ended)

    async def heartbeat(self) -> None:
        """Renew the leases of what is under way, for ever."""
        period = self._options.lease_seconds / 3
        never = asyncio.Event()
        while True:
            await self._clock.wait(self._clock.now() + timedelta(seconds=period), never)
            if lease_ids := list(self._held):
                until = self._clock.now() + timedelta(seconds=self._options.lease_seconds)
                try:
                    await self._store.renew(lease_ids, until)
                except GraphUnavailable as error:
                    _LOG.warning("The leases of %d batches could not be renewed: %s", len(lease_ids), error)

    async def idle(self) -> None:
        """Return when no handler is under way."""
        while self._runs:
            await asyncio.wait(self._runs)

    async def stop(self, timeout_seconds: float) -> None:
        """Wait for the handlers, then cancel those that are left and write why."""
        if self._runs:
            await asyncio.wait(self._runs, timeout=timeout_seconds)
        self._stopping = True
        for task in self._handling:
            task.cancel()
        await self.idle()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._runs.discard(task)
        self._handling.discard(task)
        self._on_room()
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("An execution could not be settled; its lease will bring it back: %s", error)

    async def _run(self, firing: Firing, held: Held) -> None:
        task = firing.task
        limit = self._options.timeout_seconds if task.timeout_seconds is None else task.timeout_seconds
        try:
            verdict = await run(firing, self._call, limit)
        except asyncio.CancelledError:
            if not self._stopping:
                verdict = Verdict(ExecutionStatus.FAILED, Reason.HANDLER_RAISED, "The handler cancelled itself.")
            elif task.on_lost is OnLost.RETRY and firing.execution.attempt < task.max_attempts:
                return  # its lease stays: the next start finds it lost, and tries again
            else:
                text = "The scheduler stopped before the handler was done."
                verdict = Verdict(ExecutionStatus.FAILED, Reason.SHUTDOWN, text)
        if mine := asyncio.current_task():
            self._handling.discard(mine)  # what is left is writing: it must not be cut short
        settlement = await self._settlement(firing, verdict)
        held.open -= 1
        if held.open == 0:
            del self._held[held.lease.lease_id]
            settlement = replace(settlement, lease_id=held.lease.lease_id)
        await self._settle(settlement)

    async def _settlement(self, firing: Firing, verdict: Verdict) -> Settlement:
        """Work out what a verdict means for the task."""
        execution, task = firing.execution, firing.task
        now = self._clock.now()
        rearm = None
        if verdict.put_off:
            try:
                current = await self._patiently(lambda: self._store.get(task.task_id), execution)
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
            ends_task=None if rearm else ends(task, execution, verdict.status),
            rearm=rearm,
        )

    async def _settle(self, settlement: Settlement) -> None:
        """Write the outcome; a late holder is told that it is not kept."""
        if not await self._patiently(lambda: self._store.settle(settlement), settlement.execution):
            late = settlement.execution.execution_id
            _LOG.warning("%s was taken over meanwhile; its late outcome is not kept", late)

    async def _patiently(self, ask: Callable[[], Awaitable[_T]], execution: Execution) -> _T:
        """Ask the graph; while it does not answer, try for a while: the work is done and has to be written."""
        for seconds in _ASK_AGAIN_SECONDS:
            try:
                return await ask()
            except GraphUnavailable as error:
                _LOG.warning("The outcome of %s is still to be written: %s", execution.execution_id, error)
                await asyncio.sleep(seconds)
        return await ask()


def ends(task: ScheduledTask, execution: Execution, status: ExecutionStatus) -> TaskStatus | None:
    """Return what a one-time task becomes after its run; None for a task that goes on."""
    if task.schedule_cron is not None or execution.execution_type == "manual_trigger":
        return None
    return TaskStatus.COMPLETE if status is ExecutionStatus.COMPLETED else TaskStatus.FAILED
