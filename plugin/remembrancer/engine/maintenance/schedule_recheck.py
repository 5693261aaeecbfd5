"""The recheck of armed times: recurring tasks are armed again after the clock went back or zone rules changed.

No occurrence gets a second outcome by it. Each occurrence from a task's beginning up to its next one has an outcome.
So a task moves to a time before its beginning, as one does that was made while the clock was ahead; or to an occurrence
that was recorded as missed when the clock went ahead. Such a record is taken back as far as its occurrences are ahead
again. Occurrences that ran while the clock was ahead are excluded from the schedule.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import visible
from remembrancer.model.skip_mark import skips_text
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.additions import additions_of
from remembrancer.policies.occurrences import beginning_ms, held_ms, run_without_pause_ms
from remembrancer.policies.pause import armed_in_pause
from remembrancer.policies.skips import pending_skips
from remembrancer.ports.armed_times import ArmedTimeChange, ChangeCause, Retraction
from remembrancer.schedules.composed.additions import ScheduleWithAdditions
from remembrancer.schedules.composed.exclusions import excluding, joined, pairs_of
from remembrancer.schedules.kinds import remaining_schedule, schedule_of
from remembrancer.schedules.zone_rules import ZoneRules, rules_in_force, say_the_same

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import datetime

    from remembrancer.model.addition import Additions
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import MissedOccurrence
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.schedules.protocol import Schedule

_LOG: Final = logging.getLogger("remembrancer")
_WORTH: Final = timedelta(minutes=1)
"""A record at least as far in the future shows that the clock went back."""
_UTC: Final = "UTC"
_SLICE: Final = 50
"""The number of tasks that are rechecked before other coroutines run."""


class ScheduleRecheck:
    """Arms recurring tasks again, where their armed times no longer follow from their schedules.

    Args:
        store: The graph.
        clock: The time.
        replica_id: This replica, for the audit log.
    """

    def __init__(self, store: Graph, clock: Clock, replica_id: str) -> None:
        self._store = store
        self._clock = clock
        self._replica_id = replica_id

    async def begin(self) -> int:
        """Follow what changed while no scheduler ran: zone rules and the clock; return the number of moved tasks."""
        now = self._clock.now()
        moved = await self._follow_zones(now)
        if newest := await self._store.armed_times.newest_record_after(now + _WORTH):
            cause = f"The clock went back while no scheduler ran: {to_iso(newest)} is on record."
            moved += await self.run(cause, now)
        return moved

    async def run(self, cause: str, now: datetime) -> int:
        """Arm tasks for their first time after *now* without an outcome, if that is earlier; return their number."""
        now_ms, waiting = to_ms(now), 0

        async def derive(page: Sequence[ScheduledTask]) -> list[ArmedTimeChange]:
            nonlocal waiting
            ahead = [task for task in page if _lies_ahead(task, now_ms)]
            missed = await self._store.armed_times.missed_after([task.task_id for task in ahead], now)
            moves = await _each(ahead, lambda task: earlier(task, missed.get(task.task_id, ()), now_ms))
            waiting += len(ahead) - len(moves)
            return moves

        moved = await self._walk(derive, ChangeCause(cause, now, self._replica_id))
        _LOG.log(
            logging.WARNING if moved or waiting else logging.DEBUG,
            "%s %d recurring tasks are armed again for the first time after %s; "
            "%d wait for a later one, because the occurrences before it have outcomes.",
            cause, moved, to_iso(now), waiting,
        )  # fmt: skip
        return moved

    async def _follow_zones(self, now: datetime) -> int:
        """Move the tasks of zones whose rules have changed since the tasks were armed."""
        stored = await self._store.armed_times.zone_rules()
        if not stored:
            await self._store_zones(await self._store.armed_times.zones_in_use())
            return 0
        moved = 0
        for zone, old in stored.items():
            current = None if zone == _UTC else rules_in_force(zone)
            if current and current.fingerprint != old.fingerprint:
                try:
                    same = say_the_same(old, current, to_ms(now))
                except ValueError as fault:
                    _LOG.error("The stored rules of the time zone %s cannot be read, and are replaced: %s", zone, fault)
                    same = True
                if not same:
                    moved += await self._follow(old, now)
                await self._store.armed_times.store_zone_rules([current])
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

    async def _store_zones(self, zones: Collection[str]) -> None:
        """Store the rules of the *zones* of a graph without stored rules; an entry for UTC marks that this was done."""
        if zones:
            found = [rules for zone in zones if zone != _UTC and (rules := rules_in_force(zone))]
            await self._store.armed_times.store_zone_rules([*found, ZoneRules(_UTC, b"")])

    async def _walk(
        self,
        derive: Callable[[Sequence[ScheduledTask]], Awaitable[list[ArmedTimeChange]]],
        cause: ChangeCause,
        zones: Collection[str] | None = None,
    ) -> int:
        """Write the moves that *derive* returns for the armed recurring tasks, page by page; return the number."""
        moved = 0
        async for page in self._store.armed_times.recurring(zones):
            moves = await derive(page)
            for move in await self._store.armed_times.rearm(moves, cause) if moves else ():
                moved += 1
                _log_move(move, cause)
        return moved


def earlier(task: ScheduledTask, missed: Sequence[MissedOccurrence], now_ms: int) -> ArmedTimeChange | None:
    """Return the move of *task* to its first occurrence after *now_ms* without an outcome; None if it stays.

    Records of *missed* occurrences after that one are taken back: these are ahead again.

    Args:
        task: An armed recurring task.
        missed: Its records of missed occurrences that reach beyond *now_ms*, oldest first.
        now_ms: The present.
    """
    schedule, armed_ms = remaining_schedule(task), task.nominal_ms
    if not schedule.recurring or armed_ms is None:
        return None
    begun_ms = beginning_ms(task)
    served = [*pairs_of(task.excluded_ms or ()), *_between(begun_ms, armed_ms, missed)]
    excluded_ms = joined([pair for pair in served if pair[1] > now_ms])
    ahead = _additions_ahead(task, missed, now_ms)
    again = ScheduleWithAdditions(excluding(schedule_of(task), excluded_ms), ahead.times_ms)
    time_ms = again.next_ms(max(now_ms, held_ms(task) - 1))
    if time_ms >= armed_ms:
        return None
    retractions = [_shortened(each, schedule, time_ms) for each in missed if each.last_ms >= time_ms]
    armed_ms = armed_in_pause(task, time_ms).next_run_ms if task.paused_at else time_ms
    begun_ms = min(begun_ms, time_ms)
    return ArmedTimeChange(task, armed_ms, time_ms, begun_ms, excluded_ms or None, ahead.text, task.skips, retractions)


def _additions_ahead(task: ScheduledTask, missed: Sequence[MissedOccurrence], now_ms: int) -> Additions:
    """Return the additions of *task* that have no outcome, or one of *missed* although they are ahead again."""
    additions, armed_ms = additions_of(task), task.nominal_ms or 0
    return additions.only(
        each
        for each in additions.items
        if each.at_ms >= armed_ms
        or (each.at_ms > now_ms and any(one.first_ms <= each.at_ms <= one.last_ms for one in missed))
    )


def _between(begin_ms: int, end_ms: int, missed: Sequence[MissedOccurrence]) -> list[tuple[int, int]]:
    """Return the spans from *begin_ms* up to *end_ms* (excluded) without a record of a missed occurrence."""
    begins = [begin_ms, *(max(begin_ms, each.last_ms + 1) for each in missed)]
    ends = [*(each.first_ms for each in missed), end_ms]
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]


def _shortened(missed: MissedOccurrence, schedule: Schedule, time_ms: int) -> Retraction:
    left = schedule.count(missed.first_ms, time_ms - 1)
    return Retraction(missed, schedule.last_ms(time_ms - 1, 1) if left else 0, left)


def under_current_rules(task: ScheduledTask, old: ZoneRules) -> ArmedTimeChange | None:
    """Return the move of *task*, armed by *old* rules, to its place under those in force; None if it stays."""
    schedule, place_ms = remaining_schedule(task), task.nominal_ms
    if not schedule.recurring or place_ms is None:
        return None
    time_ms = schedule.under_new_rules(place_ms, old.clock)
    if time_ms < beginning_ms(task):
        time_ms = schedule.next_ms(beginning_ms(task) - 1)
    if time_ms == place_ms:
        return None
    run_ms = run_without_pause_ms(task)
    armed_ms = time_ms if task.deferral_id is None and run_ms == place_ms else run_ms
    if task.paused_at:
        armed_ms = armed_in_pause(task, armed_ms).next_run_ms
    since_ms, excluded_ms, skips = task.outcomes_since_ms, task.excluded_ms, _skips_under_current_rules(task, old)
    return ArmedTimeChange(task, armed_ms, time_ms, since_ms, excluded_ms, task.additions, skips)


def _skips_under_current_rules(task: ScheduledTask, old: ZoneRules) -> str | None:
    """Return the skip marks of *task* at the places that their occurrences have now."""
    if task.skips is None:
        return None
    schedule = remaining_schedule(task)
    moved = (mark._replace(at_ms=schedule.under_new_rules(mark.at_ms, old.clock)) for mark in pending_skips(task))
    return skips_text(moved)


async def _each(
    tasks: Sequence[ScheduledTask], derive: Callable[[ScheduledTask], ArmedTimeChange | None]
) -> list[ArmedTimeChange]:
    """Return the moves of those tasks that have one, letting other coroutines run in between."""
    moves: list[ArmedTimeChange] = []
    for place, task in enumerate(tasks, 1):
        with suppress(InvalidInput):  # it is quarantined, with this error as the reason, when it is due
            if move := derive(task):
                moves.append(move)
        if place % _SLICE == 0:
            await asyncio.sleep(0)
    return moves


def _lies_ahead(task: ScheduledTask, now_ms: int) -> bool:
    """Return whether the schedule has an occurrence after *now_ms* before the one for which *task* is armed."""
    if task.deferral_id is not None or task.nominal_ms is None or task.nominal_ms != task.next_run_ms:
        return False  # a deferral ends at a fixed time, however the clock is set before that
    try:
        schedule = schedule_of(task)
        return schedule.recurring and schedule.next_ms(max(now_ms, held_ms(task) - 1)) < task.nominal_ms
    except InvalidInput:  # it is quarantined, with this error as the reason, when it is due
        return False


def _log_move(move: ArmedTimeChange, cause: ChangeCause) -> None:
    task, was, will = move.task, _shown(move.task.next_run_ms), _shown(move.next_run_ms)
    _LOG.info("Task %s (%s) is moved from %s to %s: %s", visible(task.name), task.task_id, was, will, cause.reason)


def _shown(time_ms: int | None) -> str:
    return "nothing" if time_ms is None else to_iso(from_ms(time_ms))
