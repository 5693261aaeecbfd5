"""The start and the stop of a service: one at a time, each bounded, and leaving nothing open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from functools import partial
from typing import Final, Protocol

from remembrancer.engine.gates.halt_gate import HaltGate
from remembrancer.engine.scheduler import Scheduler
from remembrancer.engine.timeouts import awaited, bounded, end
from remembrancer.errors import NotRunning
from remembrancer.operations.event_feed import EventFeed
from remembrancer.operations.task_commands import TaskCommands
from remembrancer.ports.graph import Graph
from remembrancer.ports.handler import Handlers
from remembrancer.ports.host_hooks import HostHooks
from remembrancer.ports.sync_calls import SyncCalls
from remembrancer.ports.telemetry import ObservedTelemetry
from remembrancer.service import registry
from remembrancer.service.calls import FORKED, NO_LOOP
from remembrancer.service.process import SchedulerProcess
from remembrancer.service.registry import Registered
from remembrancer.service.telemetry.gauges import Gauges
from remembrancer.service.timer_gate import HostTimerGate

_TICK_SECONDS: Final = 3.0
"""The time for which the tick under way may go on once the service stops."""
_CLOSE_SECONDS: Final = 10.0
_WRITING_SECONDS: Final = 10.0
"""Seconds, beyond those of the handlers, to end them and write their outcomes."""
_STOPPED_AT_START: Final = "stop() was called while the scheduler was starting: it is stopped."
_ENDED: Final = "The loop was ended from outside; start() begins it again."


class Owner(Registered, Protocol):
    """The service that is started and stopped."""

    @property
    def blocking(self) -> SyncCalls:
        """Its methods for code without an event loop."""
        ...


class Lifecycle:
    """Opens, starts, stops and closes one scheduler.

    Args:
        process: The state that it changes.
        gauges: The values of the instruments.
        open_store: Opens the graph.
        handlers: Do the work of tasks.
        instruments: Measure and trace.
        owner: The service.
        hooks: The questions to the host.
    """

    def __init__(  # noqa: PLR0913 (the parts that a service is made of)
        self,
        process: SchedulerProcess,
        gauges: Gauges,
        open_store: Callable[[], Awaitable[Graph]],
        handlers: Handlers,
        instruments: ObservedTelemetry,
        *,
        owner: Owner,
        hooks: HostHooks,
    ) -> None:
        self._process = process
        self._gauges = gauges
        self._open_store = open_store
        self._handlers = handlers
        self._instruments = instruments
        self._owner = owner
        self._hooks = hooks
        self._collecting: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[Graph] | None = None
        self._changing = asyncio.Lock()
        self._stops = 0
        self._deciding = threading.Lock()
        """Held while a thread decides on which loop a call is done."""
        self._calls: set[object] = set()
        """The calls under way, on the loop that the service lives on."""

    async def open(self) -> None:
        """Open the graph without checking it: nothing fires. `start` does this too."""
        await self._at_home(partial(self._begin, self._open))

    async def start(self) -> None:
        """Open the graph, take over what a former process left unfinished, and begin to check.

        Several starts at once are one. A start that fails leaves nothing behind.
        Raises NotRunning: `stop` was called meanwhile.
        """
        await self._at_home(partial(self._begin, self._start))

    async def stop(self) -> None:
        """Stop checking, wait for handlers up to the limit, write what became of each, let the graph go.

        It ends within the limit and a few seconds, whatever hangs, and goes on if its caller is cancelled. Called
        within a handler, which it waits for, it returns at once: the scheduler stops when the handler has ended.
        In a fork of the process it does nothing.
        """
        if not self._process.calls.is_forked:
            await self._at_home(self._stop)

    async def _at_home(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do *work* on the loop that the service lives on; if there is none, or it has ended, live on this one.

        The service stays on a loop until the last of these calls has ended: no two loops change it at once.
        """
        if self._process.calls.is_forked:
            raise NotRunning(FORKED)
        is_done = False
        while not is_done:
            is_done = await self._is_done_at_home(work)

    async def _is_done_at_home(self, work: Callable[[], Coroutine[None, None, None]]) -> bool:
        """Do *work*; return False if its loop ended meanwhile."""
        calls, call = self._process.calls, object()
        with self._deciding:
            is_left = calls.is_homeless  # what it held is still open
            if is_left or calls.home is None:
                calls.settle()
                self._starting = self._ending = self._opening = None
                self._changing, self._calls = asyncio.Lock(), set()
            others = self._calls
            others.add(call)
        try:
            await calls.carry(partial(self._call, call, others, partial(self._take_over, work) if is_left else work))
        except NotRunning as refusal:
            self._end_call(call, others)
            if refusal.args == (NO_LOOP,):
                return False
            raise
        return True

    async def _call(self, call: object, others: set[object], work: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            await work()
        finally:
            self._end_call(call, others)

    def _end_call(self, call: object, others: set[object]) -> None:
        """Leave the loop after the last call on it, if no graph is open."""
        with self._deciding:
            others.discard(call)
            if others is self._calls and not others and self._process.store is None:
                self._process.calls.leave()

    async def _take_over(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Let go of what is left of a loop that has ended, then do *work*."""
        async with self._changing:
            await self._shut()
        await work()

    async def _stop(self) -> None:
        self._stops += 1
        self._process.shutdown.set()
        if self._ending is None or self._ending.done():
            call, others = object(), self._calls
            others.add(call)  # it goes on if its caller is cancelled
            self._ending = asyncio.get_running_loop().create_task(
                self._call(call, others, self._end), name="remembrancer stop", context=Context()
            )  # not the caller's: it may be a handler
        if self._process.scheduler and self._process.scheduler.inside_handler:
            return
        await asyncio.shield(self._ending)

    async def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work* alone, after a stop that is under way; a stop that is asked for meanwhile ends it."""
        if self._ending and not self._ending.done():
            await asyncio.wait({self._ending})
        stops = self._stops
        async with self._changing:
            if self._stops == stops:
                self._starting = starting = asyncio.ensure_future(work())
                try:
                    await starting
                except asyncio.CancelledError:
                    if self._stops == stops or (task := asyncio.current_task()) is None or task.cancelling():
                        raise
                finally:
                    self._starting = None
        if self._stops != stops:
            raise NotRunning(_STOPPED_AT_START)

    async def _open(self) -> None:
        process = self._process
        if process.store:
            return
        try:
            process.store = store = await self._opened()
            process.feed = EventFeed(store.events, process.clock)
            self._gauges.begin()
            process.scheduler = scheduler = self._scheduler_of(store)
            process.task_commands = TaskCommands(
                store,
                process.clock,
                process.options,
                scheduler.membership.with_local_id,
                scheduler.stop_runs,
                timers=scheduler.gate.timers,
            )
            self._instruments.watch(self._gauges.read, store.statistics.commit_sizes)
            await scheduler.membership.poll_repeatedly()
            await scheduler.gate.read()
            if not store.exclusive:
                await scheduler.rules.follow_graph()
        except BaseException:
            await self._shut()
            raise

    def _scheduler_of(self, store: Graph) -> Scheduler:
        process = self._process
        timers = None if (host := self._hooks.may_be_timed) is None else HostTimerGate(host)
        gate = HaltGate(store.halts, process.clock, self._hooks.is_halted, timers)
        scheduler = Scheduler(store, process.clock, self._handlers, process.options, self._instruments, gate)
        scheduler.lend(self._owner.blocking)
        return scheduler

    async def _opened(self) -> Graph:
        """Open the graph; if the caller was cancelled meanwhile, it is closed again as soon as it is open."""
        self._opening = asyncio.ensure_future(self._open_store())
        try:
            return await asyncio.shield(self._opening)
        finally:
            if self._opening.done():
                self._opening = None

    async def _start(self) -> None:
        if self._process.loop_task and not self._process.loop_task.done():
            return
        await self._open()
        try:
            scheduler = self._process.running_scheduler()
            if self._process.store:
                await self._process.store.health.refuse_void()
            await scheduler.membership.join()
            self._process.shutdown.clear()
            self._process.started_at = self._process.clock.now()
            for what, work in (
                ("Recovery", scheduler.recover),
                ("The recheck", scheduler.recheck),
                ("The renewal of schedules", self._process.commands().referring.catch_up),
            ):
                await scheduler.faults.survive_all_but_the_graph(what, work)
        except BaseException:
            await self._shut()
            raise
        loop, run_forever = asyncio.get_running_loop(), scheduler.faults.run_forever
        self._process.loop_task = loop.create_task(scheduler.run(), name="remembrancer loop")
        self._process.loop_task.add_done_callback(partial(self._loop_ended, scheduler))
        if self._collecting is None or self._collecting.done():
            fresh = partial(self._gauges.keep_fresh, self._instruments)
            self._collecting = loop.create_task(run_forever("The reading of the gauges", fresh))
        registry.register(self._owner)

    def _loop_ended(self, scheduler: Scheduler, task: asyncio.Task[None]) -> None:
        if not self._process.shutdown.is_set():
            scheduler.faults.report("The loop", _ENDED, None if task.cancelled() else task.exception())

    async def _end(self) -> None:
        """Break off a start that is under way, then let everything go."""
        if self._starting:
            self._starting.cancel()
        async with self._changing:
            await self._shut()

    async def _shut(self) -> None:
        """Let everything go, each part within its bound; one that was cut short does not keep the others."""
        registry.unregister(self._owner)
        cut_short = False
        for part in (self._end_work, self._end_scheduler, self._end_readers, self._close_store):
            try:
                await part()
            except asyncio.CancelledError:
                cut_short = True
        self._process.scheduler = self._process.task_commands = None
        if cut_short:
            raise asyncio.CancelledError

    async def _end_work(self) -> None:
        task, self._process.loop_task = self._process.loop_task, None
        collecting, self._collecting = self._collecting, None
        if collecting:
            await end(collecting)
        if task and not task.done() and self._process.scheduler:
            self._process.scheduler.finish()
            await bounded("The tick under way", task, _TICK_SECONDS)

    async def _end_scheduler(self) -> None:
        if self._process.scheduler:
            limit = self._process.options.shutdown_timeout_seconds + _WRITING_SECONDS
            await bounded("The end of the handlers", self._process.scheduler.stop(), limit)
            self._process.error_at_stop = self._process.scheduler.faults.last_error

    async def _end_readers(self) -> None:
        if feed := self._process.feed:
            feed.close()
        self._instruments.forget(self._gauges.read)

    async def _close_store(self) -> None:
        opening, self._opening = self._opening, None
        store, self._process.store = self._process.store, None
        if opening:
            await awaited("The opening of the graph", _close_opened(opening), _CLOSE_SECONDS)
        if store:
            await awaited("The closing of the graph", store.close(), _CLOSE_SECONDS)


async def _close_opened(opening: asyncio.Task[Graph]) -> None:
    """Close a graph that was being opened, once it is open: it cannot be stopped half-way."""
    await asyncio.wait({opening})
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().close()
