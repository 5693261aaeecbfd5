"""The watcher: it looks at the waiting tasks of this replica when something may have happened, and at a pace."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.alarm import Alarm
from remembrancer.engine.watching.followers import Followers
from remembrancer.model.ids import shard_of

if TYPE_CHECKING:
    from remembrancer.engine.cluster.membership import Membership
    from remembrancer.engine.faults import Faults
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
    """

    def __init__(self, store: Graph, clock: Clock, membership: Membership, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._membership = membership
        self._faults = faults
        self._alarm = Alarm()
        self._followers = Followers(store)
        store.watches.on_change.append(self._alarm.ring)

    async def run(self) -> None:
        """Check without end: at once when something has happened, and at a pace."""
        pace = _ALONE if self._store.exclusive else _SHARED
        while True:
            self._alarm.begin_tick()
            await self._faults.survive("The watch", self.check)
            failed = self._faults.is_failing("The watch")
            await self._clock.wait(self._clock.now() + (_SHARED if failed else pace), self._alarm.event)

    async def check(self) -> None:
        """Give each waiting task the occurrences that are new."""
        for _ in range(_ROUNDS):
            shards = self._membership.assignments[0].shards
            watches = await self._store.watches.all()
            self._store.watches.followed.clear()
            self._store.watches.followed.update(each.follows_id for each in watches if each.follows_id)
            self._store.watches.followed.update(each.task_id for each in watches)
            mine = [each for each in watches if shards is None or shard_of(each.task_id) in shards]
            if await self._followers.check(mine, self._clock.now()):
                break
