"""The loop: it sleeps until a task is due, ticks, survives any fault, and goes on until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from remembrancer.engine.alarm import Alarm
from remembrancer.engine.check_counts import CheckCounts
from remembrancer.engine.clock_steps import describe_steps, steps_of
from remembrancer.engine.maintenance.event_retention import EventRetention
from remembrancer.engine.maintenance.retention import Retention
from remembrancer.engine.poller import Poller
from remembrancer.engine.tick_record import TickRecord
from remembrancer.engine.timeouts import end
from remembrancer.errors import GraphUnavailable
from remembrancer.model.timestamps import to_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from remembrancer.engine.cluster.membership import Membership
    from remembrancer.engine.faults import Faults
    from remembrancer.engine.gates.halt_gate import HaltGate
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.settings import SchedulerOptions

_LOG: Final = logging.getLogger("remembrancer")
_IDLE_BATCH: Final = 500
_AFTER_TROUBLE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 8.0
"""After faults that are not the graph's: each of them may cost more than the tick that it ended."""
_SLICE_SECONDS: Final = 1.0
"""The longest time for which one tick claims: with a long backlog, recovery and retention still get their turn."""
_RECOVERY_SECONDS: Final = 60.0
_TICK: Final = "A tick"


class Duties(Protocol):
    """The steps at the start of a tick."""

    gate: HaltGate
    """Closed while the scheduler is halted."""

    @property
    def is_full(self) -> bool:
        """True if no slot is free."""
        ...

    @property
    def next_recovery_at(self) -> datetime | None:
        """Return the time at which leases of other replicas may expire; None if that needs no tick."""
        ...

    @property
    def next_retry_at(self) -> datetime | None:
        """Return the time of the next attempt that waits, as far as it is known; None without any."""
        ...

    @property
    def next_permit_at(self) -> datetime | None:
        """Return the time of the next permit of a rate for which tasks wait; None without any."""
        ...

    def is_recovery_due(self) -> bool:
        """Return True if it is time to search for expired leases."""
        ...

    async def recover(self) -> int:
        """Recover expired leases; return the number of lost executions."""
        ...

    async def recheck(self) -> None:
        """Derive the armed times again, if a start or a step of the clock requires it."""
        ...

    async def tick(self, within_seconds: float | None = None) -> int:
        """Claim and start due tasks; return the number of occurrences that were accounted for."""
        ...

    async def meet_clock_step(self, back: float) -> None:
        """Correct times that depend on the clock after it was set: *back* seconds back, or only forward if 0."""
        ...


class SchedulerLoop:
    """The loop of one replica.

    Args:
        duties: The steps at the start of a tick.
        store: The graph.
        clock: The time.
        options: The settings.
        membership: The replicas, and which tasks this one serves.
        faults: Records and logs faults.
    """

    def __init__(
        self,
        duties: Duties,
        store: Graph,
        clock: Clock,
        options: SchedulerOptions,
        membership: Membership,
        *,
        faults: Faults,
    ) -> None:
        self._duties = duties
        self._store = store
        self._clock = clock
        self._options = options
        self._membership = membership
        self.faults = faults
        self.alarm = Alarm()
        self.record = TickRecord(clock, options.check_interval_seconds)
        self.checks = CheckCounts(options.check_interval_seconds)
        self.clock_steps = 0
        """The number of steps of the clock that were seen."""
        self.poller = Poller(store, clock, options, membership, faults)
        self._event_retention = EventRetention(store.events, clock, options)
        self._retention = Retention(store.retention, clock, options, membership.replica_id)
        self._steps = steps_of(clock)
        self._stepped = (0, 0.0, 0.0)
        self._failures = 0
        self._stopping = False

    @property
    def is_stopping(self) -> bool:
        """True if the tick under way is the last."""
        return self._stopping

    def finish(self) -> None:
        """Let `run` return once the current tick has ended."""
        self._stopping = True
        self.alarm.ring()

    async def run(self, companions: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        """Tick until stopped, with the endless coroutines *companions* running at the same time."""
        endless = {**companions, "The server's plans": self.poller.keep_ready}
        loop = asyncio.get_running_loop()
        background = [loop.create_task(self.faults.run_forever(what, work)) for what, work in endless.items()]
        self._stopping = False
        try:
            await self.faults.run_forever("The loop", self._run)
        finally:
            await end(*background)

    async def _run(self) -> None:
        self.record.start()
        self._steps.observe()
        self._stepped = self._steps_so_far()
        while not self._stopping:
            self.alarm.begin_tick()
            until = await self._tick()
            self.record.plan(until)
            if self._stopping or await self._meet_clock_step():
                continue
            await self.faults.survive("The sleep of the loop", partial(self.poller.sleep, until, self.alarm.event))
            if self.faults.is_failing("The sleep of the loop"):
                await asyncio.sleep(_AFTER_TROUBLE_SECONDS)
            await self._meet_clock_step()

    async def _tick(self) -> datetime:
        """Run one tick and survive any fault; return the latest time of the next."""
        now = self._clock.now()
        self.record.begin()
        self.checks.begin(now)
        failed = (_TICK, "The recheck", "Recovery", "Upkeep")
        until = await self.faults.survive(_TICK, partial(self._work, now))
        well = not any(self.faults.is_failing(each) for each in failed)
        self.record.end(well=well)
        self._failures = 0 if well else self._failures + 1
        if well and until is not None:
            return until
        pause = self._pause()
        again = min(now + timedelta(seconds=self._options.check_interval_seconds), self._clock.now() + pause)
        return again if until is None else min(again, until)

    def _pause(self) -> timedelta:
        """Return the pause after a failed tick: it grows, unless the graph failed, which may be back soon."""
        most = _AFTER_TROUBLE_SECONDS if self.faults.is_the_graph(_TICK) else _LONGEST_PAUSE_SECONDS
        return timedelta(seconds=min(most, _AFTER_TROUBLE_SECONDS * 2 ** min(self._failures - 1, 10)))

    async def _work(self, now: datetime) -> datetime:
        """Recover, claim and do upkeep; a part that fails does not stop the others, unless the graph is unavailable."""
        if self._membership.barred:
            raise GraphUnavailable(self._membership.trouble or "")
        self.record.progress(_RECOVERY_SECONDS)
        await self.faults.survive_all_but_the_graph("The recheck", self._duties.recheck)
        self.record.progress()
        if self._duties.is_recovery_due():
            self.record.progress(_RECOVERY_SECONDS)
            await self.faults.survive_all_but_the_graph("Recovery", self._duties.recover)
            self.record.progress()
        done = await self._duties.tick(_SLICE_SECONDS)
        self.alarm.listen()
        next_run_at = None if self._duties.is_full else await self.poller.next_run_at()
        regular = now + timedelta(seconds=self._options.check_interval_seconds)
        if done == 0 and next_run_at and next_run_at <= now:
            next_run_at = now + timedelta(seconds=_AFTER_TROUBLE_SECONDS)  # others have locked it: do not spin
        duties = self._duties
        times = (regular, next_run_at, duties.next_recovery_at, duties.next_retry_at, duties.next_permit_at)
        until = min(filter(None, times if duties.gate.next_look_at is None else (regular, duties.gate.next_look_at)))
        self.alarm.set(to_ms(until))
        await self.faults.survive_all_but_the_graph("Upkeep", partial(self._maintain, next_run_at or regular))
        return until

    async def _maintain(self, until: datetime) -> None:
        """Do work that can wait, while nothing is due."""
        wake = self.alarm.event
        while not wake.is_set() and await self._store.idle_work(_IDLE_BATCH):
            self.record.progress()
        await self._retention.work(until, wake, self.record.progress)
        await self._event_retention.work(wake, self.record.progress)

    async def _meet_clock_step(self) -> bool:
        """Log a step of the clock, and correct times that depend on it; return True if there was one."""
        count, forward, back = self._stepped
        self._stepped = self._steps_so_far()
        if self._stepped[0] == count:
            return False
        forward, back = self._stepped[1] - forward, self._stepped[2] - back
        self.clock_steps += self._stepped[0] - count
        self.faults.last_error = text = f"{describe_steps(forward, back)}; due tasks are read again."
        _LOG.warning("%s", text)
        await self.faults.survive(
            "The correction after a step of the clock", partial(self._duties.meet_clock_step, back)
        )
        return True

    def _steps_so_far(self) -> tuple[int, float, float]:
        return self._steps.count, self._steps.forward, self._steps.back
