"""Tasks that wait for others: the policies are asked again about them when outcomes have come, and at a pace.

Whatever settles a task that others wait for is a signal; a signal that is lost, or that another replica had, costs a
round of the watch. A time that is known ahead, as the end of a delay, is kept in this process.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.clock_steps import is_within
from remembrancer.model.ids import shard_of
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.decision import Park, PlanContext, Situation
from remembrancer.policies.dependencies.facts import dependency_facts
from remembrancer.policies.dependencies.policy import asked_again_ms, dependencies, task_waited_for
from remembrancer.schedules.kinds import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

_PAGE: Final = 100
_UNKNOWN: Final = timedelta(seconds=5)
"""The time between two looks for tasks that other processes have parked, while none is known."""
_PAGES: Final = 5
"""The pages of one round, beside the tasks whose dependencies were settled; the next round goes on from there."""


class Dependents:
    """The waiting dependents that one replica serves.

    Args:
        store: The graph.
        clock: The time.
        serve: Asks all policies about tasks, and claims those that wait no longer, as many as there are slots.
    """

    def __init__(self, store: Graph, clock: Clock, serve: Callable[[Sequence[ScheduledTask]], Awaitable[int]]) -> None:
        self._store = store
        self._clock = clock
        self._serve = serve
        self._place: ScheduledTask | None = None
        self._times: dict[str, tuple[int, str]] = {}
        """By the ids of tasks that wait: when to look again, and for which other task they wait."""
        self._left: set[str] = set()
        """Tasks that were settled, and whose dependents found no slot."""
        self._served = 0
        self._swept_at: datetime | None = None
        self._seen: set[str] = set()

    @property
    def watched(self) -> Collection[str]:
        """The tasks that others wait for, as far as this process knows."""
        return {other for _, other in self._times.values()}

    @property
    def next_at(self) -> datetime | None:
        """The time from which on something may be done without a signal; None without any."""
        if self._left:
            return self._clock.now()
        return from_ms(min(at_ms for at_ms, _ in self._times.values())) if self._times else None

    @property
    def is_held(self) -> bool:
        """True if dependents found no slot: they are tried again a second later."""
        return bool(self._left)

    def take_served(self) -> int:
        """Return the number of claims made since the last call."""
        served, self._served = self._served, 0
        return served

    async def check(self, shards: Collection[int] | None) -> None:
        """Ask again about dependents of what was settled, and about the next ones of all."""
        await self.check_known(shards)
        if not self._is_sweep_due():
            return
        for _ in range(_PAGES):
            page = await self._store.dependencies.waiting(None, self._place, _PAGE)
            await self._look(page, shards)
            self._place = page[-1] if len(page) == _PAGE else None
            if self._place is None:
                self._swept_at = self._clock.now()
                self._times = {each: at for each, at in self._times.items() if each in self._seen}
                self._seen.clear()
                break

    def _is_sweep_due(self) -> bool:
        """Return whether to look at all that wait: not where nothing is known to, and no other process parks tasks."""
        now = self._clock.now()
        if self._swept_at is not None and not self._times and self._place is None:
            if self._store.exclusive:
                return False
            return not is_within(now, self._swept_at, _UNKNOWN)
        return True

    async def check_known(self, shards: Collection[int] | None) -> None:
        """Ask again about dependents of what was settled, and those whose time has come."""
        now_ms = to_ms(self._clock.now())
        changed = {other for at_ms, other in self._times.values() if at_ms <= now_ms}
        changed |= self._left | self._store.watches.take_settled()
        self._left = set()
        for other in changed:
            after: ScheduledTask | None = None
            while page := await self._store.dependencies.waiting(other, after, _PAGE):
                await self._look(page, shards)
                after = page[-1]
                if len(page) < _PAGE:
                    break
            self._forget(other, now_ms)

    async def _look(self, page: Sequence[ScheduledTask], shards: Collection[int] | None) -> None:
        """Serve those of a page of waiting tasks that wait no longer, or for something else."""
        mine = [each for each in page if shards is None or shard_of(each.task_id) in shards]
        if not mine:
            return
        self._store.watches.followed.update(filter(None, map(task_waited_for, mine)))  # before the outcomes are read
        context = PlanContext(to_ms(self._clock.now()), None)
        situation = Situation(dependencies=await dependency_facts(self._store.dependencies, mine))
        moving: list[ScheduledTask] = []
        for task in mine:
            self._seen.add(task.task_id)
            if (at_ms := _stays_until(task, situation, context)) is None:
                moving.append(task)
                self._times.pop(task.task_id, None)
            else:
                self._times[task.task_id] = at_ms, task_waited_for(task) or ""
        if not moving:
            return
        served = await self._serve(moving)
        self._served += served
        if served < len(moving):
            self._left.update(filter(None, map(task_waited_for, moving)))

    def _forget(self, other: str, now_ms: int) -> None:
        """Forget the times of tasks that waited for *other* and do so no longer."""
        for task_id, (at_ms, waited_for) in list(self._times.items()):
            if waited_for == other and at_ms <= now_ms:
                del self._times[task_id]


def _stays_until(task: ScheduledTask, situation: Situation, context: PlanContext) -> int | None:
    """Return until when a task surely waits for the same; None if that has changed."""
    try:
        decision = dependencies(task, situation, context)
        if not isinstance(decision, Park) or (decision.wait_key, decision.reason) != (task.wait_key, task.wait_reason):
            return None
        return asked_again_ms(task, situation, context)
    except UNREADABLE:
        return None  # it is set aside, with the fault
