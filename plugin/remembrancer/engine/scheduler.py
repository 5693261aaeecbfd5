"""The checker: sleep until something is due, ask the graph what, claim it, run it, settle it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.checks import Checks
from remembrancer.engine.dispatch import Dispatch
from remembrancer.engine.forgetting import Forgetting
from remembrancer.engine.hearing import Hearing
from remembrancer.engine.planning import plan
from remembrancer.engine.presence import Presence
from remembrancer.engine.recovery import take_over
from remembrancer.engine.retention import Retention
from remembrancer.engine.telling import tell
from remembrancer.errors import GraphUnavailable, RemembrancerError
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
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.handler import Handler
    from remembrancer.ports.instruments import Instruments
    from remembrancer.ports.task_store import Change, TaskStore

_LOG: Final = logging.getLogger("remembrancer")
_TIDY: Final = 500
_AFTER_TROUBLE_SECONDS: Final = 1.0
_CLAIMS_IN_FLIGHT: Final = 2


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
        self._full = False
        self._claiming = 0
        self._recover_at: datetime | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._dispatch = Dispatch(store, clock, handler, options, self._on_room, instruments=instruments)
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
        self.claims_lost = 0
        """Claims that another replica, or a change of the task, was faster than."""

    @property
    def running(self) -> int:
        """How many handlers are under way."""
        return self._dispatch.running

    @property
    def missed_checks(self) -> int:
        """How many regular checks were not made."""
        return self._checks.missed

    @property
    def memory_bytes(self) -> int:
        """How much memory the tasks under way take."""
        return self._dispatch.memory_bytes

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
        self._stopping = True
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
            if self._stopping or self._full:
                break
        return done

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
            next_run_at = None if self._full else await self._hearing.next_run_at()
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
            won += await self._serve(turn)
            if self._full:
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
            while not self._stopping:
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
        self._full = self._room() <= 0
        return won + sum(_count(each) for each in ended)

    def _room(self) -> int:
        """How many occurrences may be claimed in one page now."""
        return min(self._options.max_concurrent - self._dispatch.running - self._claiming, self._options.batch)

    async def _plan(self, due: Sequence[ScheduledTask], now_ms: int) -> list[Claim]:
        claims: list[Claim] = []
        for task in due:
            try:
                claims.append(plan(task, now_ms, self.replica_id))
            except RemembrancerError as error:
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

    async def _quarantine(self, task: ScheduledTask, error: RemembrancerError) -> None:
        """Take a task that cannot be planned out of the schedule: it never stops the others, nor fails unseen."""
        self.last_error = str(error)
        _LOG.error("Task %r (%s) cannot be planned and is set aside as FAILED: %s", task.name, task.task_id, error)
        await self._store.quarantine(task.task_id, str(error), self._clock.now())

    def _lease(self) -> Lease:
        now, lasts = self._clock.now(), timedelta(seconds=self._options.lease_seconds)
        return Lease(new_id("lease", to_ms(now)), self.replica_id, from_ms(to_ms(now + lasts)))

    def _on_trouble(self, text: str) -> None:
        self.last_error = text

    def _on_room(self) -> None:
        if self._full:
            self.wake.set()


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _count(claimed: int | BaseException) -> int:
    if isinstance(claimed, BaseException):
        raise claimed
    return claimed
