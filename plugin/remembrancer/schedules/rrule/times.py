"""The wall times of a recurrence rule: days with times of day, places in periods, and units of a day."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from remembrancer.schedules.walls.day_sets import EachDay, year_of
from remembrancer.schedules.walls.day_times import VaryingTimes, even_days
from remembrancer.schedules.walls.steps import step
from remembrancer.schedules.walls.wall_set import DAY, END, NO_WALL, WallSet, even

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.schedules.rrule.days import RuleDays
    from remembrancer.schedules.walls.day_sets import DaySet

_EMPTY_DAYS: Final = 10_000
"""Days in a row without a time, 27 years, after which a rule by the hour, minute or second is taken to have ended."""


@dataclass(frozen=True, slots=True)
class PlacesInPeriods(VaryingTimes):
    """The times at some places (BYSETPOS) of each period: of all *times* of all its days together."""

    days: RuleDays
    times: tuple[int, ...]
    places: tuple[int, ...]

    def next_day(self, day: int) -> int:
        """Return the first day at or after *day* that may have times."""
        return self.days.at_or_after(day)

    def times_on(self, day: int) -> Sequence[int]:
        """Return the times of a day that are at one of the places of their period."""
        return _picked(self, year_of(day)).get(day, ())


@lru_cache(maxsize=1024)
def _picked(rule: PlacesInPeriods, year: int) -> dict[int, tuple[int, ...]]:
    """Return the times of each day of a year that are at one of the places."""
    found: dict[int, set[int]] = {}
    each = len(rule.times)
    for _, days in rule.days.in_periods(year):
        total = len(days) * each
        for place in rule.places:
            index = place - 1 if place > 0 else total + place
            if 0 <= index < total:
                found.setdefault(days[index // each], set()).add(rule.times[index % each])
    return {day: tuple(sorted(times)) for day, times in found.items()}


@dataclass(frozen=True, slots=True)
class UnitsOfDay(VaryingTimes):
    """Each so many hours, minutes or seconds on the days that suit, with a time in each unit or several.

    Args:
        days: The days that suit.
        unit: Seconds of a unit: 3600, 60 or 1.
        interval: Units from one to the next.
        anchor: The number of a unit that is one, counted from 1970.
        allowed: The seconds of the day at which a unit may begin, within an hour or minute; empty for all.
        offsets: The times in a unit, in seconds from its begin.
    """

    days: DaySet
    unit: int
    interval: int
    anchor: int
    allowed: frozenset[int] = field(repr=False)
    offsets: tuple[int, ...]

    def next_day(self, day: int) -> int:
        """Return the first day at or after *day* that may have times."""
        return self.days.at_or_after(day)

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall*, unless it is very far."""
        day, time = divmod(wall, DAY)
        found = self.next_day(day)
        for _ in range(_EMPTY_DAYS):
            if found * DAY >= END:
                break
            times = self.times_on(found)
            if (at := bisect_left(times, time) if found == day else 0) < len(times):
                return found * DAY + times[at]
            found = self.next_day(found + 1)
        return NO_WALL

    def even_from(self, wall: int) -> range | None:
        """Return the times from *wall* on, if there is one in each so many units."""
        if self.allowed or len(self.offsets) != 1 or not isinstance(self.days, EachDay):
            return None
        time = self.anchor * self.unit + self.offsets[0]
        if self.days.step > 1:  # the interval is of whole days
            return even_days(self.days, time % DAY, wall)
        return even(self.interval * self.unit, time, wall)

    def times_on(self, day: int) -> Sequence[int]:
        """Return the times of a day."""
        step()
        return _units_of(self, (self.anchor - day * (DAY // self.unit)) % self.interval)


@lru_cache(maxsize=32)
def _units_of(rule: UnitsOfDay, first: int) -> array[int]:
    """Return the times of a day whose first unit is *first*."""
    begins = range(first * rule.unit, DAY, rule.interval * rule.unit)
    kept = [begin for begin in begins if begin in rule.allowed] if rule.allowed else begins
    return array("l", [begin + offset for begin in kept for offset in rule.offsets])


@dataclass(frozen=True, slots=True)
class WallsWithin(WallSet):
    """The times of a set from *start* up to *end* (excluded)."""

    walls: WallSet
    start: int
    end: int

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall*, within the bounds."""
        found = self.walls.at_or_after(max(wall, self.start))
        return found if found < self.end else NO_WALL

    def even_from(self, wall: int) -> range | None:
        """Return the times from *wall* on as far as they are evenly spaced, within the bounds."""
        if not self.start <= wall < self.end:
            free = self.start if wall < self.start else NO_WALL
            return range(free, free)
        found = self.walls.even_from(wall)
        return None if found is None else range(found.start, min(found.stop, self.end), found.step)

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times in between, within the bounds."""
        return self.walls.listed(max(start, self.start), min(end, self.end), limit)

    def count(self, start: int, end: int) -> int:
        """Return how many times there are, within the bounds."""
        low, high = max(start, self.start), min(end, self.end)
        return self.walls.count(low, high) if low < high else 0
