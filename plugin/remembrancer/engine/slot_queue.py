"""The queue for slots of limits: tasks that found none wait, and are served in their order as slots become free.

A slot that becomes free in this process is looked at in the next tick. Slots that others free, they serve themselves;
what both miss, the sweep finds within a check interval. Who waits for a permit of a rate is looked at when it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.limit import OVERLAP, limit_in, wait_key_of
from remembrancer.model.policy import Overlap
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.decision import PLAIN, PlanContext, Situation
from remembrancer.policies.limits import reason_of
from remembrancer.policies.overlap import WAITS, skipped
from remembrancer.ports.waits import NewWait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from remembrancer.engine.overlaps.replacement import Replacement
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.limits import LimitState, Refusal
    from remembrancer.ports.writes import Claim

_PERMITS_EACH_MS: Final = 20
"""Milliseconds between two looks for permits of one rate: a quick rate serves several tasks at once."""
_EMPTY_MS: Final = 60_000
"""The time after which an overlap key counts as not wanted any longer."""
_LONGEST_MS: Final = 86_400_000
"""No rate has its next permit later; a look that is further ahead was planned before the clock was set back."""


class SlotQueue:
    """The tasks that wait for slots of limits.

    Args:
        store: The graph.
        clock: The time.
        page: The most tasks that are served together.
        wake: Makes the loop tick.
        replacement: Ends executions that are in the way of others.
    """

    def __init__(
        self, store: Graph, clock: Clock, page: int, wake: Callable[[], None], replacement: Replacement
    ) -> None:
        self._store = store
        self._replacement = replacement
        self._clock = clock
        self._page = page
        self._wake = wake
        self._freed: set[str] = set()
        self._full: dict[str, str] = {}
        self._empty: dict[str, int] = {}
        """Overlap keys for which no task waits, and since when (epoch ms) that is known."""
        self._permits: dict[str, int] = {}
        """The rates for which tasks wait, with the time (epoch ms) of their next look."""
        store.limits.on_freed.append(self._note_freed)

    @property
    def situation(self) -> Situation:
        """The limits that there are, and those known to be full."""
        known = self._store.limits.known
        return Situation(limits=known, full=self._full) if known or self._full else PLAIN

    @property
    def next_at(self) -> datetime | None:
        """The time of the next look for a permit; None if no task waits for one."""
        return from_ms(min(self._permits.values())) if self._permits else None

    async def refresh(self) -> None:
        """Read the limits again, and try those that were full."""
        await self._store.limits.refresh()
        self._full.clear()

    async def serve(self, room: int, serve: Callable[[Sequence[ScheduledTask]], Awaitable[int]]) -> int:
        """Claim tasks that wait, as far as slots of their limits have become free; return the claims won."""
        if self._permits:
            self._freed.update(self._take_permits())
        if not self._freed or room <= 0:
            return 0
        keys, self._freed = self._freed, set()
        tasks: list[ScheduledTask] = []
        for limit in await self._store.limits.of(keys):
            if len(tasks) >= min(room, self._page):
                self._freed.add(limit.key)
            else:
                tasks += await self._first_under(limit)
        return await serve(tasks) if tasks else 0

    async def _first_under(self, limit: LimitState) -> Sequence[ScheduledTask]:
        """Return the tasks that wait for a limit and may begin now, the first ones first."""
        now_ms = to_ms(self._clock.now())
        free = 1 if limit.was_set_back(now_ms) else limit.free_at(now_ms, self._page)
        if free > 0:
            self._full.pop(limit.key, None)
        found = await self._store.waits.first(wait_key_of(limit.key), free) if free > 0 else ()
        if limit.permit_ms(now_ms) > now_ms or (found and limit.rate is not None):
            self._wait_for_permit(limit.key, limit.permit_ms(now_ms, len(found)), now_ms)
        elif len(found) == self._page:
            self._freed.add(limit.key)
        elif limit.is_wanted and free > 0 and not found and limit.key.startswith(OVERLAP):
            await self._settle_wanted(limit.key, now_ms)
        return found

    async def _settle_wanted(self, key: str, now_ms: int) -> None:
        """Note that no task waits for an overlap key, once that has been so for long: a refused one may be about to."""
        since_ms = self._empty.setdefault(key, now_ms)
        if not since_ms <= now_ms < since_ms + _EMPTY_MS:
            del self._empty[key]
            await self._store.limits.settle_wanted([key])

    def _take_permits(self) -> set[str]:
        """Return the limits whose rate may have a permit by now, and forget them."""
        now_ms = to_ms(self._clock.now())
        due = {key for key, at_ms in self._permits.items() if at_ms <= now_ms or at_ms > now_ms + _LONGEST_MS}
        for key in due:
            del self._permits[key]
        return due

    def _wait_for_permit(self, key: str, permit_ms: int, now_ms: int) -> None:
        self._permits[key] = max(permit_ms, now_ms + _PERMITS_EACH_MS)

    async def park(self, claims: Sequence[Claim], tasks: Sequence[ScheduledTask], now_ms: int) -> list[Claim]:
        """Let those tasks wait whose claims found no slot; return the claims to make in place of these."""
        refused = self._refused(claims, now_ms)
        if not refused:
            return []
        waits: list[NewWait] = []
        instead: list[Claim] = []
        keys: set[str] = set()
        told = await self._tasks_in_the_way(refusal for _, refusal in refused.values())
        for task in tasks:
            if task.task_id not in refused:
                continue
            claim, refusal = refused[task.task_id]
            reason, wait_key = reason_of(refusal, told), wait_key_of(refusal.limit_key)
            context = PlanContext(now_ms, claim.execution.replica_id)
            if other := await self._in_place_of(task, (claim, refusal), reason, context):
                instead.append(other)
                continue
            self._full.setdefault(refusal.limit_key, reason)
            if refusal.permit_ms is None:
                keys.add(refusal.limit_key)
            if task.wait_key != wait_key:
                waits.append(NewWait(task, wait_key, reason, now_ms))
        if waits:
            await self._store.waits.park(waits)
        self._empty = {key: since_ms for key, since_ms in self._empty.items() if key not in keys}
        self._note_freed(keys, still_full=True)  # only now: who looks before finds none that wait
        return instead

    async def _in_place_of(
        self, task: ScheduledTask, refused: tuple[Claim, Refusal], reason: str, context: PlanContext
    ) -> Claim | None:
        """Return the claim to make in place of one that found another execution in its way; None if it waits."""
        claim, refusal = refused
        if task.overlap in WAITS or not refusal.limit_key.startswith(OVERLAP):
            return None
        if task.overlap is Overlap.SKIP:
            return skipped(task, claim, reason, context)
        return await self._replacement.make_way(task, claim, refusal)

    def _refused(self, claims: Sequence[Claim], now_ms: int) -> dict[str, tuple[Claim, Refusal]]:
        """Return the claims that found no slot, by task, with why; note when the next permits are there."""
        found = {
            claim.execution.task_id: (claim, refusal)
            for claim in claims
            if (refusal := self._store.limits.refused.pop(claim.execution.execution_id, None))
        }
        for _, each in found.values():
            if each.permit_ms is not None:
                self._wait_for_permit(each.limit_key, each.permit_ms, now_ms)
        return found

    async def _tasks_in_the_way(self, refusals: Iterable[Refusal]) -> Mapping[str, str]:
        """Return the tasks of the executions that hold overlap keys."""
        holders = {each for refusal in refusals if refusal.limit_key.startswith(OVERLAP) for each in refusal.holders}
        return await self._store.limits.tasks_of(sorted(holders)) if holders else {}

    def look_at(self, wait_keys: Collection[str]) -> None:
        """Look whether there is a slot after all for tasks that wait from now on: one may have been freed meanwhile."""
        self._note_freed(set(filter(None, map(limit_in, wait_keys))), still_full=True)

    def _note_freed(self, keys: Collection[str], *, still_full: bool = False) -> None:
        self._freed.update(keys)
        if not still_full:
            for key in keys:
                if key not in self._permits:
                    self._full.pop(key, None)
        if keys:
            self._wake()
