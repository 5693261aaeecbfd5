"""Derive again what recurring tasks are armed for: after the clock went back, and by new rules of their time zones.

No occurrence gets a second outcome by it. What a schedule named from a task's beginning up to its next moment has an
outcome each. So a task is moved to before its beginning, as one is that was made while the clock was ahead; or to a
moment that was recorded as missed when the clock went ahead. What was missed and is ahead again is taken back; where a
task comes to what it did while the clock was ahead, it passes over that.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import visible
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.pipeline import beginning_ms, cron_of, held_ms, schedule_of
from remembrancer.ports.armed_times import ArmedTimeChange, ChangeCause, Retraction
from remembrancer.schedules.exclusions import joined, pairs_of, with_exclusions
from remembrancer.schedules.zone_rules import ZoneRules, rules_in_force, say_the_same, under_new_rules

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import MissedOccurrence
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.task_store import TaskStore
    from remembrancer.schedules.cron.expression import Cron

_LOG: Final = logging.getLogger("remembrancer")
_WORTH: Final = timedelta(minutes=1)
"""A record at least this far in the future shows that the clock went back."""
_UTC: Final = "UTC"
_SLICE: Final = 50
"""The number of tasks that are recomputed before other work gets a turn."""


class ScheduleRecheck:
    """Sets right what recurring tasks are armed for.

    Args:
        store: The graph.
        clock: The time.
        replica_id: Who does it, for the audit trail.
    """

    def __init__(self, store: TaskStore, clock: Clock, replica_id: str) -> None:
        self._store = store
        self._clock = clock
        self._replica_id = replica_id

    async def begin(self) -> int:
        """Set right what changed while no scheduler ran: the rules of zones, and the clock; return the tasks moved."""
        now = self._clock.now()
        moved = await self._follow_zones(now)
        if newest := await self._store.schedules.newest_record_after(now + _WORTH):
            cause = f"The clock went back while no scheduler ran: {to_iso(newest)} is on record."
            moved += await self.run(cause, now)
        return moved

    async def run(self, cause: str, now: datetime) -> int:
        """Arm tasks for their first moment after *now* that has no outcome, if that is earlier; return how many."""
        now_ms, waiting = to_ms(now), 0

        async def derive(page: Sequence[ScheduledTask]) -> list[ArmedTimeChange]:
            nonlocal waiting
            ahead = [task for task in page if _lies_ahead(task, now_ms)]
            missed = await self._store.schedules.missed_after([task.task_id for task in ahead], now)
            moves = await _each(ahead, lambda task: earlier(task, missed.get(task.task_id, ()), now_ms))
            waiting += len(ahead) - len(moves)
            return moves

        moved = await self._walk(derive, ChangeCause(cause, now, self._replica_id))
        _LOG.log(
            logging.WARNING if moved or waiting else logging.DEBUG,
            "%s %d recurring tasks are armed again for the first moment after %s; "
            "%d wait for a later one, because what comes before it has an outcome already.",
            cause, moved, to_iso(now), waiting,
        )  # fmt: skip
        return moved

    async def _follow_zones(self, now: datetime) -> int:
        """Move the tasks of those zones whose rules are not those by which their tasks were armed."""
        kept = await self._store.schedules.zone_rules()
        if not kept:
            await self._keep_zones(await self._store.schedules.zones_in_use())
            return 0
        moved = 0
        for zone, old in kept.items():
            current = None if zone == _UTC else rules_in_force(zone)
            if current and current.fingerprint != old.fingerprint:
                try:
                    same = say_the_same(old, current, to_ms(now))
                except ValueError as fault:
                    _LOG.error("The kept rules of the time zone %s cannot be read, and give way: %s", zone, fault)
                    same = True
                if not same:
                    moved += await self._follow(old, now)
                await self._store.schedules.keep_zone_rules([current])
        return moved

    async def _follow(self, old: ZoneRules, now: datetime) -> int:
        cause = f"The rules of the time zone {old.zone} have changed since the task was armed."
        moved = await self._walk(
            lambda page: _each(page, lambda task: under_current_rules(task, old)),
            ChangeCause(cause, now, self._replica_id),
            [old.zone],
        )
        _LOG.warning("The rules of the time zone %s have changed: %d recurring tasks are moved.", old.zone, moved)
        return moved

    async def _keep_zones(self, zones: Collection[str]) -> None:
        """Keep the rules of the *zones* of a graph that has none; UTC, which has none, marks that it was looked at."""
        if zones:
            found = [rules for zone in zones if zone != _UTC and (rules := rules_in_force(zone))]
            await self._store.schedules.keep_zone_rules([*found, ZoneRules(_UTC, b"")])

    async def _walk(
        self,
        derive: Callable[[Sequence[ScheduledTask]], Awaitable[list[ArmedTimeChange]]],
        cause: ChangeCause,
        zones: Collection[str] | None = None,
    ) -> int:
        """Write what *derive* answers for the armed recurring tasks, page by page; return how many were moved."""
        moved = 0
        async for page in self._store.schedules.recurring(zones):
            moves = await derive(page)
            for move in await self._store.schedules.rearm(moves, cause) if moves else ():
                moved += 1
                _tell(move, cause)
        return moved


def earlier(task: ScheduledTask, missed: Sequence[MissedOccurrence], now_ms: int) -> ArmedTimeChange | None:
    """Return the move of *task* to its first moment after *now_ms* without an outcome; None for one that is to stay.

    What is recorded as *missed* of moments after that one is taken back: they are ahead again.

    Args:
        task: An armed recurring task.
        missed: Its records of missed moments that reach beyond *now_ms*, oldest first.
        now_ms: The present.
    """
    cron, armed_ms = cron_of(task), task.nominal_ms
    if cron is None or armed_ms is None:
        return None
    begun_ms = beginning_ms(task)
    served = [*pairs_of(task.ahead_ms or ()), *_between(begun_ms, armed_ms, missed)]
    ahead_ms = joined([pair for pair in served if pair[1] > now_ms])
    moment_ms = with_exclusions(cron, ahead_ms).next_ms(max(now_ms, held_ms(task) - 1))
    if moment_ms >= armed_ms:
        return None
    retractions = [_shortened(each, cron, moment_ms) for each in missed if each.last_ms >= moment_ms]
    return ArmedTimeChange(task, moment_ms, moment_ms, min(begun_ms, moment_ms), ahead_ms or None, retractions)


def _between(begin_ms: int, end_ms: int, missed: Sequence[MissedOccurrence]) -> list[tuple[int, int]]:
    """Return the stretches from *begin_ms* up to *end_ms* (excluded) of which nothing is recorded as missed."""
    begins = [begin_ms, *(max(begin_ms, each.last_ms + 1) for each in missed)]
    ends = [*(each.first_ms for each in missed), end_ms]
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]


def _shortened(missed: MissedOccurrence, cron: Cron, moment_ms: int) -> Retraction:
    left = cron.count(missed.first_ms, moment_ms - 1)
    return Retraction(missed, cron.last_ms(moment_ms - 1, 1) if left else 0, left)


def under_current_rules(task: ScheduledTask, old: ZoneRules) -> ArmedTimeChange | None:
    """Return the move of *task*, armed by *old* rules, to where its place is under those in force; None to stay."""
    cron, place_ms = cron_of(task), task.nominal_ms
    if cron is None or place_ms is None or task.next_run_ms is None:
        return None
    moment_ms = under_new_rules(cron, place_ms, old.clock)
    if moment_ms < beginning_ms(task):
        moment_ms = cron.next_ms(beginning_ms(task) - 1)
    if moment_ms == place_ms:
        return None
    armed_ms = moment_ms if task.deferral_id is None and task.next_run_ms == place_ms else task.next_run_ms
    return ArmedTimeChange(task, armed_ms, moment_ms, task.since_ms, task.ahead_ms)


async def _each(
    tasks: Sequence[ScheduledTask], derive: Callable[[ScheduledTask], ArmedTimeChange | None]
) -> list[ArmedTimeChange]:
    """Return the moves of those tasks that have one, others having their turn in between."""
    moves: list[ArmedTimeChange] = []
    for place, task in enumerate(tasks, 1):
        with suppress(InvalidInput):  # the checker takes it out of the schedule when its time comes, and says why
            if move := derive(task):
                moves.append(move)
        if place % _SLICE == 0:
            await asyncio.sleep(0)
    return moves


def _lies_ahead(task: ScheduledTask, now_ms: int) -> bool:
    """Whether the schedule names a moment after *now_ms* that comes before the one for which *task* is armed."""
    if task.deferral_id is not None or task.nominal_ms is None or task.nominal_ms != task.next_run_ms:
        return False  # a deferral is until a moment, whatever the clock says on the way there
    try:
        cron = schedule_of(task)
        return cron is not None and cron.next_ms(max(now_ms, held_ms(task) - 1)) < task.nominal_ms
    except InvalidInput:  # the checker takes it out of the schedule when its time comes, and says why
        return False


def _tell(move: ArmedTimeChange, cause: ChangeCause) -> None:
    task, was, will = move.task, _shown(move.task.next_run_ms), _shown(move.next_run_ms)
    _LOG.info("Task %s (%s) is moved from %s to %s: %s", visible(task.name), task.task_id, was, will, cause.reason)


def _shown(moment_ms: int | None) -> str:
    return "nothing" if moment_ms is None else to_iso(from_ms(moment_ms))
