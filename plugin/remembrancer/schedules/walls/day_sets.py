"""Sets of days, as days since 1970-01-01: each year's days are computed once, in ascending order."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from remembrancer.schedules.walls.wall_set import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ORDINAL_OF_1970: Final = 719_163
"""1970-01-01 as `date.toordinal` counts days."""
LAST_YEAR: Final = 2399
WEEK: Final = 7


class DaySet(Protocol):
    """A set of days. Pure and immutable."""

    @abstractmethod
    def at_or_after(self, day: int) -> int:
        """Return the first day of the set at or after *day*; `NEVER` if there is none before the year 2400."""

    @abstractmethod
    def count(self, first: int, last: int) -> int:
        """Return how many days there are from *first* up to *last* (excluded)."""

    @abstractmethod
    def listed(self, first: int, last: int) -> Sequence[int]:
        """Return the days from *first* up to *last* (excluded)."""


@dataclass(frozen=True, slots=True)
class EachDay(DaySet):
    """Each *step* days, with *phase* the remainder of a day of the set: every day, or one in so many."""

    step: int = 1
    phase: int = 0

    def at_or_after(self, day: int) -> int:
        """Return the first day at or after *day*."""
        return day + (self.phase - day) % self.step

    def count(self, first: int, last: int) -> int:
        """Return how many days there are, by arithmetic."""
        return max(0, (last - 1 - self.phase) // self.step - (first - 1 - self.phase) // self.step)

    def listed(self, first: int, last: int) -> Sequence[int]:
        """Return the days."""
        return range(self.at_or_after(first), last, self.step)


class DaysByYear(DaySet, Protocol):
    """A set of days that is computed year by year. A subclass is hashable, and says what a year has."""

    @abstractmethod
    def in_year(self, year: int) -> Iterable[int]:
        """Return the days of *year* that belong to the set, ascending."""

    def at_or_after(self, day: int) -> int:
        """Return the first day at or after *day*."""
        year = year_of(day)
        while year <= LAST_YEAR:
            days = _days_of(self, year)
            at = bisect_left(days, day)
            if at < len(days):
                return days[at]
            year += 1
        return NEVER

    def count(self, first: int, last: int) -> int:
        """Return how many days there are, year by year."""
        if first >= last:
            return 0
        total = 0
        for year in range(year_of(first), min(year_of(last - 1), LAST_YEAR) + 1):
            days = _days_of(self, year)
            total += bisect_left(days, last) - bisect_left(days, first)
        return total

    def listed(self, first: int, last: int) -> Sequence[int]:
        """Return the days, year by year."""
        found: array[int] = array("l")
        if first < last:
            for year in range(year_of(first), min(year_of(last - 1), LAST_YEAR) + 1):
                days = _days_of(self, year)
                found += days[bisect_left(days, first) : bisect_left(days, last)]
        return found


@lru_cache(maxsize=8192)
def _days_of(days: DaysByYear, year: int) -> array[int]:
    """Return the days of one year: at most 3 kB."""
    return array("l", days.in_year(year))


@dataclass(frozen=True, slots=True)
class ListedDays(DaySet):
    """The days of a list, ascending."""

    days: tuple[int, ...]

    def at_or_after(self, day: int) -> int:
        """Return the first day at or after *day*."""
        at = bisect_left(self.days, day)
        return self.days[at] if at < len(self.days) else NEVER

    def count(self, first: int, last: int) -> int:
        """Return how many days there are."""
        return max(0, bisect_left(self.days, last) - bisect_left(self.days, first))

    def listed(self, first: int, last: int) -> Sequence[int]:
        """Return the days."""
        return self.days[bisect_left(self.days, first) : bisect_left(self.days, last)]


def year_of(day: int) -> int:
    """Return the year of a day; 2400 for any that is later than 2399."""
    if day >= _AFTER:
        return LAST_YEAR + 1
    return date.fromordinal(max(1, day + ORDINAL_OF_1970)).year


def day_of(year: int, month: int = 1, day: int = 1) -> int:
    """Return a date as a day."""
    return date(year, month, day).toordinal() - ORDINAL_OF_1970


def weekday_of(day: int) -> int:
    """Return the weekday of a day: 0 is Monday."""
    return (day + 3) % WEEK


_AFTER: Final = day_of(LAST_YEAR + 1)
EVERY_DAY: Final = EachDay()


@dataclass(frozen=True, slots=True)
class WeekDays(DaySet):
    """The days that are one of some weekdays, 0 for Monday, without those of a list."""

    weekdays: tuple[int, ...]
    without: tuple[int, ...] = ()

    def at_or_after(self, day: int) -> int:
        """Return the first day at or after *day*."""
        return self.select(self.rank(day))

    def count(self, first: int, last: int) -> int:
        """Return how many days there are, by arithmetic."""
        return max(0, self.rank(last) - self.rank(first))

    def listed(self, first: int, last: int) -> Sequence[int]:
        """Return the days."""
        named, out = set(self.weekdays), set(self.without) if self.without else ()
        return [day for day in range(first, last) if (day + 3) % WEEK in named and day not in out]

    def rank(self, day: int) -> int:
        """Return how many days of the set there are before *day*, counted from a Monday in 1970."""
        return self._named(day) - bisect_left(self.without, day)

    def select(self, rank: int) -> int:
        """Return the day of a rank: the one before which there are so many."""
        low = high = self._of_rank(rank)
        while self.rank(high + 1) <= rank:
            high = self._of_rank(rank + bisect_left(self.without, high + 1))
        while low < high:
            middle = (low + high) // 2
            if self.rank(middle + 1) > rank:
                high = middle
            else:
                low = middle + 1
        return low

    def _named(self, day: int) -> int:
        """Return how many days before *day* have one of the weekdays, counted from Monday, 1970-01-05."""
        weeks, weekday = divmod(day - _FIRST_MONDAY, WEEK)
        return weeks * len(self.weekdays) + bisect_left(self.weekdays, weekday)

    def _of_rank(self, rank: int) -> int:
        """Return the day of a rank, where no day is left out."""
        weeks, place = divmod(rank, len(self.weekdays))
        return _FIRST_MONDAY + weeks * WEEK + self.weekdays[place]


def week_days(weekdays: tuple[int, ...], without: Sequence[int]) -> WeekDays:
    """Return the days that are one of *weekdays*, without those in *without*."""
    return WeekDays(weekdays, tuple(sorted({day for day in without if weekday_of(day) in weekdays})))


_FIRST_MONDAY: Final = 4
