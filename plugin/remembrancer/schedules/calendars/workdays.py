"""The schedule of kind `workdays`: business days, each of them or one in each week, month, quarter or year."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from remembrancer.schedules.calendars.named import whole_days
from remembrancer.schedules.phrases import date_words, ordinal_words, time_words, weekday_words
from remembrancer.schedules.value_fields import (
    WEEKDAYS,
    read_choice,
    read_dates,
    read_list,
    read_time_of_day,
    read_weekdays,
    read_whole,
)
from remembrancer.schedules.wall_schedule import WallSchedule, with_occurrence, zoned_walls
from remembrancer.schedules.walls.day_sets import WEEK, DaysByYear, WeekDays, day_of, week_days, weekday_of
from remembrancer.schedules.walls.day_times import DayTimes
from remembrancer.schedules.walls.stretches import WholeDays

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from remembrancer.model.plain_schedules import Workdays
    from remembrancer.model.schedule import Offset
    from remembrancer.schedules.walls.day_sets import DaySet

MOST_HOLIDAYS: Final = 10_000


class WorkdayPeriod(StrEnum):
    """The period that a place is counted in."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MOST_IN: Final = {WorkdayPeriod.WEEK: 7, WorkdayPeriod.MONTH: 31, WorkdayPeriod.QUARTER: 92, WorkdayPeriod.YEAR: 366}
_MONTHS_OF: Final = {WorkdayPeriod.MONTH: 1, WorkdayPeriod.QUARTER: 3, WorkdayPeriod.YEAR: 12}


@dataclass(frozen=True, slots=True)
class NthDays(DaysByYear):
    """The day at a place among the days of a set, in each period: the first is 1, the last -1."""

    days: WeekDays
    nth: int
    per: WorkdayPeriod

    def in_year(self, year: int) -> Iterator[int]:
        """Return the days of *year*, of each period that has as many."""
        begins, ends = day_of(year), day_of(year, 12, 31)
        for first, last in self._periods(year):
            rank, after = self.days.rank(first), self.days.rank(last)
            place = rank + self.nth - 1 if self.nth > 0 else after + self.nth
            if rank <= place < after and begins <= (day := self.days.select(place)) <= ends:
                yield day

    def _periods(self, year: int) -> Iterator[tuple[int, int]]:
        """Yield the first day of each period of a year, and the day after its last."""
        if self.per is WorkdayPeriod.WEEK:
            monday = day_of(year) - weekday_of(day_of(year))
            for first in range(monday, day_of(year, 12, 31) + 1, WEEK):
                yield first, first + WEEK
            return
        step = _MONTHS_OF[self.per]
        for month in range(1, 13, step):
            following = (year + 1, 1) if month + step > _MONTHS else (year, month + step)
            yield day_of(year, month), day_of(*following)


def workdays_schedule(value: Workdays, task_id: str) -> WallSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    return _parsed(value)


@lru_cache(maxsize=1024)
def _parsed(value: Workdays) -> WallSchedule:
    workdays = business_days(value)
    days: DaySet = workdays
    per = read_choice(WorkdayPeriod, value.per, "per")
    words = f"On each business day{week_words(workdays)}"
    if value.nth is not None:
        most = _MOST_IN[per]
        nth = read_whole(value.nth, "nth", -most, most, -1) or read_whole(value.nth, "nth", 1, most, 1)
        days = NthDays(workdays, nth, per)
        words = f"On the {ordinal_words(nth)} business day of the {per}{week_words(workdays)}"
    where = "" if value.nth is None else f" {value.nth} per {per}"
    normal = f"workdays{where} {normal_days(workdays)}"
    if value.at is None:
        made = WallSchedule(zoned_walls(value, WholeDays(days)), words, normal)
    else:
        time = read_time_of_day(value.at, "at")
        at = f"at {time_words(time)}"
        made = WallSchedule(zoned_walls(value, DayTimes(days, (time,))), f"{words}, {at}", f"{normal} {at}")
    return with_occurrence(made, "nth", value.nth, -1)


def business_days(value: Workdays | Offset) -> WeekDays:
    """Return the business days that a value names. Raises InvalidInput."""
    weekdays = read_weekdays(value.weekdays, "weekdays")
    return week_days(weekdays, _holidays(value))


def _holidays(value: Workdays | Offset) -> Sequence[int]:
    """Return the dates that a value names, and the whole days of its calendars. Raises InvalidInput."""
    given = read_list(value.holidays, "holidays", MOST_HOLIDAYS, ["2026-12-24"])
    if not value.calendars:
        return read_dates(given, "holidays", MOST_HOLIDAYS)
    known = {each.name: each for each in value.calendars}
    dates = read_dates(tuple(each for each in given if each not in known), "holidays", MOST_HOLIDAYS)
    return [*dates, *(day for name in known if name in given for day in whole_days(known[name]))]


def normal_days(days: WeekDays) -> str:
    """Return business days in their normal form."""
    week = ",".join(WEEKDAYS[day] for day in days.weekdays)
    return f"{week} without {','.join(map(date_words, days.without))}" if days.without else week


def week_words(days: WeekDays) -> str:
    """Return the days on which business is done in words, where they are not Monday to Friday, and the holidays."""
    week = "" if days.weekdays == _MONDAY_TO_FRIDAY else weekday_words(days.weekdays)
    count = len(days.without)
    out = f"without {count:,} holiday{'s' if count > 1 else ''}" if count else ""
    told = ", ".join(part for part in (week, out) if part)
    return f" ({told})" if told else ""


_MONTHS: Final = 12
_MONDAY_TO_FRIDAY: Final = (0, 1, 2, 3, 4)
