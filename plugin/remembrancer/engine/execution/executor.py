"""The executor: it runs claimed executions concurrently, each with its deadline, and passes on their ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from remembrancer.context import CURRENT_ACTOR, IDEMPOTENCY_KEY, Actor
from remembrancer.engine.execution.cancellation import Cancellations
from remembrancer.engine.execution.deferral_wishes import permitted, settled
from remembrancer.engine.execution.dependency_results import with_dependencies
from remembrancer.engine.execution.handler_call import raised, run
from remembrancer.engine.execution.handler_routes import HandlerRoutes
from remembrancer.engine.execution.heartbeat import Heartbeat
from remembrancer.engine.execution.outcome_writer import OutcomeWriter
from remembrancer.engine.execution.progress import ProgressWriter
from remembrancer.engine.execution.run import Batch, Run, StopReason, stopped
from remembrancer.engine.execution.runs import Runs
from remembrancer.engine.execution.slots import Reservation, Slots
from remembrancer.engine.execution.worker_pool import WorkerPool
from remembrancer.engine.memory_usage import memory_of
from remembrancer.errors import SchedulerBusy
from remembrancer.model.handler_result import HandlerOutcome
from remembrancer.policies.settlement import settlement_of
from remembrancer.policies.unanswered.deferral_limits import limits_from
from remembrancer.ports.sync_calls import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from remembrancer.engine.gates.halt_gate import HaltGate
    from remembrancer.model.halt import HaltState
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import Firing, Handlers
    from remembrancer.ports.sync_calls import SyncCalls
    from remembrancer.ports.telemetry import Telemetry
    from remembrancer.ports.writes import Lease, Settlement
    from remembrancer.settings import SchedulerOptions

_SLOT_WITHIN_SECONDS: Final = 5.0
_END_SECONDS: Final = 1.0
"""The time handlers may take to end after `stop` has asked them to."""
_WRITE_SECONDS: Final = 5.0
"""The time `stop` waits for outcomes to be written."""
_DOUBT_SECONDS: Final = 1.0
"""If the event loop still runs this long after a handler was cancelled from outside, it is not ending itself."""


class Executor:
    """The executions that this replica has under way.

    Args:
        store: The graph.
        clock: The time at which a run ends.
        handlers: The agent's.
        options: Deadlines and leases.
        on_room: Called when a slot has become free, so that a full scheduler can go on.
        telemetry: Measurements and traces.
        gate: Closed while nothing is to begin: what starts executions asks it.
    """

    def __init__(  # noqa: PLR0913 (the parts of a replica that a run concerns)
        self,
        store: Graph,
        clock: Clock,
        handlers: Handlers,
        options: SchedulerOptions,
        on_room: Callable[[], None],
        *,
        telemetry: Telemetry,
        gate: HaltGate,
    ) -> None:
        self.telemetry = telemetry
        self.gate = gate
        self._store = store
        self._clock = clock
        self._options = options
        self._slots = Slots(options.max_concurrent_handlers, on_room)
        self._runs = Runs(self._slots, self._abandon)
        self._routes = HandlerRoutes(handlers, self._runs)
        self.workers = WorkerPool(store, self._runs.begin)
        self._outcome_writer = OutcomeWriter(store, telemetry)
        self._cancellations = Cancellations(self._runs, self._outcome_writer)
        self._beats = Heartbeat(store, clock, options, lambda: self._outcome_writer.leases, self._lose)
        self._progress_writer = ProgressWriter(store.events, clock)
        self._doubted: dict[Run, asyncio.TimerHandle] = {}
        self._limits = limits_from(options)
        self._stopping = self._stopped = False
        self._cut_off = False
        """True if the event loop ends without a `stop`."""
        self.scheduler: SyncCalls = OUTSIDE
        """The calls that plain handlers may make."""

    @property
    def running(self) -> int:
        """The number of handlers under way."""
        return len(self._runs.handling)

    @property
    def room(self) -> int:
        """The number of free slots."""
        return self._slots.free

    @property
    def memory_bytes(self) -> int:
        """The memory that the tasks under way take, in bytes."""
        return memory_of([each.firing for each in self._runs.handling.values()])

    @property
    def leases(self) -> list[str]:
        """The leases that this replica holds, including those whose outcomes are not written yet."""
        return self._outcome_writer.leases

    @property
    def trouble(self) -> str | None:
        """Describe what delays handlers or outcomes; None if nothing does."""
        parts = (self._runs.trouble, self._outcome_writer.trouble, self._beats.trouble)
        return "; ".join(each for each in parts if each) or None

    @property
    def inside_handler(self) -> bool:
        """Return True if the caller is a handler that runs here, or was called by one."""
        return self._caller() is not None

    def reserve(self, most: int) -> Reservation:
        """Reserve up to *most* slots for executions that are to be claimed."""
        return Reservation(self._slots, self._slots.take(most), self._cancellations.reserved)

    async def reserve_one(self) -> Reservation:
        """Reserve one slot, waiting a little for it. Raises SchedulerBusy."""
        if not await self._slots.wait_for_one(_SLOT_WITHIN_SECONDS):
            raise SchedulerBusy(self._slots.limit, _SLOT_WITHIN_SECONDS)
        return Reservation(self._slots, 1, self._cancellations.reserved)

    def start(
        self, firings: Sequence[Firing], lease: Lease, reservation: Reservation, forced_in: int | None = None
    ) -> None:
        """Run the handlers of one claimed batch in slots reserved for it; their lease ends with the last of them.

        What a person has forced goes on in the halt of the edition *forced_in*.
        """
        if not firings:
            return
        reservation.use(len(firings))
        loop = asyncio.get_running_loop()
        self._outcome_writer.hold(lease.lease_id, len(firings))
        self._beats.hold(lease.lease_id, reservation.sent)
        batch = Batch(lease.lease_id, len(firings), self.telemetry.traced)
        deadlines: dict[float, list[Run]] = {}
        for each in firings:
            started = Run(
                self._routes.firing(each, self._progress_writer, self.scheduler), batch, self._limit(each.task)
            )
            started.forced_in = forced_in
            self._runs.add(started)
            if self._routes.of(each.task.queue) is None:
                self.workers.expect(started)
            if started.task_id in reservation.cancelled:
                self._cancellations.withdraw(started, reservation)
            elif self._stopping:
                self._runs.ask(started, StopReason.SHUTDOWN)
            started.task = task = loop.create_task(self._run(started))
            self._runs.tasks[task] = started
            task.add_done_callback(self._gone)
            deadlines.setdefault(started.limit_seconds, []).append(started)
        if self.gate.record.stops_runs:  # it was halted while they were claimed
            self._cancellations.meet_halt(self.gate.record)
        for seconds, runs in deadlines.items():
            batch.timers.append(loop.call_later(seconds, self._runs.expire, runs))

    @property
    def served_queues(self) -> Collection[str]:
        """The queues that have a handler in this process."""
        return self._routes.queues

    def is_served(self, queue: str | None) -> bool:
        """Return whether the work of a queue is done in this process, or a worker waits for it."""
        return self._routes.of(queue) is not None or self.workers.demand(queue or "") > 0

    def written(self, execution_id: str) -> asyncio.Future[None]:
        """Return a future that is resolved once the outcome of this execution is written."""
        return self._outcome_writer.watch(execution_id)

    async def cancel_task(self, task_id: str) -> list[str]:
        """Stop the runs of a task that has been cancelled; return the executions that were asked to stop."""
        return await self._cancellations.cancel(task_id)

    def replace(self, execution_id: str, reason: str) -> bool:
        """Ask a run to stop in whose place another one is to run; return whether it runs here."""
        return self._cancellations.replace(execution_id, reason)

    async def meet_halt(self) -> HaltState:
        """Stop what began before a halt, if it says so; return the state, with what was asked to stop."""
        state = await self.gate.current_state()
        stopping = self._cancellations.meet_halt(self.gate.record)
        return state.model_copy(update={"stopping": tuple(stopping)})

    async def heartbeat(self) -> None:
        """Renew the leases of running executions, and poll for tasks cancelled elsewhere, without end."""
        self._cut_off = False
        try:
            await asyncio.gather(
                self._beats.renew_forever(), self._cancellations.poll(self._store, self._clock, self._options)
            )
        except asyncio.CancelledError:
            self._cut_off = not self._stopping
            raise

    async def idle(self) -> None:
        """Return when no handler is under way here and every outcome is written; work of workers may be."""
        while (here := self._runs.here()) or self._doubted:
            if here:
                await asyncio.wait(here, timeout=_DOUBT_SECONDS)
            if self._doubted:
                await asyncio.sleep(_DOUBT_SECONDS / 10)
        await self._outcome_writer.idle()

    async def stop(self, timeout_seconds: float) -> None:
        """Wait for the handlers up to the limit, ask the rest to end, and write the outcome of each.

        A handler that does not end then is settled and abandoned: each step has its limit.
        """
        caller = self._caller()
        for each in self._runs.handling.values():
            if each.on_thread:
                each.firing.stop.requested = True
        await self._runs.ended(timeout_seconds, caller)
        self._stopping = True
        for each in list(self._runs.handling.values()):
            if each is not caller:
                self._runs.ask(each, StopReason.SHUTDOWN)
        await self._runs.ended(_END_SECONDS, caller)
        for each in list(self._runs.handling.values()):
            each.asked = each.asked or StopReason.SHUTDOWN
            self._abandon(each)
        for each in list(self._doubted):
            self._resolve(each, None)
        await self._outcome_writer.stop(_WRITE_SECONDS)
        await self._progress_writer.stop()
        self._stopped = True
        self._runs.destroy()
        self._routes.close()

    def _limit(self, task: ScheduledTask) -> float:
        return self._options.default_timeout_seconds if task.timeout_seconds is None else task.timeout_seconds

    def _caller(self) -> Run | None:
        actor = CURRENT_ACTOR.get()
        return self._runs.handling.get(actor.actor or "") if actor and actor.surface == "handler" else None

    async def _run(self, each: Run) -> None:
        CURRENT_ACTOR.set(Actor("handler", each.execution_id))  # not whoever claimed it, or asked for it by hand
        IDEMPOTENCY_KEY.set(None)  # nor at their request, which was acted on when it began
        trace = self.telemetry.begin(each.firing) if each.batch.traced else None
        settlement = None
        try:
            settlement = await self._conclude(each)
        finally:
            if trace and settlement and not each.settled:
                settlement = trace.end(settlement)
            elif trace:
                trace.leave()
        if settlement and not each.settled:
            self._outcome_writer.enter(settlement, each.batch.lease_id)
            each.settled = True

    async def _conclude(self, each: Run) -> Settlement | None:
        """Run the handler to its end, and work out its outcome; None if none is to be written here."""
        try:
            outcome = await self._call_handler(each) or stopped(each)
        except asyncio.CancelledError:
            if each.asked is None and asyncio.current_task().cancelling():  # pyright: ignore[reportOptionalMemberAccess]
                raise  # from outside: it may be the end of the loop, and nothing can be written then
            outcome = stopped(each)
        if each.over:
            return None  # abandoned meanwhile: its outcome is written
        self._runs.end(each)
        if outcome is None or each.asked is StopReason.LEASE_LOST:
            self._settle(each, None)
            return None
        return await self._settlement(each.firing, outcome)

    async def _call_handler(self, each: Run) -> HandlerOutcome | None:
        """Call the handler and read its return value; None if it must not begin, or is abandoned."""
        route = self._routes.of(each.firing.task.queue)
        if route and not route.plain and not self._runs.begin(each):
            return None
        if each.firing.task.depends_on:
            each.firing = await with_dependencies(self._store, each.firing)
        outcome = await run(each.firing, route.call) if route else await self.workers.outcome(each)
        return await permitted(self.gate.timers, each.firing, outcome, self._clock.now(), self._limits)

    def _gone(self, task: asyncio.Task[None]) -> None:
        """The asyncio task of a run has ended, in whatever way."""
        each = self._runs.tasks.pop(task)
        error = None if task.cancelled() else task.exception()
        if not each.over:
            self._runs.end(each)
        elif not each.on_thread:
            self._runs.free(each)
        if not each.settled and not self._stopped:
            later = asyncio.get_running_loop().call_later(_DOUBT_SECONDS, self._resolve, each, error)
            self._doubted[each] = later

    def _resolve(self, each: Run, error: BaseException | None) -> None:
        """Settle a run that was cut off from outside, if the loop goes on; else its lease expires and is recovered."""
        self._doubted.pop(each).cancel()
        if not self._cut_off:
            self._settle(each, raised(each.firing, error) if error else stopped(each))

    def _abandon(self, each: Run) -> None:
        """Settle a run whose handler does not end; a later return value is ignored."""
        if each.over:
            return
        outcome = stopped(each, abandoned=True)
        self._runs.end(each, goes_on=True)
        self._settle(each, outcome)
        each.forsake()

    def _lose(self, lease_ids: Sequence[str]) -> None:
        """Stop the runs under leases that may have expired, without an outcome: another replica recovers them."""
        for each in self._runs.of_leases(lease_ids):
            self._runs.ask(each, StopReason.LEASE_LOST)

    def _settle(self, each: Run, outcome: HandlerOutcome | None) -> None:
        each.settled = True
        if outcome:
            settlement = settlement_of(each.firing, outcome, self._clock.now())
            self._outcome_writer.enter(settlement, each.batch.lease_id)
        elif each.asked is StopReason.LEASE_LOST:
            self._outcome_writer.leave(each.batch.lease_id)

    async def _settlement(self, firing: Firing, outcome: HandlerOutcome) -> Settlement:
        """Return the settlement of a handler's outcome, with the deferral that it asks for."""
        now = self._clock.now()
        reschedule = await settled(self._store, firing, outcome, now, self._limits)
        if isinstance(reschedule, HandlerOutcome):
            return settlement_of(firing, reschedule, now)
        return settlement_of(firing, outcome, now, reschedule)
