"""ISO-8601 dates and times, read strictly, and the same on every version of Python."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final


def read_stamp(text: str) -> datetime | None:
    """Return the date and time in *text*, without a zone if it names no offset; None if it is no date and time.

    Date and time are both extended (`2026-08-15T09:00:00.5+02:00`) or both basic (`20260815T090000+0200`), the offset
    either; the date may be one of weeks (`2026-W33-6`), minutes and seconds may be left out, and a fraction is of the
    second.
    """
    found = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)
    if found is None:
        return None
    try:
        return _moment(found)
    except ValueError:  # a 30th of February, an hour 24
        return None


def _moment(found: re.Match[str]) -> datetime:
    day = _day(found)
    micro = int((found["fraction"] or "0").ljust(_MICROS, "0")[:_MICROS])
    second = datetime(*day, int(found["hour"]), int(found["minute"] or 0), int(found["second"] or 0), micro)  # noqa: DTZ001 (the zone follows)
    if found["zone"] is None:
        return second
    return second.replace(tzinfo=_offset(found))


def _day(found: re.Match[str]) -> tuple[int, int, int]:
    year = int(found["year"])
    if found["week"] is None:
        return year, int(found["month"]), int(found["day"])
    date = datetime.fromisocalendar(year, int(found["week"]), int(found["weekday"]))
    return date.year, date.month, date.day


def _offset(found: re.Match[str]) -> timezone:
    """Return the offset. Raises ValueError if its minutes exceed 59, or it is a day or more."""
    hours, minutes = int(found["offset_hour"] or 0), int(found["offset_minute"] or 0)
    if minutes >= _MINUTES:
        raise ValueError(minutes)
    length = timedelta(hours=hours, minutes=minutes)
    return timezone(-length if found["sign"] == "-" else length)


_MICROS: Final = 6
_MINUTES: Final = 60
_EXTENDED: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?:(?P<month>[0-9]{2})-(?P<day>[0-9]{2})|W(?P<week>[0-9]{2})-(?P<weekday>[1-7]))[T ]"
    r"(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?"
    r"(?P<zone>Z|(?P<sign>[+-])(?P<offset_hour>[0-9]{2})(?::?(?P<offset_minute>[0-9]{2}))?)?",
    re.IGNORECASE,
)
_BASIC: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?P<day>[0-9]{2})|W(?P<week>[0-9]{2})(?P<weekday>[1-7]))[T ]"
    r"(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?"
    r"(?P<zone>Z|(?P<sign>[+-])(?P<offset_hour>[0-9]{2})(?::?(?P<offset_minute>[0-9]{2}))?)?",
    re.IGNORECASE,
)
