"""The fields of a schedule's value, read strictly: lengths of time, times of day, dates, weekdays, numbers, choices."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.iso_timestamps import read_stamp
from remembrancer.schedules.walls.day_sets import ORDINAL_OF_1970, WEEK
from remembrancer.schedules.walls.wall_set import DAY
from remembrancer.schedules.zone_offsets import span_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

_Choice = TypeVar("_Choice", bound=StrEnum)


def read_length(value: object, field: str, example: str) -> int:
    """Return a length of time in seconds: `90s`, `1h30m`, `-2d`. Raises InvalidInput."""
    found = _LENGTH.fullmatch(value.strip().lower()) if isinstance(value, str) and len(value) <= _LONGEST else None
    if found is None or not any(found[unit] for unit in _UNITS):
        raise InvalidInput(field, value, "a length of time in w, d, h, m and s", example)
    seconds = sum(int(found[unit] or 0) * size for unit, size in _UNITS.items())
    if seconds > _CENTURY:
        raise InvalidInput(field, value, "a length of at most 100 years", example)
    return -seconds if found["sign"] == "-" else seconds


def names_days_only(value: object) -> bool:
    """Return whether a length of time is given in days or weeks."""
    return isinstance(value, str) and value.strip().lower()[-1:] in {"d", "w"}


def read_time_of_day(value: object, field: str, *, last: int = DAY - 1) -> int:
    """Return a time of day in seconds: `09:00`, `09:00:30`. Raises InvalidInput."""
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST else None
    if found is not None and int(found["minute"]) < _SIXTY and int(found["second"] or 0) < _SIXTY:
        seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"] or 0)
        if seconds <= last:
            return seconds
    most = "24:00" if last == DAY else "23:59:59"
    raise InvalidInput(field, value, f"a time of day from 00:00 to {most}", "09:00")


def read_date(value: object, field: str) -> int:
    """Return an ISO-8601 date as a day since 1970. Raises InvalidInput."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return in_range(date.fromisoformat(value).toordinal() - ORDINAL_OF_1970, value, field)
        except ValueError:  # a 30th of February
            pass
    raise InvalidInput(field, value, "an ISO-8601 date", "2026-12-24")


def in_range(day: int, value: object, field: str) -> int:
    """Return a day from 1970 to 2399. Raises InvalidInput for another."""
    if not 0 <= day < _LAST_DAY:
        raise InvalidInput(field, value, "a date from 1970-01-01 to 2399-12-31", "2026-12-24")
    return day


def read_dates(value: object, field: str, most: int) -> tuple[int, ...]:
    """Return ISO-8601 dates as days, ascending. Raises InvalidInput."""
    return tuple(sorted({read_date(each, field) for each in read_list(value, field, most, ["2026-12-24"])}))


def read_list(value: object, field: str, most: int, example: object) -> Sequence[object]:
    """Return a list of at most *most* elements. Raises InvalidInput."""
    found = cast("Sequence[object]", value) if isinstance(value, tuple) else None
    if found is None or len(found) > most:
        raise InvalidInput(field, cast("object", value), f"a list of at most {most:,}", example)
    return found


def read_wall(value: object, field: str) -> tuple[int, datetime | None]:
    """Return a date or a local time as a wall time; with the moment that it is, if it names an offset."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return read_date(value, field) * DAY, None
    stamp = read_stamp(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST else None
    if stamp is None:
        raise InvalidInput(field, value, "an ISO-8601 date, or date and time", "2026-03-02T09:00")
    day = in_range(stamp.toordinal() - ORDINAL_OF_1970, value, field)
    wall = day * DAY + stamp.hour * 3600 + stamp.minute * 60 + stamp.second
    return wall, None if stamp.tzinfo is None else stamp


def read_wall_in(value: object, field: str, zone: str) -> int:
    """Return a date or a time as a wall time of *zone*: one with an offset, as the clock there shows it."""
    wall, moment = read_wall(value, field)
    if moment is None:
        return wall
    second = to_ms(moment) // 1000
    return second + span_at(zone, second).offset


def read_second_in(value: object, field: str, zone: str | ZoneInfo) -> int:
    """Return a date or a time as an epoch second: one without an offset, as the clock of *zone* first shows it."""
    wall, moment = read_wall(value, field)
    return second_of(zone, wall) if moment is None else to_ms(moment) // 1000


def is_date(value: object) -> bool:
    """Return whether a field holds a date without a time."""
    return isinstance(value, str) and _DATE.fullmatch(value) is not None


def second_of(zone: str | ZoneInfo, wall: int) -> int:
    """Return the first epoch second at which the clock of *zone* shows *wall*, or a later time after a gap."""
    span = span_at(zone, wall - DAY)
    while wall - span.offset >= span.end:
        span = span_at(zone, span.end)
    return max(wall - span.offset, span.start)


def read_weekdays(value: object, field: str) -> tuple[int, ...]:
    """Return weekdays, 0 for Monday, of `mon-fri` or `sat,sun`. Raises InvalidInput."""
    found: set[int] = set()
    text = value.lower().replace(" ", "") if isinstance(value, str) and len(value) <= _LONGEST else ""
    for item in text.split(","):
        first, dash, last = item.partition("-")
        if first[:3] not in WEEKDAYS or (dash and last[:3] not in WEEKDAYS) or not _is_name(first) & _is_name(last):
            raise InvalidInput(field, value, "days of the week, mon to sun, in lists and ranges", "mon-fri")
        begin = WEEKDAYS.index(first[:3])
        length = (WEEKDAYS.index(last[:3]) - begin) % WEEK if dash else 0
        found.update((begin + ahead) % WEEK for ahead in range(length + 1))
    return tuple(sorted(found))


def _is_name(word: str) -> bool:
    return not word or word in WEEKDAYS or any(word == name.lower() for name in WEEKDAY_NAMES)


def read_whole(value: object, field: str, low: int, high: int, example: int) -> int:
    """Return a whole number from *low* to *high*. Raises InvalidInput."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidInput(field, value, f"a whole number from {low:,} to {high:,}", example)
    return value


def read_choice(kind: type[_Choice], value: object, field: str) -> _Choice:
    """Return a member of an enumeration. Raises InvalidInput."""
    try:
        return kind(value)
    except ValueError:
        words = [member.value for member in kind]
        raise InvalidInput(field, value, f"one of {', '.join(words)}", words[0]) from None


WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONGEST: Final = 64
_SIXTY: Final = 60
_CENTURY: Final = 36_525 * DAY
_LAST_DAY: Final = 157_054
"""2400-01-01 as a day since 1970."""
_UNITS: Final = {"w": WEEK * DAY, "d": DAY, "h": 3600, "m": 60, "s": 1}
_LENGTH: Final = re.compile(r"(?P<sign>[+-])?" + "".join(rf"(?:(?P<{unit}>[0-9]{{1,10}}){unit})?" for unit in _UNITS))
_TIME: Final = re.compile(r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
