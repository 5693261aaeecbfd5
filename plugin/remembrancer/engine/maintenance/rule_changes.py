"""Changes of the meaning of schedules: of the rules of time zones, and of the reading of kinds.

The graph keeps the rules and readings by which its tasks are armed, and all replicas of the graph follow these. A start
brings the rules of its own machine into force if no other replica is alive, or if they are from a later release of the
time zone database. Otherwise the process reads the zone by the rules of the graph. So what is armed never depends on
which replica armed it, and two replicas with different data do not move a task back and forth.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.engine.maintenance.armed_walk import moves_of, rearm
from remembrancer.model.recheck import MovedFire, RecheckResult, ZoneDifference
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.changed_rules import misplaced, under_current_reading, under_current_rules
from remembrancer.ports.armed_times import ChangeCause
from remembrancer.schedules.composed.nested import with_inner
from remembrancer.schedules.kinds import READINGS
from remembrancer.schedules.zone_offsets import clock_of
from remembrancer.schedules.zone_rules import (
    ZoneRules,
    follow_rules,
    is_newer,
    own_rules,
    rules_in_force,
    say_the_same,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import ArmedTimeChange, KeptRules
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

_LOG: Final = logging.getLogger("remembrancer")
_UTC: Final = "UTC"
_MISPLACED: Final = "The schedule does not name the time for which the task was armed."


@dataclass(frozen=True, slots=True)
class Author:
    """The cause of a recheck, for the audit log."""

    surface: str
    actor: str | None


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """The rules that the graph keeps of a zone, and other ones that come into force."""

    kept: ZoneRules
    current: ZoneRules
    moves: bool
    """True if they mean other times."""


class RuleChanges:
    """Follows changes of the meaning of schedules on one graph.

    Args:
        store: The graph.
        clock: The time.
        author: The author of changes at a start: the replica.
        is_alone: Returns whether no other replica is alive on the graph.
    """

    def __init__(self, store: Graph, clock: Clock, author: Author, is_alone: Callable[[], bool]) -> None:
        self._store = store
        self._clock = clock
        self._author = author
        self._is_alone = is_alone
        self.edition = 0
        """The edition of the graph's rules that this process follows."""

    async def follow_graph(self) -> None:
        """Read zones by the rules of a shared graph; before a start, so that callers arm tasks by these."""
        kept = await self._store.armed_times.kept_rules()
        self.edition = kept.edition
        for rules in kept.zones.values():
            _follow(rules)

    async def begin(self) -> int:
        """Follow what changed while this replica did not run; return the number of moved tasks."""
        kept = await self._store.armed_times.kept_rules()
        if not kept.zones:
            await self._store_zones(await self._store.armed_times.zones_in_use(), kept.edition)
        self.edition = kept.edition
        return len(await self._bring_into_force(kept, self._author, dry_run=False))

    async def keep_up(self, edition: int, armed_here: Mapping[str, int]) -> int:
        """Follow another replica that brought other rules into force; return the number of moved tasks.

        Args:
            edition: The edition of the graph's rules.
            armed_here: The tasks that this replica armed lately, by the former rules, with their fences.
        """
        if edition == self.edition:
            return 0
        kept = await self._store.armed_times.kept_rules()
        former = {zone: rules.clock for zone in kept.zones if zone != _UTC and (rules := rules_in_force(zone))}
        olds = [former[rules.zone] for rules in kept.zones.values() if _follow(rules) and rules.zone in former]
        cause = "Another replica has brought other rules of a time zone into force."

        def derive(task: ScheduledTask) -> ArmedTimeChange | None:
            if armed_here.get(task.task_id) == task.fence:
                return next(filter(None, (under_current_rules(task, old) for old in olds)), None)
            return misplaced(task)

        moved = await self._walk(derive, cause, self._author, None)
        self.edition = kept.edition
        return len(moved)

    async def recheck(self, author: Author, *, dry_run: bool) -> RecheckResult:
        """Derive each armed time again, as a start does, and find those that no schedule names.

        With *dry_run* nothing is written, and the result has the fires that would move.
        """
        kept = await self._store.armed_times.kept_rules()
        differences = self.differences(kept)
        moved = await self._bring_into_force(kept, author, dry_run=dry_run)
        known = {each.task_id for each in moved}
        moved += await self._walk(_unless(known, misplaced), _MISPLACED, author, None, dry_run=dry_run)
        fires = [each for each in moved if each.was != each.will_be]
        return RecheckResult(sorted(fires, key=lambda each: (each.will_be, each.task_id)), differences)

    def differences(self, kept: KeptRules) -> list[ZoneDifference]:
        """Return the zones of which the graph and this machine have rules that mean other times."""
        changes = [each for each in self._changes(kept) if each.moves]
        return [
            ZoneDifference(
                each.kept.zone,
                each.current.version,
                each.kept.version,
                not self._wins(each),
            )
            for each in changes
        ]

    async def _bring_into_force(self, kept: KeptRules, author: Author, *, dry_run: bool) -> list[MovedFire]:
        """Move the tasks whose meaning has changed, and store by which rules they are armed; return the moves."""
        changes = self._changes(kept)
        winning = [each for each in changes if self._wins(each)]
        for each in changes:
            if each.moves and each not in winning:
                _follow(each.kept)
        before = [rules for each in winning if (rules := rules_in_force(each.kept.zone))]
        for each in winning:
            follow_rules(each.current)
        try:
            moved = await self._move_all(kept, winning, author, dry_run=dry_run)
        finally:
            for rules in before if dry_run else ():
                follow_rules(rules)
        if winning and not dry_run:
            self.edition = kept.edition + any(each.moves for each in winning)
            await self._store.armed_times.store_zone_rules([each.current for each in winning], self.edition)
        return moved

    async def _move_all(
        self, kept: KeptRules, winning: Sequence[ZoneChange], author: Author, *, dry_run: bool
    ) -> list[MovedFire]:
        moved: list[MovedFire] = []
        for each in winning:
            if each.moves:
                zone, old = each.kept.zone, each.kept.clock
                cause = f"The rules of the time zone {zone} have changed since the task was armed."
                known = {each.task_id for each in moved}
                derive = partial(_follow_rules, old=old, edition=kept.edition + 1, known=known)
                moved += await self._walk(derive, cause, author, [zone], dry_run=dry_run)
        kinds = {kind for kind, version in READINGS.items() if self._reads_anew(version, kept.readings.get(kind, 1))}
        if kinds:
            cause = f"This version reads schedules of kind {', '.join(sorted(kinds))} in another way."
            known = {each.task_id for each in moved} if dry_run else set[str]()
            derive = _unless(known, partial(_read_again, kinds=kinds, now_ms=to_ms(self._clock.now())))
            moved += await self._walk(derive, cause, author, None, dry_run=dry_run)
            if not dry_run:
                await self._store.armed_times.store_readings(
                    {**kept.readings, **{each: READINGS[each] for each in kinds}}
                )
        return moved

    def _changes(self, kept: KeptRules) -> list[ZoneChange]:
        """Return the zones whose rules on this machine are written otherwise than those in the graph."""
        changes: list[ZoneChange] = []
        for zone, rules in kept.zones.items():
            own = None if zone == _UTC else own_rules(zone)
            if own is None or own.fingerprint == rules.fingerprint:
                continue
            try:
                same = say_the_same(rules, own, to_ms(self._clock.now()))
            except ValueError as fault:
                _LOG.error("The stored rules of the time zone %s cannot be read, and are replaced: %s", zone, fault)
                same = True
            changes.append(ZoneChange(rules, own, not same))
        return changes

    def _wins(self, change: ZoneChange) -> bool:
        return self._is_alone() or is_newer(change.current, change.kept)

    def _reads_anew(self, own: int, kept: int) -> bool:
        return own > kept or (own < kept and self._is_alone())

    async def _store_zones(self, zones: Collection[str], edition: int) -> None:
        """Store the rules of the *zones* of a graph without stored rules; an entry for UTC marks that this was done."""
        if zones:
            found = [rules for zone in zones if zone != _UTC and (rules := rules_in_force(zone))]
            await self._store.armed_times.store_zone_rules([*found, ZoneRules(_UTC, b"")], edition)

    async def _walk(
        self,
        derive: Callable[[ScheduledTask], ArmedTimeChange | None],
        cause: str,
        author: Author,
        zones: Collection[str] | None,
        *,
        dry_run: bool = False,
    ) -> list[MovedFire]:
        """Move the tasks that may follow one of *zones* as *derive* says; return the moved fires."""
        armed_times, pages = self._store.armed_times, self._store.armed_times.following(zones)
        if dry_run:
            return [_fire(move, cause) async for page in pages for move in await moves_of(page, derive)]
        change = ChangeCause(cause, self._clock.now(), author.actor, author.surface)
        moved = await rearm(armed_times, pages, lambda page: moves_of(page, derive), change)
        _LOG.log(logging.WARNING if moved else logging.DEBUG, "%s %d tasks are moved.", cause, len(moved))
        return [_fire(each, cause) for each in moved]


def _follow(rules: ZoneRules) -> bool:
    """Read a zone by the rules of the graph from now on; return whether these mean other ones than before."""
    before = None if rules.zone == _UTC else rules_in_force(rules.zone)
    if before is None or before.fingerprint == rules.fingerprint:
        return False
    try:
        follow_rules(rules)
    except ValueError as fault:
        _LOG.error("The stored rules of the time zone %s cannot be read: %s", rules.zone, fault)
        return False
    own = own_rules(rules.zone)
    if own and own.fingerprint != rules.fingerprint:
        text = "The time zone %s is read by the rules that the graph keeps (%s), not by those of this machine (%s)."
        _LOG.warning(text, rules.zone, rules.version or "no known release", own.version or "no known release")
    return True


def _follow_rules(task: ScheduledTask, old: ZoneInfo, edition: int, known: Collection[str]) -> ArmedTimeChange | None:
    """Return the move of a task from *old* rules, marked with the edition of the new ones.

    A task with this mark was moved before, by a walk that was interrupted or by another replica: unless it is *known*
    to have been moved by this walk, for another zone, it needs no move but to a time that its schedule names.
    """
    if task.rules_edition == edition and task.task_id not in known:
        return misplaced(task)
    move = under_current_rules(task, old)
    return None if move is None else replace(move, rules_edition=edition)


def _unless(
    known: Collection[str], derive: Callable[[ScheduledTask], ArmedTimeChange | None]
) -> Callable[[ScheduledTask], ArmedTimeChange | None]:
    """Return *derive*, which leaves the tasks in *known* as they are."""
    return lambda task: None if task.task_id in known else derive(task)


def _read_again(task: ScheduledTask, kinds: Collection[str], now_ms: int) -> ArmedTimeChange | None:
    """Return the move of a task whose schedule, or one inside it, is of one of *kinds*."""
    if not any(each.kind in kinds for each in with_inner(task.schedule)):
        return None
    return under_current_reading(task, now_ms)


def _fire(move: ArmedTimeChange, cause: str) -> MovedFire:
    task, will_be = move.task, from_ms(move.nominal_ms)
    shown = task.wall_time if not task.schedule.recurring else None
    local = will_be.astimezone(clock_of(task.timezone)).replace(tzinfo=None).isoformat()
    was = from_ms(task.nominal_ms or move.nominal_ms)
    return MovedFire(task.task_id, task.name, was, will_be, shown or local, task.timezone, cause)
