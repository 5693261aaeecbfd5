"""The checker: sleep until something is due, ask the graph what, claim it, run it, settle it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.checks import Checks
from remembrancer.engine.claims import Claims
from remembrancer.engine.completion import complete
from remembrancer.engine.dispatch import Dispatch
from remembrancer.engine.forgetting import Forgetting
from remembrancer.engine.hearing import Hearing
from remembrancer.engine.manual_run import manual_run
from remembrancer.engine.presence import Presence
from remembrancer.engine.recovery import Recovery
from remembrancer.engine.retention import Retention
from remembrancer.errors import GraphUnavailable, RemembrancerError
from remembrancer.model.ids import new_id
from remembrancer.model.moment import from_ms, to_ms
from remembrancer.ports.handler import Firing
from remembrancer.ports.task_store import Lease

if TYPE_CHECKING:
    from remembrancer.engine.options import Options
    from remembrancer.engine.slots import Reservation
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.handler import Handler
    from remembrancer.ports.instruments import Instruments
    from remembrancer.ports.task_store import Change, TaskStore

_LOG: Final = logging.getLogger("remembrancer")
_TIDY: Final = 500
_AFTER_TROUBLE_SECONDS: Final = 1.0


class Scheduler:
    """One replica's checker.

    Args:
        store: The graph.
        clock: The time.
        handler: What does the work.
        options: The numbers.
        instruments: What measures.
    """

    def __init__(
        self, store: TaskStore, clock: Clock, handler: Handler, options: Options, instruments: Instruments
    ) -> None:
        self._store = store
        self._instruments = instruments
        self._clock = clock
        self._options = options
        self.presence = Presence(store, clock, options, self._on_trouble)
        self.replica_id = self.presence.replica_id
        self._hearing = Hearing(store, clock, options, self.presence)
        self.wake = asyncio.Event()
        self._recover_at: datetime | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._dispatch = Dispatch(store, clock, handler, options, self._on_room, instruments=instruments)
        look_each = timedelta(seconds=options.lease_seconds / 2)
        self._recovery = Recovery(store, clock, self._dispatch, self._lease, look_each)
        self._claims = Claims(store, clock, self._dispatch, options, self._lease, on_fault=self._on_trouble)
        self._forgetting = Forgetting(store.events, clock, options)
        self._retention = Retention(store.past, clock, options, self.replica_id)
        self._stopping = False
        self._checks = Checks(options.check_interval_seconds)
        self.passes = 0
        self.failed_passes = 0
        self.last_pass_at: datetime | None = None
        self.last_error: str | None = None
        self.is_failing = False
        """Whether the last pass failed."""

    @property
    def running(self) -> int:
        """How many handlers are under way."""
        return self._dispatch.running

    @property
    def claims_lost(self) -> int:
        """How many claims another replica, or a change of the task, was faster than."""
        return self._claims.lost

    @property
    def missed_checks(self) -> int:
        """How many regular checks were not made."""
        return self._checks.missed

    @property
    def memory_bytes(self) -> int:
        """How much memory the tasks under way take."""
        return self._dispatch.memory_bytes

    async def recover(self) -> int:
        """Recover what a replica left that is gone or cut off; return how many executions it lost.

        Retries that find no slot start in the passes that follow, as handlers end.
        """
        return await complete(self._recover())

    async def _recover(self) -> int:
        self._recover_at = self._clock.now() + timedelta(seconds=self._options.lease_seconds / 2)
        try:
            lost = await self._recovery.work()
        except BaseException:
            self._recover_at = None
            raise
        self._instruments.reclaimed(lost)
        if lost:
            _LOG.warning("%d executions were left unfinished by their scheduler; each is recorded as lost", len(lost))
        return len(lost)

    @property
    def trouble(self) -> str | None:
        """Say what holds up the work of handlers; None if nothing does."""
        return self._dispatch.trouble

    @property
    def inside_handler(self) -> bool:
        """Whether the caller is a handler that is under way here."""
        return self._dispatch.inside_handler

    async def stop_runs(self, task_id: str) -> list[str]:
        """Stop what runs of a task that was cancelled just now; return the executions that were asked to stop."""
        return await self._dispatch.cancel_task(task_id)

    async def run(self) -> None:
        """Check until stopped."""
        loop = asyncio.get_running_loop()
        self._heartbeat = loop.create_task(self._dispatch.heartbeat())
        keeping = [loop.create_task(each) for each in (self.presence.keep(), self._hearing.keep_ready())]
        try:
            while not self._stopping:
                self.wake.clear()
                until = await self._look()
                if not self._stopping:
                    await self._hearing.sleep(until, self.wake)
        finally:
            await _end(*keeping)
            await self.presence.leave()  # the others need not wait for handlers that are under way here

    def halt(self) -> None:
        """Let `run` return once its pass under way is over."""
        self._stopping = self._claims.stopping = True
        self.wake.set()

    async def stop(self) -> None:
        """Wait for handlers up to the limit, cancel the rest; `run` has returned before, or never ran."""
        self.halt()
        await self.presence.leave()
        await self._dispatch.stop(self._options.stop_timeout_seconds)
        if self._heartbeat:
            await _end(self._heartbeat)

    async def tick(self) -> int:
        """Claim and start everything that is due now; return how many occurrences were accounted for."""
        done = 0
        while won := await self._sweep():
            done += won
            if self._stopping or self._claims.is_full:
                break
        return done

    async def idle(self) -> None:
        """Return when every handler under way has been settled."""
        await self._dispatch.idle()

    async def run_now(self, task: ScheduledTask, change: Change) -> Execution | None:
        """Start one execution outside the schedule; return it as it started, None if the task is not as wanted.

        Raises SchedulerBusy: no slot became free in time.
        """
        return await complete(self._run_now(task, change, await self._dispatch.reserve_one()))

    async def _run_now(self, task: ScheduledTask, change: Change, reservation: Reservation) -> Execution | None:
        lease = self._lease()
        with reservation:
            reservation.claim([task.task_id])
            if started := await self._store.start_now(manual_run(task, change.at, self.replica_id), lease, change):
                self._dispatch.start([Firing(started, task)], lease, reservation)
        return started

    async def _look(self) -> datetime:
        """Make one pass, whatever comes of it; return when to look again at the latest."""
        now = self._clock.now()
        regular = now + timedelta(seconds=self._options.check_interval_seconds)
        self.passes += 1
        self._checks.begin(now)
        try:
            if self.presence.barred:
                raise GraphUnavailable(self.presence.trouble or "")
            if self._recover_at is None or now >= self._recover_at:
                await self.recover()
            done = await self.tick()
            next_run_at = None if self._claims.is_full else await self._hearing.next_run_at()
            if done == 0 and next_run_at and next_run_at <= now:
                next_run_at = now + timedelta(seconds=_AFTER_TROUBLE_SECONDS)  # others hold it: do not spin
            while not self.wake.is_set() and await self._store.tidy(_TIDY):
                pass
            await self._retention.work(next_run_at or regular, self.wake)
            await self._forgetting.work(self.wake)
        except RemembrancerError as error:
            self.failed_passes += 1
            self.is_failing = True
            self.last_error = str(error)
            _LOG.error("A pass failed and is tried again: %s", error)
            return min(regular, self._clock.now() + timedelta(seconds=_AFTER_TROUBLE_SECONDS))
        self.last_pass_at = self._clock.now()
        self.is_failing = False
        if not self._store.exclusive and self._recover_at:
            regular = min(regular, self._recover_at)  # others' leases run out, however rarely we look
        return min(regular, next_run_at) if next_run_at else regular

    async def _sweep(self) -> int:
        """Go once over what is due and ours to serve, then over what others are late with; return the claims won."""
        won = 0
        for turn in self.presence.turns:
            won += await self._claims.serve(turn)
            if self._claims.is_full:
                break
        return won

    def _lease(self) -> Lease:
        now, lasts = self._clock.now(), timedelta(seconds=self._options.lease_seconds)
        return Lease(new_id("lease", to_ms(now)), self.replica_id, from_ms(to_ms(now + lasts)))

    def _on_trouble(self, text: str) -> None:
        self.last_error = text

    def _on_room(self) -> None:
        if not self._recovery.is_done:
            self._recover_at = None
            self.wake.set()
        elif self._claims.is_full:
            self.wake.set()


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
