"""Wall times by the day: the same times on each day of a set, or times that differ from day to day."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from remembrancer.schedules.walls.day_sets import EachDay
from remembrancer.schedules.walls.wall_set import DAY, END, NO_WALL, WallSet, even

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.schedules.walls.day_sets import DaySet


@dataclass(frozen=True, slots=True)
class DayTimes(WallSet):
    """The same times of day (seconds, ascending, at least one) on each day of a set."""

    days: DaySet
    times: tuple[int, ...]

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall*."""
        day, time = divmod(wall, DAY)
        found = self.days.at_or_after(day)
        if found == day:
            at = bisect_left(self.times, time)
            if at < len(self.times):
                return day * DAY + self.times[at]
            found = self.days.at_or_after(day + 1)
        return found * DAY + self.times[0]

    def even_from(self, wall: int) -> range | None:
        """Return the times from *wall* on, if they are at one time of each so many days."""
        return even_days(self.days, self.times[0], wall) if len(self.times) == 1 else None

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times from *start* up to *end* (excluded), at most *limit*: by the day."""
        return listed_by_day(self.days, self.times, (start, end), limit)

    def count(self, start: int, end: int) -> int:
        """Return how many times there are, by arithmetic on the number of days."""
        (first, begin), (last, finish) = divmod(start, DAY), divmod(end, DAY)
        total = self.days.count(first, last) * len(self.times)
        if begin and self.days.at_or_after(first) == first:
            total -= bisect_left(self.times, begin)
        if finish and self.days.at_or_after(last) == last:
            total += bisect_left(self.times, finish)
        return total


class VaryingTimes(WallSet, Protocol):
    """Times that differ from day to day. A subclass says which days may have times, and what times they are."""

    @abstractmethod
    def next_day(self, day: int) -> int:
        """Return the first day at or after *day* that may have times; `NEVER` or more if there is none."""

    @abstractmethod
    def times_on(self, day: int) -> Sequence[int]:
        """Return the times of a day, ascending; there may be none."""

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall*."""
        day, time = divmod(wall, DAY)
        found = self.next_day(day)
        while found * DAY < END:
            times = self.times_on(found)
            at = bisect_left(times, time) if found == day else 0
            if at < len(times):
                return found * DAY + times[at]
            found = self.next_day(found + 1)
        return NO_WALL

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times from *start* up to *end* (excluded), at most *limit*."""
        found: list[int] = []
        day = self.next_day(start // DAY)
        while day * DAY < end and len(found) < limit:
            found += _on(day, self.times_on(day), (start, end))
            day = self.next_day(day + 1)
        return found[:limit]

    def count(self, start: int, end: int) -> int:
        """Return how many times there are, day by day."""
        total, day = 0, self.next_day(start // DAY)
        while day * DAY < end:
            times = self.times_on(day)
            total += bisect_left(times, end - day * DAY) - bisect_left(times, max(0, start - day * DAY))
            day = self.next_day(day + 1)
        return total


def even_days(days: DaySet, time: int, wall: int) -> range | None:
    """Return the walls at one time of day from *wall* on, if the days are each so many."""
    return even(days.step * DAY, days.phase * DAY + time, wall) if isinstance(days, EachDay) else None


def listed_by_day(days: DaySet, times: Sequence[int], ends: tuple[int, int], limit: int) -> list[int]:
    """Return the *times* on each of *days* within *ends* (from, up to), at most *limit*."""
    start, end = ends
    first, stop = start // DAY, -(-end // DAY)
    most = limit + len(times)  # those of the first day may lie before the start
    found: list[int] = []
    while (first := days.at_or_after(first)) < stop and len(found) < most:
        following = min(stop, first + _MANY_DAYS)
        for day in days.listed(first, following):
            base = day * DAY
            found += [base + time for time in times]
        first = following
    begin = bisect_left(found, start)
    return found[begin : min(bisect_left(found, end), begin + limit)]


@lru_cache(maxsize=256)
def times_of_day(hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]) -> tuple[int, ...]:
    """Return the seconds of the day that hours, minutes and seconds name together, ascending."""
    return tuple(hour * 3600 + minute * 60 + second for hour in hours for minute in minutes for second in seconds)


def _on(day: int, times: Sequence[int], ends: tuple[int, int]) -> list[int]:
    """Return the wall times of a day within *ends*."""
    base = day * DAY
    return [base + time for time in times if ends[0] <= base + time < ends[1]]


_MANY_DAYS: Final = 32
"""Days that are listed at a time, before there may be enough."""


@dataclass(frozen=True, slots=True)
class ListedWalls(WallSet):
    """The wall times of a list, ascending."""

    walls: tuple[int, ...]

    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall*."""
        at = bisect_left(self.walls, wall)
        return self.walls[at] if at < len(self.walls) else NO_WALL

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times from *start* up to *end* (excluded), at most *limit*."""
        begin = bisect_left(self.walls, start)
        return list(self.walls[begin : min(bisect_left(self.walls, end), begin + limit)])

    def count(self, start: int, end: int) -> int:
        """Return how many times there are."""
        return max(0, bisect_left(self.walls, end) - bisect_left(self.walls, start))
