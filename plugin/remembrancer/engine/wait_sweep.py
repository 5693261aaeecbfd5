"""The sweep of waiting tasks: once a check interval the policies are asked again about those that are next.

Whatever ends a wait also wakes the tasks. A call that is lost, as in a crash, costs them one check interval.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.settings import SchedulerOptions

_PAGES: Final = 20
"""The most pages of one sweep; the next one goes on from there."""


class WaitSweep:
    """Looks at the first tasks that wait for each thing.

    Args:
        store: The graph.
        clock: The time.
        options: The time from one sweep to the next, and the tasks that are looked at together.
    """

    def __init__(self, store: Graph, clock: Clock, options: SchedulerOptions) -> None:
        self._store = store
        self._clock = clock
        self._interval = timedelta(seconds=options.check_interval_seconds)
        self._page = options.claim_batch_size
        self._next_at: datetime | None = None
        self._place = ""

    def hurry(self) -> None:
        """Sweep at the next tick, from the beginning."""
        self._next_at, self._place = None, ""

    async def work(
        self, begin: Callable[[], Awaitable[None]], serve: Callable[[Sequence[ScheduledTask]], Awaitable[int]]
    ) -> int:
        """Sweep, if it is time; return the number of claims.

        Args:
            begin: Called before a sweep.
            serve: Asks the policies about tasks, and claims those that wait no longer; returns the number of claims.
        """
        now = self._clock.now()
        if self._next_at is not None and now < self._next_at <= now + self._interval:
            return 0
        self._next_at = now + self._interval
        await begin()
        done = 0
        for _ in range(_PAGES):
            tasks, self._place = await self._store.waits.heads(self._place, self._page)
            if tasks:
                done += await serve(tasks)
            if not self._place:
                break
        return done
