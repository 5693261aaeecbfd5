"""Derive again what recurring tasks are armed for: after the clock went back, and by new rules of their time zones.

No occurrence gets a second outcome by it. What a schedule named from a task's beginning up to its next moment has an
outcome each; so a task is moved only to before its beginning, as one is that was made while the clock was ahead. It
then passes over, when it comes there, what was recorded before.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from remembrancer.engine.planning import beginning_ms, cron_of, held_ms
from remembrancer.errors import InvalidInput
from remembrancer.model.moment import from_ms, to_iso, to_ms
from remembrancer.ports.schedules import Cause, Move
from remembrancer.timing.passing import pairs_of
from remembrancer.timing.zone_rules import ZoneRules, rules_in_force, say_the_same, under_new_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.task_store import TaskStore

_LOG: Final = logging.getLogger("remembrancer")
_WORTH: Final = timedelta(minutes=1)
"""How far in the future something must be on record to say that the clock went back."""
_UTC: Final = "UTC"
_SLICE: Final = 50
"""How many tasks are derived before others have their turn."""


class Recheck:
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

        def derive(task: ScheduledTask) -> Move | None:
            nonlocal waiting
            move = earlier(task, now_ms)
            waiting += move is None and _waits(task, now_ms)
            return move

        moved = await self._walk(derive, Cause(cause, now, self._replica_id))
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
                if not say_the_same(old, current, to_ms(now)):
                    moved += await self._follow(old, now)
                await self._store.schedules.keep_zone_rules([current])
        return moved

    async def _follow(self, old: ZoneRules, now: datetime) -> int:
        cause = f"The rules of the time zone {old.zone} have changed since the task was armed."
        moved = await self._walk(
            lambda task: under_current_rules(task, old), Cause(cause, now, self._replica_id), [old.zone]
        )
        _LOG.warning("The rules of the time zone %s have changed: %d recurring tasks are moved.", old.zone, moved)
        return moved

    async def _keep_zones(self, zones: Collection[str]) -> None:
        """Keep the rules of the *zones* of a graph that has none; UTC, which has none, marks that it was looked at."""
        if zones:
            found = [rules for zone in zones if zone != _UTC and (rules := rules_in_force(zone))]
            await self._store.schedules.keep_zone_rules([*found, ZoneRules(_UTC, b"")])

    async def _walk(
        self, derive: Callable[[ScheduledTask], Move | None], cause: Cause, zones: Collection[str] | None = None
    ) -> int:
        """Write what *derive* answers for each armed recurring task, page by page; return how many were moved."""
        moved = 0
        async for page in self._store.schedules.recurring(zones):
            moves: list[Move] = []
            for place, task in enumerate(page, 1):
                try:
                    move = derive(task)
                except InvalidInput:
                    continue  # the checker takes it out of the schedule when its time comes, and says why
                if move:
                    moves.append(move)
                if place % _SLICE == 0:
                    await asyncio.sleep(0)
            for move in await self._store.schedules.rearm(moves, cause) if moves else ():
                moved += 1
                _tell(move, cause)
        return moved


def earlier(task: ScheduledTask, now_ms: int) -> Move | None:
    """Return the move to the first moment after *now_ms* without an outcome; None for a task that is to stay."""
    cron, armed_ms = cron_of(task), task.nominal_ms
    if cron is None or armed_ms is None or task.deferral_id is not None or armed_ms != task.next_run_ms:
        return None
    begun_ms = beginning_ms(task)
    moment_ms = cron.next_ms(max(now_ms, held_ms(task) - 1))
    if moment_ms >= min(begun_ms, armed_ms):
        return None
    later = [pair for pair in pairs_of(task.ahead_ms or ()) if pair[1] > armed_ms]
    if cron.next_ms(begun_ms - 1) < armed_ms:
        later.insert(0, (begun_ms, armed_ms))
    return Move(task, moment_ms, moment_ms, moment_ms, tuple(chain.from_iterable(later)) or None)


def under_current_rules(task: ScheduledTask, old: ZoneRules) -> Move | None:
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
    return Move(task, armed_ms, moment_ms, task.since_ms, task.ahead_ms)


def _waits(task: ScheduledTask, now_ms: int) -> bool:
    """Whether moments after *now_ms* have an outcome already, so that the task waits for a later one."""
    cron = cron_of(task)
    return bool(cron and task.deferral_id is None and task.nominal_ms and cron.next_ms(now_ms) < task.nominal_ms)


def _tell(move: Move, cause: Cause) -> None:
    _LOG.info(
        "Task %s (%s) is moved from %s to %s: %s",
        move.task.name, move.task.task_id, _shown(move.task.next_run_ms), _shown(move.next_run_ms), cause.reason,
    )  # fmt: skip


def _shown(moment_ms: int | None) -> str:
    return "nothing" if moment_ms is None else to_iso(from_ms(moment_ms))
