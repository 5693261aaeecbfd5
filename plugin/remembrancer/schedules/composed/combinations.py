"""The schedules of kinds `any_of`, `all_of` and `except`: the algebra of other schedules.

Schedules of one wall clock are combined as wall times, and the zone layer follows at the end. Others, such as elapsed
intervals beside local times, or two zones, are combined as moments.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, ClassVar, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.schedules.composed.nested import MOST_MEMBERS
from remembrancer.schedules.every import ElapsedSchedule
from remembrancer.schedules.phrases import lower
from remembrancer.schedules.protocol import Schedule
from remembrancer.schedules.value_fields import read_list, second_of
from remembrancer.schedules.wall_schedule import WallSchedule
from remembrancer.schedules.walls.combined import Intersection, Outside, TimesWithout, Union, Within
from remembrancer.schedules.walls.steps import FEW, MANY, at_most
from remembrancer.schedules.walls.stretches import NO_STRETCH, CommonStretches, Either, Remainder, Stretches
from remembrancer.schedules.walls.wall_set import DAY, END, NO_WALL, WallSet
from remembrancer.schedules.wrapped import WrappedSchedule
from remembrancer.schedules.zone_offsets import span_at
from remembrancer.schedules.zoned_walls import ZonedWalls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from remembrancer.model.schedule import AllOf, AnyOf, Except, ScheduleValue

    Make = Callable[[ScheduleValue], Schedule]
    Combine = Callable[[Sequence[WallSet]], WallSet]

_EXAMPLE: Final = [{"kind": "cron", "expression": "0 9 * * 1-5"}, {"kind": "weekly", "days": "sat"}]


@dataclass(frozen=True, slots=True)
class Combination(WrappedSchedule):
    """A combination: the schedule of its times, whose searches are bounded."""

    words: str = field(repr=False)
    normal: str
    ends: bool = field(repr=False)

    @property
    def is_finite(self) -> bool:
        """True if it has a last occurrence."""
        return self.ends

    @property
    def normalized(self) -> str:
        """The normal form."""
        return self.normal

    @property
    def zoned(self) -> ZonedWalls | None:
        """Its wall times in their zone; None if it is one of moments."""
        return zoned_of(self.schedule)

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*. Raises InvalidInput if the search takes too long."""
        with at_most(FEW):
            return self.schedule.next_after(after_ms)

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the occurrences in between, at most *limit*."""
        with at_most(MANY):
            return self.schedule.between(start_ms, until_ms, limit)

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are."""
        with at_most(MANY):
            return self.schedule.count(start_ms, until_ms)

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the occurrence at *place*, counted back from *until_ms*."""
        with at_most(MANY):
            return self.schedule.last_ms(until_ms, place)

    def describe(self) -> str:
        """Return it in English."""
        return self.words

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes do, where all follow one clock."""
        with at_most(MANY):
            return self.schedule.notes(after_ms, occurrence_ms)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of an occurrence under the rules in force."""
        with at_most(MANY):
            return self.schedule.under_new_rules(occurrence_ms, old)


@dataclass(frozen=True, slots=True)
class MomentSchedule(Schedule):
    """A set of epoch seconds."""

    recurring: ClassVar[bool] = True

    seconds: WallSet
    zone: str
    members: tuple[Schedule, ...] = field(repr=False)
    combine: Combine = field(repr=False)

    @property
    def timezone(self) -> str:
        """The zone that its times are shown in."""
        return self.zone

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*."""
        second = self.seconds.at_or_after(after_ms // 1000 + 1)
        return second * 1000 if second < END else None

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the occurrences in between, at most *limit*."""
        end = min(until_ms // 1000 + 1, END)
        return [second * 1000 for second in self.seconds.listed(-(-start_ms // 1000), end, limit)]

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are."""
        return self.seconds.count(-(-start_ms // 1000), min(until_ms // 1000 + 1, END))

    def describe(self) -> str:
        """Return what it is; its combination has the words."""
        return "A combination"

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the first occurrence from the place on that the next one of each member has under the rules in force.

        Of a combination that is no union, the first member names the occurrences.
        """
        leading = self.members if self.combine is _any else self.members[:1]
        places: list[int] = []
        for member in leading:
            ahead_ms = member.under_rules(old).next_after(occurrence_ms - 1)
            if ahead_ms is not None:
                places.append(member.under_new_rules(ahead_ms, old))
        return self.next_ms(min(places, default=occurrence_ms) - 1)

    def under_rules(self, rules: ZoneInfo) -> Schedule:
        """Return it under other rules of a zone."""
        members = tuple(each.under_rules(rules) for each in self.members)
        return replace(self, members=members, seconds=self.combine([_moments(each, rules) for each in members]))


@dataclass(frozen=True, slots=True)
class Moments(WallSet):
    """The occurrences of a schedule as epoch seconds."""

    schedule: Schedule

    def at_or_after(self, wall: int) -> int:
        """Return the first occurrence at or after an epoch second."""
        found = self.schedule.next_after(wall * 1000 - 1)
        return NO_WALL if found is None else found // 1000

    def even_from(self, wall: int) -> range | None:
        """Return the occurrences from an epoch second on, as far as they are evenly spaced."""
        if isinstance(self.schedule, ElapsedSchedule):
            return self.schedule.even_from(wall)
        zoned = zoned_of(self.schedule)
        return None if zoned is None else zoned.even_from(wall)

    def covers(self, wall: int) -> bool:
        """Return whether there is an occurrence at an epoch second, without a search for the next one."""
        return self.schedule.count(wall * 1000, wall * 1000) > 0

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the occurrences in between."""
        return [each // 1000 for each in self.schedule.between(start * 1000, end * 1000 - 1, limit)]

    def count(self, start: int, end: int) -> int:
        """Return how many occurrences there are."""
        return self.schedule.count(start * 1000, end * 1000 - 1)


@dataclass(frozen=True, slots=True)
class MomentStretches(Stretches):
    """Stretches of wall time in a zone, as stretches of epoch seconds."""

    stretches: Stretches
    zone: str | ZoneInfo

    def stretch(self, wall: int) -> tuple[int, int]:
        """Return the first stretch that ends after an epoch second."""
        shown = wall + span_at(self.zone, wall).offset - _LARGEST_CHANGE
        while True:
            begin, end = self.stretches.stretch(shown)
            if begin >= END:
                return NO_STRETCH
            low, high = second_of(self.zone, begin), second_of(self.zone, end)
            if high > max(wall, low):
                return low, high
            shown = end


def any_of_schedule(value: AnyOf, make: Make) -> Combination:
    """Return the schedule that *value* means. Raises InvalidInput."""
    members = _members(value.schedules, make)
    words = "; or ".join([members[0].describe(), *(lower(each.describe()) for each in members[1:])])
    return Combination(
        _combined(members, _any), words, _normal("any_of", members), all(each.is_finite for each in members)
    )


def all_of_schedule(value: AllOf, make: Make) -> Combination:
    """Return the schedule that *value* means. Raises InvalidInput."""
    members = _members(value.schedules, make)
    words = ", as far as it is also: ".join(
        [members[0].describe(), "; and ".join(lower(each.describe()) for each in members[1:])][: len(members)]
    )
    return Combination(
        _combined(members, _all), words, _normal("all_of", members), any(each.is_finite for each in members)
    )


def except_schedule(value: Except, make: Make) -> Combination:
    """Return the schedule that *value* means. Raises InvalidInput."""
    (kept,), excluded = _members((value.schedule,), make, "schedule"), _members(value.excluded, make, "excluded")
    words = f"{kept.describe()}, except: {'; or '.join(lower(each.describe()) for each in excluded)}"
    made = _combined([kept, *excluded], lambda sets: _without(sets[0], _any(sets[1:])))
    normal = f"except({kept.normalized} | {_normal('any_of', excluded)})"
    return Combination(made, words, normal, kept.is_finite)


def zoned_of(schedule: Schedule) -> ZonedWalls | None:
    """Return the wall times of a schedule in their zone; None if it is one of moments."""
    return cast("ZonedWalls | None", getattr(schedule, "zoned", None))


def _members(values: object, make: Make, name: str = "schedules") -> list[Schedule]:
    given = cast("Sequence[ScheduleValue]", read_list(values, name, MOST_MEMBERS, _EXAMPLE))
    if not given:
        raise InvalidInput(name, values, "at least one schedule", _EXAMPLE)
    return [make(each) for each in given]


def _normal(kind: str, members: Sequence[Schedule]) -> str:
    """Return the normal form: the order of the members does not matter."""
    return f"{kind}({' | '.join(sorted({each.normalized for each in members}))})"


def _combined(members: Sequence[Schedule], combine: Combine) -> Schedule:
    """Combine the members as wall times, if they follow one clock, or else as moments."""
    zoned = [each for member in members if (each := zoned_of(member)) is not None]
    points = [each for each in zoned if not isinstance(each.walls, Stretches)]
    clocks = {(each.timezone, each.gap, each.fold, each.is_interval) for each in points}
    zones = {each.timezone for each in zoned}
    if len(zoned) == len(members) and len(clocks) <= 1 and len(zones) == 1:
        clock = (points or zoned)[0]
        walls = combine([each.walls for each in zoned])
        one = ZonedWalls(
            timezone=clock.timezone, gap=clock.gap, fold=clock.fold, is_interval=clock.is_interval, walls=walls
        )
        return WallSchedule(one, "", "")
    seconds = combine([_moments(each) for each in members])
    return MomentSchedule(seconds, members[0].timezone, tuple(members), combine)


def _moments(member: Schedule, rules: ZoneInfo | None = None) -> WallSet:
    zoned = zoned_of(member)
    if zoned is not None and isinstance(zoned.walls, Stretches):
        is_of_zone = rules is not None and rules.key == zoned.timezone
        return MomentStretches(zoned.walls, rules if is_of_zone and rules else zoned.timezone)
    return Moments(member)


def _any(sets: Sequence[WallSet]) -> WallSet:
    stretches = [each for each in sets if isinstance(each, Stretches)]
    if len(stretches) == len(sets):
        return reduce(Either, stretches)
    return sets[0] if len(sets) == 1 else Union(tuple(sets))


def _all(sets: Sequence[WallSet]) -> WallSet:
    stretches = [each for each in sets if isinstance(each, Stretches)]
    points = [each for each in sets if not isinstance(each, Stretches)]
    if not points:
        return reduce(CommonStretches, stretches)
    met = reduce(Intersection, points)
    return Within(met, reduce(CommonStretches, stretches)) if stretches else met


def _without(kept: WallSet, excluded: WallSet) -> WallSet:
    if isinstance(excluded, Stretches):
        return Remainder(kept, excluded) if isinstance(kept, Stretches) else Outside(kept, excluded)
    if isinstance(excluded, Union):
        return reduce(_without, excluded.sets, kept)
    return TimesWithout(kept, excluded)


_LARGEST_CHANGE: Final = 2 * DAY
"""No zone's clock was ever set by more than a day."""
