"""The days that a cron expression names, and the values that `H` stands for."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from croniter import croniter

from remembrancer.schedules.walls.day_sets import DaysByYear, day_of, weekday_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class CronDays(DaysByYear):
    """The days that match one of *patterns*: day of the month, month and weekday in their normal spelling.

    Standard cron: with both day fields restricted a day that suits either will do. As in Vixie's and Debian's
    cron, a field that begins with `*` (`*/2` too) does not widen the choice but narrows it.
    """

    patterns: tuple[DayPattern, ...]

    def in_year(self, year: int) -> Iterator[int]:
        """Return the days of *year* that match."""
        for month in range(1, 13):
            length = monthrange(year, month)[1]
            first = day_of(year, month)
            found = {day for pattern in self.patterns for day in pattern.in_month(month, length, weekday_of(first))}
            yield from (first + day - 1 for day in sorted(found))


@dataclass(frozen=True, slots=True)
class DayPattern:
    """Three fields that a day must all match; `*` matches every day."""

    day_of_month: str
    month: str
    day_of_week: str

    def in_month(self, month: int, length: int, begins_on: int) -> set[int]:
        """Return the days that match in a month of *length* days whose first is the weekday *begins_on* (0: Monday)."""
        months = _numbers(self.month, 1, 12)
        if month not in months:
            return set()
        every = set(range(1, length + 1))
        if self.day_of_month != "*":
            every &= _days_of_month(self.day_of_month, length, begins_on)
        if self.day_of_week != "*":
            every &= _days_of_week(self.day_of_week, length, begins_on)
        return every


def cron_days(day_of_month: str, month: str, day_of_week: str) -> CronDays | None:
    """Return the days that three fields name; None for every day."""
    if day_of_month == month == day_of_week == "*":
        return None
    if day_of_month.startswith("*") or day_of_week.startswith("*"):
        return CronDays((DayPattern(day_of_month, month, day_of_week),))
    return CronDays((DayPattern(day_of_month, month, "*"), DayPattern("*", month, day_of_week)))


@lru_cache(maxsize=4096)
def _days_of_month(field: str, length: int, begins_on: int) -> frozenset[int]:
    found: set[int] = set()
    for item in field.split(","):
        if item == "L":
            found.add(length)
        elif item.endswith("W"):
            found.add(_nearest_workday(int(item[:-1]), length, begins_on))
        else:
            found |= _numbers(item, 1, 31)
    return frozenset(found)


def _nearest_workday(day: int, length: int, begins_on: int) -> int:
    """Return the day from Monday to Friday that is nearest to *day*, or to the last, in the same month."""
    day = min(day, length)
    weekday = (begins_on + day - 1) % _WEEK
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day


@lru_cache(maxsize=4096)
def _days_of_week(field: str, length: int, begins_on: int) -> frozenset[int]:
    found: set[int] = set()
    for item in field.split(","):
        if item.startswith("L"):
            found.add(_weekdays_in(int(item[1:]), length, begins_on)[-1])
        elif "#" in item:
            weekday, _, place = item.partition("#")
            found.update(_weekdays_in(int(weekday), length, begins_on)[int(place) - 1 : int(place)])
        else:
            for weekday in _numbers(item, 0, 6):
                found.update(_weekdays_in(weekday, length, begins_on))
    return frozenset(found)


def _weekdays_in(weekday: int, length: int, begins_on: int) -> range:
    """Return the days of a month that are *weekday* (0: Sunday)."""
    return range((weekday - 1 - begins_on) % _WEEK + 1, length + 1, _WEEK)


@lru_cache(maxsize=4096)
def _numbers(field: str, low: int, high: int) -> frozenset[int]:
    """Return the values of a field of numbers, ranges and steps in its normal spelling."""
    found: set[int] = set()
    for item in field.split(","):
        matched = _RANGE.fullmatch(item)
        assert matched is not None, field  # noqa: S101 (the normal spelling has no other)
        first, last = (low, high) if matched["low"] == "*" else (int(matched["low"]), int(matched["high"] or 0))
        found.update(range(first, max(first, last) + 1, int(matched["step"] or 1)))
    return frozenset(found)


def hashed(field: str, index: int, key: str) -> tuple[int, ...]:
    """Return the values of an `H` field, chosen by a hash of *key*.

    Args:
        field: One field, such as `H(0-59)/15`, already known to be well formed.
        index: Its place: minute 0, hour 1, day of month 2, month 3, day of week 4, second 5.
        key: What the choice depends on: the same key always gets the same values.
    """
    fields = ["*"] * 6
    fields[index] = field
    # croniter publishes no types; its documented answer is (a list of values per field, nth weekdays).
    expanded = cast("tuple[list[list[Any]], object]", _CRONITER.expand(" ".join(fields), hash_id=key.encode()))
    values = expanded[0][index]
    return tuple(sorted(int(value) for value in values))


_WEEK: Final = 7
_SATURDAY, _SUNDAY = 5, 6
_RANGE: Final = re.compile(r"(?P<low>\*|[0-9]+)(?:-(?P<high>[0-9]+))?(?:/(?P<step>[0-9]+))?")
_CRONITER: Final = cast("Any", croniter)
"""croniter has no type information: it is `Any` here and nowhere else."""
LIBRARY: Final = croniter.__module__.partition(".")[0]
"""The library that computes `H`, and that the tests compare the days with."""


def reads_cron() -> bool:
    """Return whether the library gives the answers that every expression needs."""
    return bool(_CRONITER.is_valid("0 9 * * 1-5"))
