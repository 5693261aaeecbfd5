"""Cluster membership: heartbeat, live replicas, and detection of a wiped, replaced or restored graph."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from remembrancer.engine.clock import SystemTime
from remembrancer.engine.clock_steps import is_within
from remembrancer.engine.cluster.shards import SINGLE_REPLICA, assignments
from remembrancer.errors import RemembrancerError
from remembrancer.model.ids import SHARD_COUNT, new_id, shard_of
from remembrancer.model.replica import Replica
from remembrancer.model.timestamps import from_ms, to_ms

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.engine.cluster.shards import Assignment
    from remembrancer.engine.faults import Faults
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.replicas import ClusterSnapshot
    from remembrancer.settings import SchedulerOptions

_DEAD_LEASES: Final = 10
"""A replica without a heartbeat for this many lease times is removed."""
_READINGS: Final = 3
_LEAVE_SECONDS: Final = 2.0
_RESPONSE_SECONDS: Final = 5.0
_GRAPH: Final = "The graph"
_SLOWEST: Final = 2.0
_PACKAGE: Final = "remembrancer"
_WIPED: Final = (
    "The graph has been wiped: its marker is gone, and with it the tasks that were in it. The schema and "
    "a new marker are created; tasks scheduled from now on are stored."
)
_ANOTHER: Final = (
    "Another graph is at this address now: its marker is {new}, and was {old}. It was wiped and restarted, or the "
    "address leads elsewhere; the scheduler continues with this graph."
)
_RESTORED: Final = (
    "The graph was set back to an earlier state: the last heartbeat of this scheduler is not in it. Later changes "
    "are lost, and later occurrences may run again."
)
_TWO: Final = (
    "Another scheduler (process {pid} on {host}) has this graph open too. Nothing fires here until it is gone: stop "
    "one of the two, and run `remembrancer doctor`."
)


class Membership:
    """The membership of one replica.

    Args:
        store: The graph.
        clock: The time; the system's is set by that of a shared graph's server.
        options: Intervals and timeouts.
        faults: Logs each fault of the graph once.
    """

    def __init__(self, store: Graph, clock: Clock, options: SchedulerOptions, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        self._faults = faults
        self.replica_id = new_id("replica", to_ms(clock.now()))
        self._me: Replica | None = None
        self._gone: list[str] = []
        self._assigned = frozenset[str]()
        self.graph_id: str | None = None
        self.live: tuple[Replica, ...] = ()
        """The replicas with a recent heartbeat, as last seen."""
        self.assignments: tuple[Assignment, ...] = SINGLE_REPLICA
        """The shards this replica serves, in the order it reads them."""
        self.rules_edition = 0
        """The edition of the time zone rules that the graph keeps, as last seen."""
        self.trouble: str | None = None
        """A description of what is wrong with the graph; None if nothing is."""
        self.barred = False
        """True if the graph was replaced and cannot be used."""
        self.renewals = 0
        """The number of times the graph's schema was created again."""
        self.upcoming: datetime | None = None
        """On a shared graph, when a task is due for this replica, as the last poll found."""
        self._polled = float("-inf")
        self._folded_at: datetime | None = None

    @property
    def clock_offset_seconds(self) -> float:
        """Offset of the graph's time from this machine's clock, in seconds."""
        return self._clock.offset_seconds if isinstance(self._clock, SystemTime) else 0.0

    @property
    def clock_name(self) -> str:
        """The name of this machine's clock in messages."""
        return self._clock.name if isinstance(self._clock, SystemTime) else "The clock"

    async def poll(self) -> None:
        """Read the live replicas and the graph's identity, and set the clock by a shared graph's server."""
        me, sent = self._me, time.monotonic()
        snapshot = await self._store.replicas.snapshot(self.assignments[0].shards)
        if isinstance(self._clock, SystemTime) and not self._store.exclusive:
            self._clock.add_reading(snapshot.now, sent, time.monotonic())
        if fault := self._fault_of(snapshot, me):
            snapshot = await self._accept_graph(fault)
        else:
            self.trouble, self.barred = None, False
        self.graph_id, self.rules_edition = snapshot.graph_id, snapshot.rules_edition
        self._update_live(snapshot.replicas)
        self._polled = time.monotonic()
        self.upcoming = self.first_of(snapshot.next_of_shards_at, snapshot.next_run_at)

    def first_of(self, own: datetime | None, any_task: datetime | None) -> datetime | None:
        """Return the time at which a task of this replica is due, or one of another replica is late enough for help."""
        _, *others = self.assignments
        if not others:
            return any_task
        late = any_task and any_task + others[0].late
        return min((each for each in (own, late) if each), default=None)

    @property
    def pace(self) -> timedelta:
        """Return the poll interval of a shared graph: it grows with the replicas, to at most twice the setting."""
        slower = min(_SLOWEST, math.sqrt(max(1, len(self.live))))
        return timedelta(seconds=self._options.poll_interval_seconds * slower)

    async def poll_repeatedly(self) -> None:
        """Poll a few times: the first round trip is the longest, and the clock is set by the shortest."""
        for _ in range(1 if self._store.exclusive else _READINGS):
            await self.poll()

    async def join(self) -> None:
        """Register this replica, and deregister dead ones: on an exclusive graph, all others."""
        await self.poll()
        now = self._clock.now()
        self._me = Replica(
            replica_id=self.replica_id,
            started_at=now,
            heartbeat_at=now,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=version(_PACKAGE),
        )
        await self._beat()
        await self.poll()

    async def leave(self) -> None:
        """Deregister; if the graph does not answer in time, the others notice the missing heartbeat."""
        if self._me:
            self._me = None
            with suppress(RemembrancerError, TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self._store.replicas.deregister([self.replica_id])

    async def send_heartbeats(self) -> None:
        """Send heartbeats without end; on a shared graph, poll it too."""
        never = asyncio.Event()
        beat_every = timedelta(seconds=self._options.lease_seconds / 3)
        while True:
            every = beat_every if self._store.exclusive else min(beat_every, self.pace)
            await self._clock.wait(self._clock.now() + every, never)
            await self._faults.survive("A heartbeat of the replica", partial(self._attend, beat_every))

    async def verify(self) -> None:
        """Check that an exclusive graph is still the one that was opened, without another scheduler; set `trouble`.

        A scheduler that finds another one on its graph is barred: two engines on one folder destroy it.
        """
        if not self._store.exclusive:
            return
        try:
            async with asyncio.timeout(_RESPONSE_SECONDS):
                await self._store.health.verify()
                self._bar(await self._store.replicas.snapshot())
                if self._store.health.trouble and self._me:
                    await self._beat()  # a small write: is the disk still full?
        except TimeoutError:
            self._say(f"The graph has not answered within {_RESPONSE_SECONDS:g} s.")
        except RemembrancerError as error:
            self._say(str(error))
        else:
            if not self.barred:
                self.trouble = None

    def with_local_id(self, task: ScheduledTask) -> ScheduledTask:
        """Return a new task with an id in a shard of this replica, if it is due before others can have polled it."""
        mine = self.assignments[0].shards
        if mine is None or task.schedule.recurring or task.next_run_ms is None:
            return task
        if from_ms(task.next_run_ms) > self._clock.now() + 2 * self.pace:
            return task
        ids = (new_id("task", to_ms(task.created_at)) for _ in range(SHARD_COUNT))
        task_id = next((each for each in ids if shard_of(each) in mine), task.task_id)
        return task.model_copy(update={"task_id": task_id})

    async def _attend(self, beat_every: timedelta) -> None:
        now, long = self._clock.now(), timedelta(seconds=_DEAD_LEASES * self._options.lease_seconds)
        try:
            if not self._store.exclusive and time.monotonic() - self._polled >= 1.5 * self.pace.total_seconds():
                await self.poll()  # the loop, which polls while it sleeps, is busy
            if self._me and not is_within(now, self._me.heartbeat_at, beat_every):
                await self._beat()
            if self._folded_at is None or not is_within(now, self._folded_at, long):
                self._folded_at = now
                await self._store.statistics.fold(long)
        except RemembrancerError as error:
            self._say(str(error))

    def _bar(self, snapshot: ClusterSnapshot) -> None:
        """Bar this scheduler from an exclusive graph as long as another one sends heartbeats there."""
        me = self._me
        others = [each for each in snapshot.replicas if me and each.replica_id != self.replica_id]
        living = [each for each in others if me and each.heartbeat_at >= me.started_at]
        self.barred = bool(living)
        for each in living:
            self._say(_TWO.format(pid=each.pid, host=each.host))

    async def _beat(self) -> None:
        assert self._me  # noqa: S101 (only a registered replica sends heartbeats)
        beating = self._me.model_copy(update={"heartbeat_at": from_ms(to_ms(self._clock.now()))})
        await self._store.replicas.heartbeat(beating)
        self._me = beating
        if self._gone:
            await self._store.replicas.deregister(self._gone)

    def _update_live(self, replicas: tuple[Replica, ...]) -> None:
        """Find live and dead replicas, and assign the shards of this one."""
        others = [each for each in replicas if each.replica_id != self.replica_id]
        if self._store.exclusive:
            self._gone = [each.replica_id for each in others]
            self.live = tuple(each for each in replicas if self._me and each not in others)
            return
        fresh = self._ago(self._options.lease_seconds / 2)
        ahead = self._ago(-self._options.lease_seconds)  # a later heartbeat: the server's clock was set back since
        living = [each for each in others if fresh <= each.heartbeat_at <= ahead]
        self._gone = [each.replica_id for each in others if each.heartbeat_at < self._long_ago()]
        self.live = tuple(each for each in replicas if each in living or each not in others)
        if self._me:
            self._assign(frozenset(each.replica_id for each in self.live))

    def _assign(self, live: frozenset[str]) -> None:
        if live != self._assigned:
            self._assigned = live
            self.assignments = assignments(self.replica_id, live, self._options.work_stealing_delay_seconds)

    def _fault_of(self, snapshot: ClusterSnapshot, me: Replica | None) -> str | None:
        """Describe a change of the graph's identity; None if it is unchanged. *me* is this replica before the check."""
        if snapshot.graph_id is None:
            return _WIPED
        if self.graph_id not in {None, snapshot.graph_id}:
            return _ANOTHER.format(new=snapshot.graph_id, old=self.graph_id)
        if me is None:
            return None
        mine = next((each for each in snapshot.replicas if each.replica_id == self.replica_id), None)
        if mine is None:  # after a long sleep, another replica may have deregistered this one
            return _RESTORED if me.heartbeat_at > self._long_ago() else None
        return _RESTORED if mine.heartbeat_at < me.heartbeat_at else None

    async def _accept_graph(self, fault: str) -> ClusterSnapshot:
        """Accept the graph that is there; it is healthy once the next check finds nothing wrong."""
        if not self.barred:
            self._say(fault)
        self.barred = True
        await self._store.replicas.ensure_schema()
        self.renewals += 1
        await self._store.statistics.reload()
        if self._me:
            await self._beat()
        self.barred = False
        return await self._store.replicas.snapshot()

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            self._faults.resolve(_GRAPH)
            self._faults.report(_GRAPH, trouble)
        self.trouble = trouble

    def _long_ago(self) -> datetime:
        return self._ago(_DEAD_LEASES * self._options.lease_seconds)

    def _ago(self, seconds: float) -> datetime:
        return self._clock.now() - timedelta(seconds=seconds)
