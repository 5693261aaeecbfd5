"""Attempts that wait: each starts when it is due, is held by a pause, given up, or dropped with its task."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.skip_log import tell_exhausted
from remembrancer.errors import GraphBusy
from remembrancer.model.limit import MOST_SLOTS, OVERLAP, first_slots, limit_keys_of
from remembrancer.model.priority import served_ms
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.budget import lineages_of, shortage_of
from remembrancer.policies.retry import given_up_because, next_execution
from remembrancer.policies.settlement import given_up
from remembrancer.ports.handler import Firing
from remembrancer.ports.writes import DueRetries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.engine.execution.executor import Executor
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.lineages import LineageState
    from remembrancer.ports.writes import Lease, Settlement, WaitingRetry
    from remembrancer.settings import SchedulerOptions

_LOCKED: Final = timedelta(seconds=1)
"""The time until attempts that another write has locked are tried again."""
_LOOKS: Final = 4
"""An attempt that waits for a slot is looked at again after this part of the time that it has waited."""


class WaitingRetries:
    """The waiting attempts of a graph, as one replica serves them.

    It asks the graph when an attempt is due that it knows, and at intervals for those that other replicas left.

    Args:
        store: The graph.
        clock: The time.
        executor: The executor, which runs the attempts and limits how many run.
        lease: Makes a lease of this replica.
        options: The time between two looks for attempts that are due, and the most that start in one commit.
    """

    def __init__(
        self,
        store: Graph,
        clock: Clock,
        executor: Executor,
        lease: Callable[[], Lease],
        options: SchedulerOptions,
    ) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._lease = lease
        self._interval = timedelta(seconds=options.check_interval_seconds)
        self._batch_size = options.claim_batch_size
        self._look_at: datetime | None = None
        self._locked_until: datetime | None = None
        self.waits_for_slot = False
        """True if attempts are due, and no slot is free."""

    @property
    def next_at(self) -> datetime | None:
        """The time of the next attempt that is known; None without any, or while they wait for a slot."""
        if self.waits_for_slot:
            return None
        if self._locked_until is not None:
            return self._locked_until
        earliest_ms = self._store.retries.earliest_ms
        return None if earliest_ms is None else from_ms(earliest_ms)

    async def work(self) -> int:
        """Start the attempts that are due, as slots allow; return how many were looked at."""
        now = self._clock.now()
        if not self._is_due(now):
            return 0
        known = self.waits_for_slot or self._is_known(now)
        self._locked_until, self.waits_for_slot = None, False
        acted = set[str]()
        is_locked = False
        try:
            if not known:
                await self._store.retries.look_ahead()
                if not self._is_known(now):
                    self._look_at = now + self._interval
                    return 0
            if await self._executor.gate.look():
                return 0
            while (due := {each.execution.execution_id for each in await self._due(now)}) - acted:
                acted |= due
            is_locked = bool(due)  # they did not start: their tasks change again and again
            if not self.waits_for_slot:
                await self._store.retries.look_ahead()
        except GraphBusy:
            is_locked = True
        self._locked_until = self._clock.now() + _LOCKED if is_locked else None
        self._look_at = now + self._interval
        return len(acted)

    def _is_due(self, now: datetime) -> bool:
        is_known = self.waits_for_slot or self._is_known(now)
        return is_known or self._look_at is None or not self._look_at - self._interval <= now < self._look_at

    def _is_known(self, now: datetime) -> bool:
        """Return whether an attempt is due that this process knows."""
        return (next_at := self.next_at) is not None and next_at <= now

    async def _bounds(self, tasks: Sequence[ScheduledTask], lineages: Mapping[str, LineageState]) -> AttemptBounds:
        """Return the bounds of the attempts at these tasks; of plain ones, limits are read once in a process."""
        if tasks:
            await self._store.limits.learn()  # after a restart, attempts are due before the first sweep
        limits = self._store.limits.known
        keys = {key for task in tasks for key in _plain_limits(task, limits)}
        states = await self._store.limits.of(keys) if keys else ()
        now_ms = to_ms(self._clock.now())
        free = {each.key: each.free_at(now_ms, MOST_SLOTS) for each in states}
        trials = {each.key: each.permit_ms(now_ms) for each in states if each.trial_ms is not None}
        return AttemptBounds(lineages, self._executor.is_served, limits, free, self._interval, trials)

    async def _due(self, now: datetime) -> Sequence[WaitingRetry]:
        """Act on one page of attempts that are due; return them."""
        with self._executor.reserve(self._batch_size) as reservation:
            if not reservation.slots:
                self.waits_for_slot = bool(await self._store.retries.due(now, 1))
                return ()
            page = await self._store.retries.due(now, reservation.slots)
            lease = self._lease()
            tasks = [each.task for each in page if each.task is not None]
            lineages = await lineages_of(self._store.lineages, tasks)
            await tell_exhausted(self._store.lineages, tasks, lineages, now)
            decided = decide(page, now, lease.replica_id, await self._bounds(tasks, lineages))
            reservation.claim([each.task_id for _, each in decided.started], len(decided.started))
            if page:
                started = await self._store.retries.act(decided, lease)
                of = {each.task.task_id: each.task for each, _ in decided.started if each.task}
                self._executor.start([Firing(each, of[each.task_id]) for each in started], lease, reservation)
        return page


@dataclass(frozen=True)
class AttemptBounds:
    """The facts by which attempts begin, and the time until one is looked at again that does not."""

    lineages: Mapping[str, LineageState]
    """The budgets that they draw on."""
    is_served: Callable[[str | None], bool]
    """Returns whether the work of a queue is done here, or a worker waits for it."""
    limits: Collection[str]
    """The limits that somebody has set."""
    free: dict[str, int]
    """The free slots of limits that are there; one that is not there has as many as it begins with."""
    interval: timedelta
    trials: Mapping[str, int] = field(default_factory=dict[str, int])
    """The circuits that are open, with the times (epoch ms) of their next trials."""

    def take(self, keys: Sequence[str]) -> bool:
        """Take a slot of each of these limits, as far as it is known; return False if one has none."""
        left = {key: slots for key in keys if (slots := self.free.get(key, first_slots(key))) is not None}
        if any(slots <= 0 for slots in left.values()):
            return False
        self.free.update({key: slots - 1 for key, slots in left.items()})
        return True

    def until_slot(self, failed: Execution, keys: Sequence[str], now: datetime) -> timedelta:
        """Return the time until another look for a slot: longer for an attempt that has waited longer.

        Under an open circuit that is the time of its trial; if that is far, a check interval, since a reset may come.
        """
        trial_ms = max((self.trials.get(key, 0) for key in keys), default=0)
        if trial_ms > to_ms(now):
            return min(from_ms(trial_ms) - now, self.interval)
        waited = now - (failed.completed_at or failed.triggered_at)
        return min(max(waited / _LOOKS, _LOCKED), self.interval)


def _plain_limits(task: ScheduledTask, known: Collection[str]) -> tuple[str, ...]:
    """Return the limits of which an attempt needs a slot: the key of an overlap it has from the attempt before."""
    return tuple(key for key in limit_keys_of(task, known) if not key.startswith(OVERLAP))


def _served_ms(waiting: WaitingRetry) -> int:
    """Return the time by which an attempt is served among others that want the same slots."""
    return served_ms(to_ms(waiting.execution.nominal_at), waiting.task.served_priority if waiting.task else None)


def decide(due: Sequence[WaitingRetry], now: datetime, replica_id: str, bounds: AttemptBounds) -> DueRetries:
    """Return what becomes of attempts that are due: they start, but for those of paused and of cancelled tasks.

    Those that their tasks allow no more are given up. One is looked at again later for which its budget has too little
    left, a limit no slot, or its queue no free worker. Slots go by priority and time. An attempt starts also if its
    task has ended since with a later occurrence: each occurrence has its attempts.
    """
    started: list[tuple[WaitingRetry, Execution]] = []
    held: list[tuple[WaitingRetry, int | None]] = []
    put_off: list[tuple[WaitingRetry, int]] = []
    dropped: list[WaitingRetry] = []
    given: list[tuple[WaitingRetry, Settlement]] = []
    for each in sorted(due, key=_served_ms):
        task = each.task
        if task is None or task.status is TaskStatus.CANCELLED:
            dropped.append(each)
        elif because := given_up_because(task, each.execution, now):
            given.append((each, given_up(task, each.execution, now, because)))
        elif task.is_paused(now):
            held.append((each, None if task.paused_until is None else to_ms(task.paused_until)))
        elif not bounds.is_served(task.queue) or shortage_of(task, bounds.lineages) is not None:
            put_off.append((each, to_ms(now + bounds.interval)))
        else:
            begun = next_execution(each.execution, to_ms(now), replica_id)
            keys = _plain_limits(task, bounds.limits)  # it may have come under others meanwhile
            if bounds.take(keys):
                overlaps = [key for key in begun.limit_keys or () if key.startswith(OVERLAP)]  # taken over
                started.append((each, begun.model_copy(update={"limit_keys": (*keys, *overlaps) or None})))
            else:
                put_off.append((each, to_ms(now + bounds.until_slot(each.execution, keys, now))))
    return DueRetries(started, held, dropped, given, put_off)
