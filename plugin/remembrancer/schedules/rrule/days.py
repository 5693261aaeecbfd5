"""The days that a recurrence rule names."""

from __future__ import annotations

from calendar import isleap, monthrange
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from remembrancer.schedules.rrule.parts import DAILY, MONTHLY, WEEKLY, YEARLY
from remembrancer.schedules.walls.day_sets import WEEK, DaysByYear, EachDay, day_of, week_days, weekday_of, year_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from remembrancer.schedules.rrule.parts import RuleParts, Weekday
    from remembrancer.schedules.walls.day_sets import DaySet

ALL_MONTHS = tuple(range(1, 13))


@dataclass(frozen=True, slots=True)
class RuleDays(DaysByYear):
    """The days of a rule, each period counted from that of the day *begin*.

    Frequencies below the day name each day that the other parts leave: `freq` is DAILY then.
    """

    parts: RuleParts
    freq: int
    interval: int
    begin: int

    def in_year(self, year: int) -> list[int]:
        """Return the days of *year*."""
        if self.freq == YEARLY and (year - year_of(self.begin)) % self.interval:
            return []
        return [day for day in self._candidates(year) if self._is_in_turn(day)]

    def in_periods(self, year: int) -> Iterator[tuple[int, list[int]]]:
        """Yield the periods (weeks, months, the year) that have days in *year*, each with all its days."""
        days = self.in_year(year)
        if self.freq == WEEKLY:  # a week may begin in the year before, and end in that after
            first, last = day_of(year) - WEEK, day_of(year, 12, 31) + WEEK
            days = [*_from(self.in_year(year - 1), first), *days, *_up_to(self.in_year(year + 1), last)]
        for period, members in groupby(days, self.period_of):
            yield period, list(members)

    def period_of(self, day: int) -> int:
        """Return the number of the period that a day is in."""
        if self.freq == DAILY:
            return day
        if self.freq == WEEKLY:
            return (day - weekday_of(day - self.parts.wkst)) // WEEK
        return year_of(day) if self.freq == YEARLY else _month_of(day)

    def _is_in_turn(self, day: int) -> bool:
        """Return whether the interval reaches the period of a day."""
        if self.interval == 1 or self.freq == YEARLY:
            return True
        return (self.period_of(day) - self.period_of(self.begin)) % self.interval == 0

    def _candidates(self, year: int) -> list[int]:
        """Return the days that the parts with BY leave: of the narrowest part, those that suit all others."""
        parts = self.parts
        narrowed: list[set[int]] = []
        if parts.byyearday:
            narrowed.append(_year_days(year, parts.byyearday))
        if parts.bymonthday:
            narrowed.append(_month_days(year, parts.bymonth or ALL_MONTHS, parts.bymonthday))
        if parts.byweekno:
            narrowed.append(_week_days(year, parts.byweekno, parts.wkst))
        if parts.byday:
            narrowed.append(self._named_weekdays(year))
        if not narrowed:
            return sorted(_of_months(year, parts.bymonth or ALL_MONTHS))
        found = narrowed[0].intersection(*narrowed[1:])
        if parts.bymonth and not parts.bymonthday:
            found &= _of_months(year, parts.bymonth)
        return sorted(found)

    def _named_weekdays(self, year: int) -> set[int]:
        """Return the days of the weekdays, each of them, or those at their place of the month or year."""
        found: set[int] = set()
        first, last = day_of(year), day_of(year, 12, 31)
        months = self.parts.bymonth or ALL_MONTHS
        by_month = self.freq == MONTHLY or bool(self.parts.bymonth)
        for weekday in self.parts.byday:
            if weekday.place == 0:
                found.update(range(first + (weekday.day - weekday_of(first)) % WEEK, last + 1, WEEK))
            elif by_month:
                for month in months:
                    begin = day_of(year, month)
                    found.update(_at_place(weekday, begin, begin + monthrange(year, month)[1]))
            else:
                found.update(_at_place(weekday, first, last + 1))
        return found


def rule_days(parts: RuleParts, freq: int, interval: int, begin: int) -> DaySet:
    """Return the days of a rule, without regard to its times: by arithmetic where that is enough."""
    by = (parts.bymonth, parts.byweekno, parts.byyearday, parts.bymonthday)
    if not any(by) and freq == DAILY and not parts.byday:
        return EachDay(interval, begin % interval)
    if not any(by) and freq >= WEEKLY and interval == 1:
        return week_days(tuple(each.day for each in parts.byday), ())
    plain = replace(parts, count=None, until=None, bysetpos=(), byhour=(), byminute=(), bysecond=())
    return RuleDays(plain, freq, interval, begin)


def _at_place(weekday: Weekday, first: int, end: int) -> range:
    """Return the day of a weekday at its place from *first* up to *end*; none, if there are not as many."""
    days = range(first + (weekday.day - weekday_of(first)) % WEEK, end, WEEK)
    if weekday.place > 0:
        return days[weekday.place - 1 : weekday.place]
    return days[len(days) + weekday.place : len(days) + weekday.place + 1] if -weekday.place <= len(days) else days[:0]


def _of_months(year: int, months: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for month in months:
        begin = day_of(year, month)
        found.update(range(begin, begin + monthrange(year, month)[1]))
    return found


def _month_days(year: int, months: Iterable[int], days: tuple[int, ...]) -> set[int]:
    """Return days of the months: counted from the end where they are negative."""
    found: set[int] = set()
    for month in months:
        length = monthrange(year, month)[1]
        begin = day_of(year, month)
        found.update(begin + (day - 1 if day > 0 else length + day) for day in days if -length <= day <= length)
    return found


def _year_days(year: int, days: tuple[int, ...]) -> set[int]:
    length = 366 if isleap(year) else 365
    begin = day_of(year)
    return {begin + (day - 1 if day > 0 else length + day) for day in days if -length <= day <= length}


def _week_days(year: int, numbers: tuple[int, ...], wkst: int) -> set[int]:
    """Return the days of *year* in weeks of these numbers; the weeks at its ends may belong to the years beside it."""
    found: set[int] = set()
    for owner in (year - 1, year, year + 1):
        first, following = _first_week(owner, wkst), _first_week(owner + 1, wkst)
        weeks = (following - first) // WEEK
        for number in numbers:
            place = number - 1 if number > 0 else weeks + number
            if 0 <= place < weeks:
                found.update(range(first + place * WEEK, first + (place + 1) * WEEK))
    begin, end = day_of(year), day_of(year, 12, 31)
    return {day for day in found if begin <= day <= end}


def _first_week(year: int, wkst: int) -> int:
    """Return the first day of week 1: the first week with at least four days in the year."""
    fourth = day_of(year, 1, 4)
    return fourth - (weekday_of(fourth) - wkst) % WEEK


def _month_of(day: int) -> int:
    """Return the number of the month that a day is in, counted from the year 0."""
    year = year_of(day)
    low, high = 1, 12
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if day_of(year, middle) <= day else (low, middle - 1)
    return year * 12 + low


def _from(days: list[int], first: int) -> list[int]:
    return [day for day in days if day >= first]


def _up_to(days: list[int], last: int) -> list[int]:
    return [day for day in days if day <= last]
