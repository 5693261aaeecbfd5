"""The watcher: it looks at the waiting tasks of this replica when something may have happened, and at a pace."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.alarm import Alarm
from remembrancer.engine.clock_steps import steps_of
from remembrancer.engine.watching.cues import Cues
from remembrancer.engine.watching.dependents import Dependents
from remembrancer.engine.watching.followers import Followers
from remembrancer.model.ids import shard_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.engine.cluster.membership import Membership
    from remembrancer.engine.faults import Faults
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

_SHARED: Final = timedelta(seconds=1)
_ALONE: Final = timedelta(seconds=30)
"""The pace on a graph that no other process writes: what happens there wakes the watcher."""
_ROUNDS: Final = 20


class Watcher:
    """The watch of one replica.

    Args:
        store: The graph.
        clock: The time.
        membership: The replicas, and which tasks this one serves.
        faults: Records and logs faults.
        serve: Asks the policies about waiting tasks, and claims those that wait no longer.
    """

    def __init__(
        self,
        store: Graph,
        clock: Clock,
        membership: Membership,
        faults: Faults,
        serve: Callable[[Sequence[ScheduledTask]], Awaitable[int]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._membership = membership
        self._faults = faults
        self._alarm = Alarm()
        self._followers = Followers(store, steps_of(clock))
        self._cues = Cues(store, clock, faults)
        self._dependents = Dependents(store, clock, serve)
        store.watches.on_change.append(self._alarm.ring)

    async def run(self) -> None:
        """Check without end: at once when something has happened, and at a pace."""
        pace = _ALONE if self._store.exclusive else _SHARED
        try:
            while True:
                self._alarm.begin_tick()
                await self._faults.survive("The watch", self._check)
                whole_at = self._clock.now() + (_SHARED if self._faults.is_failing("The watch") else pace)
                while not self._alarm.event.is_set() and self._clock.now() < whole_at:
                    await self._faults.survive("The cues", self._cues.begin)
                    await self._faults.survive("The dependencies", self._check_dependents)
                    soon = self._clock.now() + _SHARED
                    cue_at = max(self._cues.next_at or whole_at, soon)
                    dependent_at = self._dependents.next_at or whole_at
                    if self._dependents.is_held:
                        dependent_at = max(dependent_at, soon)
                    await self._clock.wait(min(whole_at, cue_at, dependent_at), self._alarm.event)
        finally:
            await self._cues.end()

    def take_served(self) -> int:
        """Return the claims of waiting tasks since the last call."""
        return self._dependents.take_served()

    async def check(self) -> None:
        """Give each waiting task the occurrences that are new, and return when all are there."""
        await self._check()
        await self._cues.begin()
        await self._cues.idle()

    async def _check(self) -> None:
        """Give each follower the occurrences that are new, and learn which cues there are."""
        for _ in range(_ROUNDS):
            shards = self._membership.assignments[0].shards
            watches = await self._store.watches.all()
            followed = {each.runs_after_id for each in watches if each.runs_after_id}
            followed |= {each.task_id for each in watches} | {*self._dependents.watched}
            self._store.watches.followed.update(followed)
            self._store.watches.followed.intersection_update(followed)
            mine = [each for each in watches if shards is None or shard_of(each.task_id) in shards]
            self._cues.serve([each for each in mine if each.runs_after_id is None])
            following = [each for each in mine if each.runs_after_id is not None]
            if await self._followers.check(following, self._clock.now()):
                break
        await self._dependents.check(self._membership.assignments[0].shards)

    async def _check_dependents(self) -> None:
        await self._dependents.check_known(self._membership.assignments[0].shards)
