"""A recurrence rule in English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.schedules.phrases import MONTH_NAMES, every_words, listed, ordinal_words, time_words, weekday_words
from remembrancer.schedules.rrule.parts import DAY_NAMES, FREQUENCIES, MONTHLY, SECONDLY
from remembrancer.schedules.value_fields import WEEKDAY_NAMES

if TYPE_CHECKING:
    from remembrancer.schedules.rrule.parts import RuleParts

_UNITS: Final = ("year", "month", "week", "day", "hour", "minute", "second")
_FEW: Final = 6


def describe(parts: RuleParts, times: tuple[int, ...]) -> str:
    """Return a rule in English; *times* are its times of day, or empty for a rule by the hour, minute or second."""
    told = [every_words(parts.interval, _UNITS[parts.freq]), *_days(parts), *_times(parts, times)]
    if parts.bysetpos:
        places = listed([ordinal_words(place) for place in parts.bysetpos])
        told.append(f"of these the {places} in each {_UNITS[parts.freq]}")
    return ", ".join(told)


def normal_form(parts: RuleParts) -> str:
    """Return a rule with its parts in their order, without those that say what goes without saying."""
    by = {
        "BYMONTH": parts.bymonth,
        "BYWEEKNO": parts.byweekno,
        "BYYEARDAY": parts.byyearday,
        "BYMONTHDAY": parts.bymonthday,
        "BYDAY": tuple(f"{each.place or ''}{DAY_NAMES[each.day]}" for each in parts.byday),
        "BYHOUR": parts.byhour,
        "BYMINUTE": parts.byminute,
        "BYSECOND": parts.bysecond,
        "BYSETPOS": parts.bysetpos,
    }
    told = [f"FREQ={FREQUENCIES[parts.freq]}"]
    told += [f"INTERVAL={parts.interval}"] if parts.interval > 1 else []
    told += [f"{name}={','.join(map(str, values))}" for name, values in by.items() if values]
    told += [f"WKST={DAY_NAMES[parts.wkst]}"] if parts.wkst else []
    told += [f"COUNT={parts.count}"] if parts.count is not None else []
    return ";".join(told + ([f"UNTIL={parts.until}"] if parts.until is not None else []))


def _days(parts: RuleParts) -> list[str]:
    told: list[str] = []
    if parts.byday:
        each = [place.day for place in parts.byday if place.place == 0]
        at = [f"the {ordinal_words(place.place)} {WEEKDAY_NAMES[place.day]}" for place in parts.byday if place.place]
        where = "month" if parts.freq == MONTHLY or parts.bymonth else "year"
        names = [weekday_words(each)] if each else []
        names += [f"{listed(at)} of the {where}"] if at else []
        told.append(f"on {' and '.join(names)}")
    told += [f"on {_numbers('day', parts.bymonthday)} of the month"] if parts.bymonthday else []
    told += [f"on {_numbers('day', parts.byyearday)} of the year"] if parts.byyearday else []
    told += [f"in {_numbers('week', parts.byweekno)} of the year"] if parts.byweekno else []
    told += [f"in {listed([MONTH_NAMES[month - 1] for month in parts.bymonth])}"] if parts.bymonth else []
    return told


def _times(parts: RuleParts, times: tuple[int, ...]) -> list[str]:
    if times and len(times) <= _FEW:
        return [f"at {listed([time_words(each) for each in times])}"]
    told: list[str] = []
    told += [f"at {_plain('hour', parts.byhour)}"] if parts.byhour else []
    told += [f"at {_plain('minute', parts.byminute)}"] if parts.byminute and parts.freq != SECONDLY else []
    told += [f"in {_plain('minute', parts.byminute)}"] if parts.byminute and parts.freq == SECONDLY else []
    return told + ([f"at {_plain('second', parts.bysecond)}"] if parts.bysecond else [])


def _numbers(unit: str, values: tuple[int, ...]) -> str:
    """Return numbers: "day 1", "days 1 and 15", "the last day", "day 1 and the last day"."""
    forward = [value for value in values if value > 0]
    told = [_plain(unit, tuple(forward))] if forward else []
    told += [f"the {ordinal_words(value)} {unit}" for value in values if value < 0]
    return listed(told)


def _plain(unit: str, values: tuple[int, ...]) -> str:
    return f"{unit}{'s' if len(values) > 1 else ''} {listed([str(value) for value in values])}"
