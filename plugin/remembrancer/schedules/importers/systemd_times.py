"""Times of systemd: calendar events (`OnCalendar=`) and time spans."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Gap
from remembrancer.schedules.importers.calendar_fields import (
    DAYS,
    HOURS,
    LAST_YEAR,
    MONTHS,
    SIXTY,
    WEEKDAYS,
    CalendarFields,
)
from remembrancer.schedules.importers.entries import Refused
from remembrancer.schedules.parsing import read_zone


def read_calendar(text: str, zone: str) -> CalendarFields:
    """Return the fields of a calendar event; *zone* applies unless the text names one. Raises Refused."""
    words = text.split()
    if len(words) > 1 and (named := _zone(words[-1])):
        zone, words = named, words[:-1]
    if len(words) == 1 and (spelled := SHORTHANDS.get(words[0].lower())):
        words = spelled.split()
    if len(words) == 1 and words[0].startswith("@"):
        return _of_seconds(text, words[0][1:])
    weekdays, words = _weekdays(text, words)
    if len(words) > 2 or (not words and weekdays is None):  # noqa: PLR2004 (a date and a time)
        raise _wrong(text)
    time = words.pop() if words and ":" in words[-1] else "00:00:00"
    years, months, days = _date(text, words[0] if words else "*-*-*")
    hours, minutes, seconds = _time(text, time)
    return CalendarFields(
        years=years,
        months=months,
        days=days,
        weekdays=WEEKDAYS if weekdays is None else weekdays,
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        timezone=zone,
        gap=Gap.SKIP,
    )


def read_span(text: str) -> int:
    """Return a time span, such as `1h 30min`, in seconds. Raises Refused."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise Refused(f"{text!r} is no time span")
    total = 0.0
    for number, unit in _PART.findall(text):
        size = UNITS.get(unit if unit in {"M", "m"} else unit.lower())
        if size is None:
            raise Refused(f"{unit!r} in {text!r} is no unit of time")
        total += float(number) * size
    if total != int(total):
        raise Refused(f"{text!r} is no whole number of seconds")
    return int(total)


def _zone(word: str) -> str | None:
    """Return the zone that the last word names; None if it names none."""
    if (
        ":" in word
        or not word[0].isalpha()
        or word.lower() in SHORTHANDS
        or _weekday(word.partition(",")[0]) is not None
    ):
        return None
    if _RANGE_OF_DAYS.match(word):
        return None
    try:
        return read_zone(word)
    except InvalidInput:
        raise Refused(f"{word!r} is neither a zone nor a time") from None


def _of_seconds(text: str, digits: str) -> CalendarFields:
    """Return the fields of `@1700000000`, seconds since 1970."""
    if not digits.isdigit() or len(digits) > _LONGEST_SECONDS:
        raise _wrong(text)
    at = datetime.fromtimestamp(int(digits), UTC)
    one = [frozenset((value,)) for value in (at.year, at.month, at.day, at.hour, at.minute, at.second)]
    years, months, days, hours, minutes, seconds = one
    return CalendarFields(years=years, months=months, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _weekdays(text: str, words: list[str]) -> tuple[frozenset[int] | None, list[str]]:
    """Return the weekdays that the first word lists, None for none, and the other words."""
    if not words or not words[0][0].isalpha():
        return None, words
    found: set[int] = set()
    for item in words[0].strip(",").split(","):
        ends = [_weekday(name) for name in re.split(r"\.\.|-", item)]
        first, last = ends[0], ends[-1]
        if len(ends) > 2 or first is None or last is None or first > last:  # noqa: PLR2004 (both ends)
            raise _wrong(text)
        found.update(range(first, last + 1))
    return frozenset(found), words[1:]


def _weekday(name: str) -> int | None:
    lowered = name.lower()
    return next((place for place, full in enumerate(_DAY_NAMES) if lowered in {full, full[:3]}), None)


def _date(text: str, date: str) -> tuple[frozenset[int] | None, frozenset[int], frozenset[int]]:
    """Return years, months and days of `Y-M-D`, `M-D` or, counted from the end of the month, `Y-M~D`."""
    rest, from_end, day = date.rpartition("~")
    if not from_end:
        rest, _, day = date.rpartition("-")
    parts = rest.split("-") if rest else []
    if len(parts) not in {1, 2}:
        raise _wrong(text)
    year = parts[0] if len(parts) == 2 else "*"  # noqa: PLR2004 (a year before the month)
    years = None if year == "*" else frozenset(map(_full_year, _values(text, year, range(LAST_YEAR + 1))))
    months = MONTHS if parts[-1] == "*" else _values(text, parts[-1], range(1, 13))
    if day == "*":
        return years, months, DAYS
    if not from_end:
        return years, months, _values(text, day, range(1, 32))
    return years, months, frozenset(-value for value in _from_end(text, day))


def _from_end(text: str, day: str) -> frozenset[int]:
    """Return places counted from the end of the month; `~7/1` steps towards the end."""
    found: set[int] = set()
    for item in day.split(","):
        start, slash, step = item.partition("/")
        if slash and ".." not in start:
            if not (start.isdigit() and step.isdigit() and 0 < int(start) < 32 and int(step)):  # noqa: PLR2004 (a day)
                raise _wrong(text)
            found.update(range(int(start), 0, -int(step)))
        else:
            found |= _values(text, item, range(1, 32))
    return frozenset(found)


def _full_year(year: int) -> int:
    """Return a year of two digits with its century."""
    if year < 70:  # noqa: PLR2004 (as strptime does)
        return 2000 + year
    return 1900 + year if year < 100 else year  # noqa: PLR2004


def _time(text: str, time: str) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    parts = time.split(":")
    if len(parts) not in {2, 3}:
        raise _wrong(text)
    second = parts[2] if len(parts) == 3 else "0"  # noqa: PLR2004 (the seconds)
    if re.search(r"(?<!\.)\.(?!\.)", second):
        if (whole := re.fullmatch(r"([0-9]+)\.0+", second)) is None:
            raise Refused(f"{text!r} names parts of a second")
        second = whole[1]
    hours = HOURS if parts[0] == "*" else _values(text, parts[0], range(24))
    minutes = SIXTY if parts[1] == "*" else _values(text, parts[1], range(60))
    return hours, minutes, SIXTY if second == "*" else _values(text, second, range(60))


def _values(text: str, field: str, allowed: range) -> frozenset[int]:
    """Return the numbers of a field: a list of `5`, `1..5`, `0/15`, `1..9/2`."""
    found: set[int] = set()
    for item in field.split(","):
        parts = _ITEM.fullmatch(item)
        if parts is None:
            raise _wrong(text)
        low = int(parts["low"])
        step = int(parts["step"] or 1)
        high = int(parts["high"]) if parts["high"] else allowed[-1] if parts["step"] else low
        if low not in allowed or high not in allowed or high < low or not step:
            raise _wrong(text)
        found.update(range(low, high + 1, step))
    return frozenset(found)


def _wrong(text: str) -> Refused:
    return Refused(
        f"OnCalendar={text} is no calendar event: weekdays, a date, a time of day, such as Mon *-*-* 09:00:00"
    )


SHORTHANDS: Final = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    **dict.fromkeys(("yearly", "annually", "anually"), "*-01-01 00:00:00"),
    "quarterly": "*-01,04,07,10-01 00:00:00",
    **dict.fromkeys(("semiannually", "semi-annually", "biannually", "bi-annually"), "*-01,07-01 00:00:00"),
}
"""Words for calendar events."""
UNITS: Final = {
    "": 1.0,
    **dict.fromkeys(("usec", "us", "µs", "μs"), 1e-6),
    **dict.fromkeys(("msec", "ms"), 1e-3),
    **dict.fromkeys(("seconds", "second", "sec", "s"), 1.0),
    **dict.fromkeys(("minutes", "minute", "min", "m"), 60.0),
    **dict.fromkeys(("hours", "hour", "hr", "h"), 3600.0),
    **dict.fromkeys(("days", "day", "d"), 86_400.0),
    **dict.fromkeys(("weeks", "week", "w"), 604_800.0),
    **dict.fromkeys(("months", "month", "M"), 2_629_800.0),
    **dict.fromkeys(("years", "year", "y"), 31_557_600.0),
}
"""Seconds of the units of time spans."""
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµμ]*)")
_SPAN: Final = re.compile(rf"(?:{_PART.pattern}\s*)+")
_ITEM: Final = re.compile(r"(?P<low>[0-9]{1,4})(?:\.\.(?P<high>[0-9]{1,4}))?(?:/(?P<step>[0-9]{1,4}))?")
_DAY_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_RANGE_OF_DAYS: Final = re.compile(r"[A-Za-z]+(?:\.\.|-)[A-Za-z]+$")
_LONGEST_SECONDS: Final = 10
