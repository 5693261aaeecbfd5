"""The poller: it sleeps until the next run; on a shared graph it polls for new tasks and keeps query plans warm."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.clock_steps import steps_of
from remembrancer.errors import RemembrancerError

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.engine.cluster.membership import Membership
    from remembrancer.engine.faults import Faults
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.settings import SchedulerOptions

_BETWEEN: Final = timedelta(seconds=30)
"""The interval between reads of the graph's size: a server plans queries again when it has changed."""
_TENTH: Final = 10
_FEW: Final = 100


class Poller:
    """The sleep of one scheduler loop.

    Args:
        store: The graph.
        clock: The time.
        options: The poll interval.
        membership: The replicas, and which tasks this one serves.
        faults: Records and logs faults.
    """

    def __init__(
        self, store: Graph, clock: Clock, options: SchedulerOptions, membership: Membership, faults: Faults
    ) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        self._membership = membership
        self._faults = faults
        self._planned_for: tuple[int, int] | None = None
        self._planned_at = 0

    async def next_run_at(self) -> datetime | None:
        """Return the time at which a task of this replica is due, or one of another replica is late enough for help."""
        mine, *others = self._membership.assignments
        own = await self._store.queue.next_run_at(mine.shards)
        if not others:
            return own
        return self._membership.first_of(own, await self._store.queue.next_run_at())

    async def sleep(self, until: datetime, wake: asyncio.Event) -> None:
        """Wait for *until*, *wake*, or a step of the clock; on a shared graph, poll for earlier runs."""
        steps = steps_of(self._clock)
        stepped = steps.count
        while not self._store.exclusive:
            poll_at = self._clock.now() + self._membership.pace
            if poll_at >= until:
                break
            await self._clock.wait(poll_at, wake)
            if wake.is_set() or steps.count != stepped:
                return
            try:
                await self._membership.poll()
            except RemembrancerError:
                return  # the next tick reports the fault
            until = min(until, self._membership.upcoming or until)
        await self._clock.wait(until, wake)

    async def keep_ready(self) -> None:
        """On a shared graph, without end: have the server plan the queries of a tick before a task is due.

        It plans a query when it first sees it, which takes 0.1 s or more: the first tasks would wait. It plans again
        only when the size of the graph has changed.
        """
        never = asyncio.Event()
        while not self._store.exclusive:
            await self._faults.survive("Preparing the graph's server", self._warm_up)
            wait = min(_BETWEEN, timedelta(seconds=self._options.lease_seconds / 2))
            await self._clock.wait(self._clock.now() + wait, never)

    async def _warm_up(self) -> None:
        with suppress(RemembrancerError):  # the next tick reports the fault
            await self._plan()

    async def _plan(self) -> None:
        """Have the server plan, if the graph has grown or shrunk by a tenth since it last did, or was made again."""
        size, kind = await self._store.replicas.size(), (self._membership.renewals, len(self._membership.assignments))
        if kind == self._planned_for and abs(size - self._planned_at) <= max(_FEW, size / _TENTH):
            return
        await self._store.replicas.warm_up()
        for assignment in self._membership.assignments:
            await self._store.queue.due(self._clock.now() - assignment.late, 1, None, assignment.shards)
        self._planned_for, self._planned_at = kind, size
