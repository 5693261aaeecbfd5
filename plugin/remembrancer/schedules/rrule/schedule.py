"""The schedule of kind `rrule`: a recurrence rule of RFC 5545."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.phrases import date_words, wall_words
from remembrancer.schedules.rrule.days import RuleDays, rule_days
from remembrancer.schedules.rrule.parts import (
    DAILY,
    HOURLY,
    MINUTELY,
    SECONDLY,
    WEEKLY,
    YEARLY,
    RuleParts,
    Weekday,
    read_parts,
    taken_apart,
    wrong,
)
from remembrancer.schedules.rrule.times import PlacesInPeriods, UnitsOfDay, WallsWithin
from remembrancer.schedules.rrule.words import describe, normal_form
from remembrancer.schedules.value_fields import is_date, read_choice, read_wall_in
from remembrancer.schedules.wall_schedule import WallSchedule
from remembrancer.schedules.walls.day_sets import weekday_of
from remembrancer.schedules.walls.day_times import DayTimes, times_of_day
from remembrancer.schedules.walls.steps import FEW, at_most
from remembrancer.schedules.walls.wall_set import DAY, END, NO_WALL, WallSet
from remembrancer.schedules.zone_offsets import DERIVED
from remembrancer.schedules.zoned_walls import ZonedWalls

if TYPE_CHECKING:
    from remembrancer.model.plain_schedules import RRule


def rrule_schedule(value: RRule, task_id: str) -> WallSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    return _parsed(value)


@lru_cache(maxsize=4096)
def _parsed(value: RRule) -> WallSchedule:
    text = taken_apart(value.rule)
    zone = _zone(value, text.zone)
    start, is_day = _start(value, text.start, zone)
    parts = read_parts(value.rule, text.parts)
    end = NO_WALL if parts.until is None else _until(value, parts.until, zone, is_day=is_day or start is None) + 1
    if start is None:
        _check_alone(value, parts)
    full, begin = _completed(parts, start or 0), start or 0
    walls, times = _walls(value, full, begin)
    if parts.count is not None:
        end = _after_count(value, walls, begin, parts.count)
    within = WallsWithin(walls, begin, end) if begin or end < NO_WALL else walls
    if within.at_or_after(0) >= NO_WALL:
        raise wrong(value.rule, "a rule that names a date: this one would never fire")
    gap, fold = read_choice(Gap, value.gap, "gap"), read_choice(Fold, value.fold, "fold")
    zoned = ZonedWalls(timezone=zone, gap=gap, fold=fold, is_interval=parts.freq >= HOURLY, walls=within)
    words = describe(full, times) + _bounds_words(parts, start, end)
    normal = normal_form(parts) + (f" from {wall_words(start)}" if start is not None else "")
    return WallSchedule(zoned, words, normal, ends=end < NO_WALL)


def _zone(value: RRule, named: str | None) -> str:
    """Return the zone of a rule: that of its DTSTART, or the value's."""
    zone = read_zone(value.timezone)
    if named is None or named == zone:
        return zone
    if zone != "UTC":
        raise wrong(value.rule, f"a TZID that is the timezone of the schedule, {zone}, or none")
    return read_zone(named)


def _start(value: RRule, given: str | None, zone: str) -> tuple[int | None, bool]:
    """Return the wall time at which a rule begins, and whether it is a date; None without one."""
    if given is not None and value.start is not None:
        raise InvalidInput("start", value.start, "no value beside a rule with a DTSTART of its own", None)
    if given is not None:
        return _read_time(value, "DTSTART", given, zone), len(given.strip()) == _DATE_LENGTH
    if value.start is None:
        return None, False
    return read_wall_in(value.start, "start", zone), is_date(value.start)


def _until(value: RRule, given: str, zone: str, *, is_day: bool) -> int:
    """Return the last wall time of a rule."""
    if len(given) != _DATE_LENGTH:
        return _read_time(value, "UNTIL", given, zone)
    if not is_day:
        allowed = "UNTIL with a time, as DTSTART has one: whether the day itself is meant would not be known"
        mended = str(value.rule).upper().replace(f"UNTIL={given}", f"UNTIL={given}T235959")
        raise wrong(value.rule, allowed, mended)
    return _read_time(value, "UNTIL", given, zone) + DAY - 1


def _read_time(value: RRule, name: str, given: str, zone: str) -> int:
    """Return a date or a time of RFC 5545, or of ISO 8601, as a wall time; one in UTC as the zone's clock shows it."""
    found = _DATE.fullmatch(given.strip())
    text = f"{found[1]}-{found[2]}-{found[3]}" if found else given.strip()
    try:
        return read_wall_in(text, "rule", zone)
    except InvalidInput:
        raise wrong(value.rule, f"{name}: a time such as 20260306T090000, or 20260306T080000Z") from None


def _check_alone(value: RRule, parts: RuleParts) -> None:
    """Refuse a rule that has no start, and takes something from it."""
    needs = ""
    if parts.count is not None:
        needs = "COUNT is counted from"
    elif parts.interval > 1:
        needs = "INTERVAL is counted from"
    elif parts.freq <= WEEKLY and not (parts.byday or parts.bymonthday or parts.byyearday):
        needs = "the day is taken from"
    elif parts.freq == YEARLY and not (parts.bymonth or parts.byyearday or parts.byweekno or parts.byday):
        needs = "the month is taken from"
    elif parts.freq <= DAILY and not parts.byhour:
        needs = "the time of day is taken from"
    if needs:
        raise wrong(value.rule, f"a DTSTART, or start, which {needs}")


def _completed(parts: RuleParts, start: int) -> RuleParts:
    """Return the parts with what a rule takes from its start."""
    day, time = divmod(start, DAY)
    filled = parts
    if parts.freq < HOURLY and not parts.byhour:
        filled = replace(filled, byhour=(time // 3600,))
    if parts.freq < MINUTELY and not parts.byminute:
        filled = replace(filled, byminute=(time // 60 % 60,))
    if parts.freq < SECONDLY and not parts.bysecond:
        filled = replace(filled, bysecond=(time % 60,))
    if parts.freq > WEEKLY or parts.byday or parts.bymonthday or parts.byyearday:
        return filled
    if parts.freq == WEEKLY or parts.byweekno:
        return replace(filled, byday=(Weekday(0, weekday_of(day)),))
    month, month_day = map(int, date_words(day).split("-")[1:])
    filled = replace(filled, bymonthday=(month_day,))
    return replace(filled, bymonth=(month,)) if parts.freq == YEARLY and not parts.bymonth else filled


def _walls(value: RRule, parts: RuleParts, begin: int) -> tuple[WallSet, tuple[int, ...]]:
    """Return the wall times of complete parts, without the bounds; and the times of day, if all days have the same."""
    if parts.freq >= HOURLY:
        return _units(value, parts, begin), ()
    times = times_of_day(parts.byhour, parts.byminute, parts.bysecond)
    days = rule_days(parts, parts.freq, parts.interval, begin // DAY)
    if not parts.bysetpos:
        return DayTimes(days, times), times
    if parts.freq == DAILY:
        times = _at_places(times, parts.bysetpos)
        if not times:
            raise wrong(value.rule, "a place in BYSETPOS that there is: the day has fewer times")
        return DayTimes(days, times), times
    periods = RuleDays(replace(parts, count=None, until=None), parts.freq, parts.interval, begin // DAY)
    return PlacesInPeriods(periods, times, parts.bysetpos), times


def _units(value: RRule, parts: RuleParts, begin: int) -> WallSet:
    """Return the wall times of a rule by the hour, minute or second."""
    unit = {HOURLY: 3600, MINUTELY: 60, SECONDLY: 1}[parts.freq]
    offsets = {
        HOURLY: times_of_day((0,), parts.byminute, parts.bysecond),
        MINUTELY: parts.bysecond,
        SECONDLY: (0,),
    }[parts.freq]
    offsets = _at_places(offsets, parts.bysetpos) if parts.bysetpos else offsets
    allowed = _allowed(parts)
    per_day = DAY // unit
    whole, interval = (1, parts.interval)
    if parts.interval % per_day == 0:
        whole, interval = parts.interval // per_day, per_day
    anchor = begin // unit
    shared = gcd(interval, per_day)
    if not offsets or not any((each // unit - anchor) % shared == 0 for each in allowed or range(0, DAY, unit)):
        raise wrong(value.rule, "a rule that names a time: this interval never comes to one of these hours or minutes")
    days = rule_days(parts, DAILY, whole, begin // DAY)
    return UnitsOfDay(days, unit, interval, anchor, allowed, offsets)


def _allowed(parts: RuleParts) -> frozenset[int]:
    """Return the seconds of the day at which a unit may begin; empty for all."""
    given = [parts.byhour]
    given += [parts.byminute] if parts.freq >= MINUTELY else []
    given += [parts.bysecond] if parts.freq == SECONDLY else []
    if not any(given):
        return frozenset()
    hours = parts.byhour or tuple(range(24))
    minutes = (parts.byminute or tuple(range(60))) if parts.freq >= MINUTELY else (0,)
    seconds = (parts.bysecond or tuple(range(60))) if parts.freq == SECONDLY else (0,)
    return frozenset(times_of_day(hours, minutes, seconds))


def _at_places(times: tuple[int, ...], places: tuple[int, ...]) -> tuple[int, ...]:
    count = len(times)
    found = {place - 1 if place > 0 else count + place for place in places}
    return tuple(times[at] for at in sorted(found) if 0 <= at < count)


def _after_count(value: RRule, walls: WallSet, begin: int, count: int) -> int:
    """Return the wall time after the last of *count*, which is found by counting, not by listing."""
    first = walls.at_or_after(begin)
    low, high = first, first + DAY
    try:
        with at_most(2 * FEW):
            while walls.count(first, high) < count:
                if high >= END:
                    return NO_WALL
                low, high = high, first + (high - first) * 2
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if walls.count(first, middle) >= count else (middle, high)
    except InvalidInput:
        raise wrong(value.rule, "UNTIL in place of this COUNT, which is reached too late to be counted") from None
    return high


def _bounds_words(parts: RuleParts, start: int | None, end: int) -> str:
    told = f", from {wall_words(start)}" if start is not None else ""
    if parts.count is not None:
        return f"{told}, {'once' if parts.count == 1 else f'{parts.count:,} times'}"
    return f"{told}, until {wall_words(end - 1)}" if parts.until is not None else told


_DATE_LENGTH: Final = 8
_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
DERIVED.append(_parsed.cache_clear)
