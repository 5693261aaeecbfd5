"""The scheduler of one replica: it reads due tasks, claims, runs and settles them."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.completion import complete
from remembrancer.engine.claimer import Claimer
from remembrancer.engine.clock_steps import describe_steps
from remembrancer.engine.cluster.membership import Membership
from remembrancer.engine.execution.executor import Executor
from remembrancer.engine.execution.manual_run import manual_run
from remembrancer.engine.execution.worker_desk import WorkerDesk
from remembrancer.engine.faults import Faults
from remembrancer.engine.health import SchedulerHealth
from remembrancer.engine.lease_recovery import LeaseRecovery
from remembrancer.engine.loop import SchedulerLoop
from remembrancer.engine.maintenance.rule_changes import Author, RuleChanges
from remembrancer.engine.maintenance.schedule_recheck import ScheduleRecheck
from remembrancer.engine.overdue import OverdueService
from remembrancer.engine.overlaps.replacement import Replacement
from remembrancer.engine.slot_queue import SlotQueue
from remembrancer.engine.timeouts import end
from remembrancer.engine.wait_sweep import WaitSweep
from remembrancer.engine.waiting_retries import WaitingRetries
from remembrancer.engine.watching.watcher import Watcher
from remembrancer.model.ids import new_id
from remembrancer.model.limit import limit_keys_of
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.budget import draw_of
from remembrancer.policies.limits import limit_reached
from remembrancer.policies.retry import with_rerun_input
from remembrancer.ports.handler import Firing
from remembrancer.ports.writes import Lease

if TYPE_CHECKING:
    from remembrancer.engine.execution.slots import Reservation
    from remembrancer.engine.gates.halt_gate import HaltGate
    from remembrancer.model.dead_letter import Rerun
    from remembrancer.model.execution import Execution
    from remembrancer.model.halt import HaltState
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import Handlers
    from remembrancer.ports.sync_calls import SyncCalls
    from remembrancer.ports.telemetry import Telemetry
    from remembrancer.ports.writes import Change
    from remembrancer.settings import SchedulerOptions

_LOG: Final = logging.getLogger("remembrancer")
_LOCKED: Final = timedelta(seconds=1)
"""The time until a retry that another write has locked is tried again."""


class Scheduler:
    """The work of one replica: it reads due tasks, claims, runs and settles them.

    Args:
        store: The graph.
        clock: The time.
        handlers: Called for each execution.
        options: The settings.
        telemetry: Measurements and traces.
        gate: Closed while the scheduler is halted.
    """

    def __init__(  # noqa: PLR0917 (the parts that a replica is made of)
        self,
        store: Graph,
        clock: Clock,
        handlers: Handlers,
        options: SchedulerOptions,
        telemetry: Telemetry,
        gate: HaltGate,
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._options = options
        self.faults = Faults()
        self.membership = Membership(store, clock, options, self.faults)
        self.replica_id = self.membership.replica_id
        self._recover_at: datetime | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self.gate = gate
        self._executor = Executor(store, clock, handlers, options, self._on_room, telemetry=telemetry, gate=gate)
        self.workers = WorkerDesk(store, clock, self._executor)
        self.loop = SchedulerLoop(self, store, clock, options, self.membership, faults=self.faults)
        search = timedelta(seconds=options.lease_seconds / 2)
        self._recovery = LeaseRecovery(store, clock, self._executor, self._lease, search)
        self.wake = self.loop.alarm.event
        replacement = Replacement(store, clock, self._executor, self._lease)
        self._slots = SlotQueue(store, clock, options.claim_batch_size, self.wake.set, replacement)
        self._claims = Claimer(store, clock, self._executor, options, self._lease, loop=self.loop, slots=self._slots)
        self._executor.workers.serve = self._claims.serve_waiting
        self._retries = WaitingRetries(store, clock, self._executor, self._lease, options)
        self._sweep = WaitSweep(store, clock, options)
        self._help = OverdueService(self._claims.serve, self.faults)
        self._recheck = ScheduleRecheck(store, clock, self.replica_id)
        self.rules = RuleChanges(store, clock, Author("scheduler", self.replica_id), self._is_alone)
        self._watcher = Watcher(store, clock, self.membership, self.faults, self._claims.serve_waiting)
        self._rechecked, self._set_back = False, 0.0
        self.record = self.loop.record
        self.health = SchedulerHealth(self.record, self.membership, store, self.faults, self._executor)
        store.queue.on_armed.append(self.loop.alarm.armed)
        store.health.on_unreadable.append(partial(self.faults.report, "The records"))

    @property
    def running(self) -> int:
        """The number of handlers under way."""
        return self._executor.running

    @property
    def is_full(self) -> bool:
        """True if no slot was free at the last attempt to claim."""
        return self._claims.is_full

    @property
    def claims_lost(self) -> int:
        """The number of claims lost to another replica or to a change of the task."""
        return self._claims.lost

    @property
    def ticks(self) -> int:
        """The number of ticks begun."""
        return self.record.ticks

    @property
    def last_tick_at(self) -> datetime | None:
        """The time the last good tick ended, by the scheduler's clock."""
        return self.record.last_tick_at

    @property
    def clock_steps(self) -> int:
        """The number of steps of the clock that were seen."""
        return self.loop.clock_steps

    @property
    def memory_bytes(self) -> int:
        """The memory that the tasks under way take, in bytes."""
        return self._executor.memory_bytes

    def lend(self, calls: SyncCalls) -> None:
        """Let plain handlers call the scheduler by *calls*."""
        self._executor.scheduler = calls

    async def recover(self) -> int:
        """Recover expired leases of other replicas; return the number of lost executions.

        Retries that find no slot start in later ticks, as handlers end.
        """
        return await complete(self._recover())

    async def _recover(self) -> int:
        self._recover_at = self._clock.now() + timedelta(seconds=self._options.lease_seconds / 2)
        try:
            recovered = await self._recovery.work()
        except BaseException:
            self._recover_at = None
            raise
        if not self._recovery.is_done and not self._recovery.waits_for_slot:
            self._recover_at = self._clock.now() + _LOCKED
        lost = [
            each for each in recovered if each.execution.execution_id in self._store.queue.lost
        ]  # other replicas may have recovered the rest
        self._telemetry.recovered(lost)
        if lost:
            _LOG.warning("%d executions were left unfinished by their scheduler; each is recorded as lost", len(lost))
        return len(lost)

    @property
    def trouble(self) -> str | None:
        """Describe what delays handlers or outcomes; None if nothing does."""
        return self._executor.trouble

    @property
    def inside_handler(self) -> bool:
        """Return True if the caller is a handler that runs in this scheduler."""
        return self._executor.inside_handler

    async def stop_runs(self, task_id: str) -> list[str]:
        """Stop the runs of a task that has been cancelled; return the executions that were asked to stop."""
        return await self._executor.cancel_task(task_id)

    async def meet_halt(self) -> HaltState:
        """Act on a halt that began or ended: stop what is to stop, or tick; return the state."""
        state = await self._executor.meet_halt()
        self.wake.set()
        return state

    async def run(self) -> None:
        """Tick until stopped; called again after it was ended from outside, it begins again."""
        if self._heartbeat is None or self._heartbeat.done():
            beating = self.faults.run_forever("The heartbeat", self._executor.heartbeat)
            self._heartbeat = asyncio.get_running_loop().create_task(beating)
        try:
            await self.loop.run(
                {
                    "The membership": self.membership.send_heartbeats,
                    "The health check": self.health.watch,
                    "The watch": self._watcher.run,
                }
            )
        finally:
            await self.membership.leave()  # the others need not wait for handlers that are under way here

    def finish(self) -> None:
        """Let `run` return once the current tick has ended."""
        self.loop.finish()

    async def stop(self) -> None:
        """Wait for handlers up to the limit, cancel the rest; `run` has returned before, or never ran."""
        self.finish()
        handlers = self._executor.stop(self._options.shutdown_timeout_seconds)
        try:
            await asyncio.gather(self.membership.leave(), self._help.join(), handlers)
        finally:
            if self._heartbeat:
                await end(self._heartbeat)

    async def tick(self, within_seconds: float | None = None) -> int:
        """Claim and start due tasks; return the number of occurrences that were accounted for.

        With *within_seconds*, no page is begun after that time, however many tasks are due.
        """
        began = time.monotonic()
        self.gate.renew()
        if self.gate.is_closed and await self.gate.look():
            return self._watcher.take_served()
        if self.gate.take_reopened():
            self._sweep.hurry()
        done = await complete(self._retries.work()) + self._watcher.take_served()
        done += await self._sweep.work(self._refresh, self._claims.serve_waiting)
        while won := await self._claim_round():
            done += won
            late = within_seconds is not None and time.monotonic() - began > within_seconds
            if self.loop.is_stopping or self.is_full or late:
                break
        return done

    async def react(self) -> None:
        """Give each waiting task the occurrences that are new; while `run` ticks, it does so by itself."""
        await self._watcher.check()

    @property
    def next_retry_at(self) -> datetime | None:
        """Return the time of the next attempt that waits, as far as it is known; None without any, or in a halt."""
        return None if self.gate.is_closed else self._retries.next_at

    @property
    def next_permit_at(self) -> datetime | None:
        """Return the time of the next permit of a rate for which tasks wait; None without any."""
        return self._slots.next_at if self._executor.room > 0 else None

    @property
    def next_recovery_at(self) -> datetime | None:
        """Return the time at which leases of other replicas may expire; None on an exclusive graph."""
        return None if self._store.exclusive else self._recover_at

    def is_recovery_due(self) -> bool:
        """Return True if it is time to search for expired leases."""
        return self._recover_at is None or self._clock.now() >= self._recover_at

    async def meet_clock_step(self, back: float) -> None:
        """Search for leases that are expired by the new time; request a recheck if the clock went back."""
        self._recover_at = None
        self._set_back += back

    async def recheck(self) -> None:
        """Derive the armed times again: after the start, after a step back of the clock, and for other zone rules.

        A part that fails is tried again in the next tick.
        """
        if not self._rechecked:
            await self.rules.begin()
            self.membership.rules_edition = self.rules.edition
            await self._recheck.begin()
            self._rechecked = True
        if not self._store.exclusive:
            await self.rules.keep_up(self.membership.rules_edition, self._claims.armed_lately)
        if seconds := self._set_back:
            await self._recheck.run(f"{describe_steps(0, seconds)}.", self._clock.now())
            self._set_back -= seconds

    async def idle(self) -> None:
        """Return when the claims for other replicas are made, and every handler under way is settled."""
        await self._help.idle()
        await self._executor.idle()

    async def run_now(
        self, task: ScheduledTask, change: Change, rerun: Rerun | None = None, *, force: bool = False
    ) -> Execution | None:
        """Start one execution outside the schedule; return it, or None if the task is not as *change* requires.

        As a *rerun*, the execution runs again what failed, and its task may have ended, but not by a
        cancellation. Raises SchedulerBusy: no slot became free in time; LimitReached: a limit has none, and it is not
        to *force* it; SchedulerHalted.
        """
        await self.gate.refuse(force=force)
        return await complete(self._run_now(task, change, rerun, await self._executor.reserve_one(), force=force))

    async def _run_now(
        self, task: ScheduledTask, change: Change, rerun: Rerun | None, reservation: Reservation, *, force: bool
    ) -> Execution | None:
        lease, limits, forced_in = self._lease(), self._store.limits, self.gate.edition if force else None
        run, letter = manual_run(task, change.at, self.replica_id, rerun), rerun and rerun.letter
        await limits.learn()  # it may come before the first tick
        if keys := limit_keys_of(with_rerun_input(task, run), limits.known):
            run = run.model_copy(update={"limit_keys": keys})
        with reservation:
            reservation.claim([task.task_id])
            draw = draw_of(task)
            if started := await self._store.queue.start_now(run, lease, change, letter, force=force, draw=draw):
                self._executor.start([Firing(started, task)], lease, reservation, forced_in)
        if refusal := limits.refused.pop(run.execution_id, None):
            holders = await limits.tasks_of(refusal.holders)
            raise limit_reached(refusal, holders)
        return started

    async def _claim_round(self) -> int:
        """Claim due tasks once; return the number of claims won, including those for other replicas.

        Overdue tasks of other replicas are served concurrently, one round at a time: they may be locked.
        """
        mine, *others = self.membership.assignments
        won = await self._slots.serve(self._executor.room, self._claims.serve_waiting)
        won += await self._claims.serve(mine)
        if not others:
            self._help.forget()
        elif not self.is_full and not self.loop.is_stopping:
            self._help.begin(others)
        return won + self._help.take_won()

    async def _refresh(self) -> None:
        """Read again what tasks that are due may have to wait for, and whether some go before others."""
        await self._slots.refresh()
        await self._store.priorities.find()

    def _is_alone(self) -> bool:
        """Return whether no other replica is alive on the graph."""
        return self._store.exclusive or all(each.replica_id == self.replica_id for each in self.membership.live)

    def _lease(self) -> Lease:
        now, lasts = self._clock.now(), timedelta(seconds=self._options.lease_seconds)
        return Lease(new_id("lease", to_ms(now)), self.replica_id, from_ms(to_ms(now + lasts)))

    def _on_room(self) -> None:
        if self._recovery.waits_for_slot:
            self._recover_at = None
            self.wake.set()
        elif self.is_full or self._retries.waits_for_slot:
            self.wake.set()
