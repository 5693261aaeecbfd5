"""The scheduler of one replica: ask the graph what is due, claim it, run it, settle it."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.engine.bounds import end
from remembrancer.engine.checker import Checker
from remembrancer.engine.dispatch import Dispatch
from remembrancer.engine.faults import Faults
from remembrancer.engine.health import Health
from remembrancer.engine.planning import plan
from remembrancer.engine.presence import Presence
from remembrancer.engine.recovery import take_over
from remembrancer.engine.telling import tell
from remembrancer.errors import RemembrancerError
from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType
from remembrancer.model.ids import new_id
from remembrancer.model.moment import from_ms, to_ms
from remembrancer.ports.handler import Firing
from remembrancer.ports.task_store import Claim, Lease

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.engine.options import Options
    from remembrancer.engine.shares import Turn
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.blocking import BlockingCalls
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.handler import Handler
    from remembrancer.ports.instruments import Instruments
    from remembrancer.ports.task_store import Change, TaskStore

_LOG: Final = logging.getLogger("remembrancer")
_UNPLANNABLE: Final = (RemembrancerError, ValueError, TypeError, LookupError, ArithmeticError)
"""What a task whose node holds nonsense makes of planning it; anything else is a fault of the pass."""
_CLAIMS_IN_FLIGHT: Final = 2


class Scheduler:
    """What one replica does with its tasks.

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
        self.faults = Faults()
        self.presence = Presence(store, clock, options, self.faults)
        self.replica_id = self.presence.replica_id
        self.is_full = False
        self._claiming = 0
        self._recover_at: datetime | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._dispatch = Dispatch(store, clock, handler, options, self._on_room, instruments=instruments)
        self.checker = Checker(self, store, clock, options, self.presence, faults=self.faults)
        self.wake = self.checker.alarm.event
        self.record = self.checker.record
        self.health = Health(self.record, self.presence, store, self.faults, self._dispatch)
        store.on_armed.append(self.checker.alarm.armed)
        store.on_unreadable.append(partial(self.faults.tell, "The records"))
        self.claims_lost = 0
        """Claims that another replica, or a change of the task, was faster than."""

    @property
    def running(self) -> int:
        """How many handlers are under way."""
        return self._dispatch.running

    @property
    def passes(self) -> int:
        """How many passes were begun."""
        return self.record.passes

    @property
    def last_pass_at(self) -> datetime | None:
        """When the last good pass ended, by the scheduler's clock."""
        return self.record.last_pass_at

    @property
    def clock_steps(self) -> int:
        """How often the clock was seen to be set."""
        return self.checker.clock_steps

    @property
    def memory_bytes(self) -> int:
        """How much memory the tasks under way take."""
        return self._dispatch.memory_bytes

    def lend(self, calls: BlockingCalls) -> None:
        """Let plain handlers call the scheduler by *calls*."""
        self._dispatch.scheduler = calls

    def handles(self, execution_id: str | None) -> bool:
        """Whether the handler of this execution is under way here."""
        return self._dispatch.handles(execution_id)

    async def recover(self) -> int:
        """Take over what a replica left that is gone or cut off; return how many executions it lost."""
        now = self._clock.now()
        again, lost = await take_over(self._store, now, self._lease(), self._dispatch.leases)
        for lease, firings in again:
            self._dispatch.start(firings, lease)
        self._instruments.reclaimed(lost)
        if lost:
            _LOG.warning("%d executions were left unfinished by their scheduler; each is recorded as lost", len(lost))
        self._recover_at = now + timedelta(seconds=self._options.lease_seconds / 2)
        return len(lost)

    async def run(self) -> None:
        """Check until stopped; called again after it was ended from outside, it begins again."""
        if self._heartbeat is None or self._heartbeat.done():
            beating = self.faults.keep_on("The heartbeat", self._dispatch.heartbeat)
            self._heartbeat = asyncio.get_running_loop().create_task(beating)
        try:
            await self.checker.run({"The signs of life": self.presence.keep, "The watch": self.health.watch})
        finally:
            await self.presence.leave()  # the others need not wait for handlers that are under way here

    def halt(self) -> None:
        """Let `run` return once its pass under way is over."""
        self.checker.halt()

    async def stop(self) -> None:
        """Wait for handlers up to the limit, cancel the rest; `run` has returned before, or never ran."""
        self.halt()
        await self.presence.leave()
        await self._dispatch.stop(self._options.stop_timeout_seconds)
        if self._heartbeat:
            await end(self._heartbeat)

    async def tick(self, within_seconds: float | None = None) -> int:
        """Claim and start what is due now; return how many occurrences were accounted for.

        With *within_seconds*, no page is begun any later than that, however much is due.
        """
        done = 0
        began = time.monotonic()
        while won := await self._sweep():
            done += won
            late = within_seconds is not None and time.monotonic() - began > within_seconds
            if self.checker.is_stopping or self.is_full or late:
                break
        return done

    @property
    def next_recovery_at(self) -> datetime | None:
        """When leases of others may have run out, however rarely we look; on an exclusive graph there are no others."""
        return None if self._store.exclusive else self._recover_at

    def is_recovery_due(self) -> bool:
        """Whether to look for what replicas left that are gone."""
        return self._recover_at is None or self._clock.now() >= self._recover_at

    async def meet_clock_step(self, seconds: float) -> None:
        """Look for leases that have run out by the time that is now, and derive anew what is armed."""
        self._recover_at = None
        await self._on_clock_step(seconds)

    async def _on_clock_step(self, seconds: float) -> None:
        """Derive anew what is armed, after a clock that was set back by as many seconds as *seconds* is below 0."""

    async def idle(self) -> None:
        """Return when every handler under way has been settled."""
        await self._dispatch.idle()

    async def run_now(self, task: ScheduledTask, change: Change) -> Execution | None:
        """Start one execution outside the schedule; return it as it started, None if the task is not as wanted."""
        lease = self._lease()
        execution_id = new_id("exec", to_ms(change.at))
        execution = Execution(
            execution_id=execution_id,
            occurrence_key=f"{task.task_id}|{execution_id}|1",
            task_id=task.task_id,
            execution_type=ExecutionType.MANUAL,
            task_type=task.task_type,
            status=ExecutionStatus.RUNNING,
            nominal_at=change.at,
            triggered_at=change.at,
            replica_id=self.replica_id,
        )
        if started := await self._store.start_now(execution, lease, change):
            self._dispatch.start([Firing(started, task)], lease)
        return started

    async def _sweep(self) -> int:
        """Go once over what is due and ours to serve, then over what others are late with; return the claims won."""
        won = 0
        for turn in self.presence.turns:
            won += await self._serve(turn)
            if self.is_full:
                break
        return won

    async def _serve(self, turn: Turn) -> int:
        """Go once over what is due of one turn, page after page; return how many claims were won.

        While pages are being written, the next is read and planned: the graph's writer never waits for us.
        """
        now = self._clock.now()
        page: Sequence[ScheduledTask] = ()
        flying: set[asyncio.Task[int]] = set()
        won = 0
        try:
            while not self.checker.is_stopping:
                self.record.progress()
                room = self._room()
                if room > 0 and len(flying) < _CLAIMS_IN_FLIGHT:
                    page = await self._store.due(now - turn.late, room, page[-1] if page else None, turn.shares)
                    if not page:
                        break
                    if claims := await self._plan(page, to_ms(now)):
                        self._claiming += len(claims)
                        flying.add(asyncio.get_running_loop().create_task(self._claim(page, claims)))
                elif flying:
                    ended, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                    won += sum(claim.result() for claim in ended)
                else:
                    break
        finally:
            ended = await asyncio.gather(*flying, return_exceptions=True)
        self.is_full = self._room() <= 0
        return won + sum(_count(each) for each in ended)

    def _room(self) -> int:
        """How many occurrences may be claimed in one page now."""
        return min(self._options.max_concurrent - self._dispatch.running - self._claiming, self._options.batch)

    async def _plan(self, due: Sequence[ScheduledTask], now_ms: int) -> list[Claim]:
        claims: list[Claim] = []
        for task in due:
            try:
                claims.append(plan(task, now_ms, self.replica_id))
            except _UNPLANNABLE as error:
                await self._quarantine(task, error)
        return claims

    async def _claim(self, due: Sequence[ScheduledTask], claims: Sequence[Claim]) -> int:
        """Write the claims of one page and start what was won; return how many claims were won."""
        lease = self._lease()
        try:
            won = await self._store.claim(claims, lease)
        finally:
            self._claiming -= len(claims)
        self.claims_lost += len(claims) - len(won)
        self._instruments.claimed(won, len(claims))
        tasks = {task.task_id: task for task in due}
        running: list[Firing] = []
        for execution in won:
            if execution.status is ExecutionStatus.RUNNING:
                running.append(Firing(execution, tasks[execution.task_id]))
            else:
                tell(tasks[execution.task_id], execution)
        self._dispatch.start(running, lease)
        return len(won)

    async def _quarantine(self, task: ScheduledTask, error: Exception) -> None:
        """Take a task that cannot be planned out of the schedule: it never stops the others, nor fails unseen."""
        fault = str(error) if isinstance(error, RemembrancerError) else f"{type(error).__name__}: {error}"
        text = f"Task {task.name} ({task.task_id}) cannot be planned and is disarmed as FAILED: {fault}"
        self.faults.tell("The plan", text, error)
        await self._store.quarantine(task.task_id, fault, self._clock.now())

    def _lease(self) -> Lease:
        now, lasts = self._clock.now(), timedelta(seconds=self._options.lease_seconds)
        return Lease(new_id("lease", to_ms(now)), self.replica_id, from_ms(to_ms(now + lasts)))

    def _on_room(self) -> None:
        if self.is_full:
            self.wake.set()


def _count(claimed: int | BaseException) -> int:
    if isinstance(claimed, BaseException):
        raise claimed
    return claimed
