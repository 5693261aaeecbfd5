"""The queue for slots of limits: tasks that found none wait, and are served in their order as slots become free.

A slot that becomes free in this process is looked at in the next tick. Slots that others free, they serve themselves;
what both miss, the sweep finds within a check interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.limit import WAIT
from remembrancer.policies.decision import PLAIN, Situation
from remembrancer.policies.limits import reason_of
from remembrancer.ports.waits import NewWait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Claim


class SlotQueue:
    """The tasks that wait for slots of limits.

    Args:
        store: The graph.
        page: The most tasks that are served together.
        wake: Makes the loop tick.
    """

    def __init__(self, store: Graph, page: int, wake: Callable[[], None]) -> None:
        self._store = store
        self._page = page
        self._wake = wake
        self._freed: set[str] = set()
        self._full: dict[str, str] = {}
        store.limits.on_freed.append(self._note_freed)

    @property
    def situation(self) -> Situation:
        """The limits that there are, and those known to be full."""
        known = self._store.limits.known
        return Situation(limits=known, full=self._full) if known or self._full else PLAIN

    async def refresh(self) -> None:
        """Read the limits again, and try those that were full."""
        await self._store.limits.refresh()
        self._full.clear()

    async def serve(self, room: int, serve: Callable[[Sequence[ScheduledTask]], Awaitable[int]]) -> int:
        """Claim tasks that wait, as far as slots of their limits have become free; return the claims won."""
        if not self._freed or room <= 0:
            return 0
        keys, self._freed = self._freed, set()
        tasks: list[ScheduledTask] = []
        for limit in await self._store.limits.of(keys):
            free = self._page if limit.free is None else min(self._page, limit.free)
            if free <= 0:
                continue
            self._full.pop(limit.key, None)
            if len(tasks) >= min(room, self._page):
                self._freed.add(limit.key)
                continue
            found = await self._store.waits.first(WAIT + limit.key, free)
            tasks += found
            if len(found) == self._page:
                self._freed.add(limit.key)
        return await serve(tasks) if tasks else 0

    async def park(self, claims: Sequence[Claim], tasks: Sequence[ScheduledTask], now_ms: int) -> None:
        """Let those tasks wait whose claims found no slot."""
        refused = {
            claim.execution.task_id: refusal
            for claim in claims
            if (refusal := self._store.limits.refused.pop(claim.execution.execution_id, None))
        }
        if not refused:
            return
        waits: list[NewWait] = []
        for task in tasks:
            if refusal := refused.get(task.task_id):
                self._full.setdefault(refusal.limit_key, reason_of(refusal))
                if task.wait_key != WAIT + refusal.limit_key:
                    waits.append(NewWait(task, WAIT + refusal.limit_key, reason_of(refusal), now_ms))
        if waits:
            await self._store.waits.park(waits)
        self._note_freed({each.limit_key for each in refused.values()}, still_full=True)

    def look_at(self, wait_keys: Collection[str]) -> None:
        """Look whether there is a slot after all for tasks that wait from now on: one may have been freed meanwhile."""
        self._note_freed({each.removeprefix(WAIT) for each in wait_keys if each.startswith(WAIT)}, still_full=True)

    def _note_freed(self, keys: Collection[str], *, still_full: bool = False) -> None:
        self._freed.update(keys)
        if not still_full:
            for key in keys:
                self._full.pop(key, None)
        if keys:
            self._wake()
