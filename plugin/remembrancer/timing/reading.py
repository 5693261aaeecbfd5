"""Moments and zones as people and models write them, made exact or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from remembrancer.errors import InvalidInput
from remembrancer.model.moment import EPOCH, from_ms, to_iso, to_ms


def read_moment(value: str | datetime, field: str, *, now: datetime, timezone: str | None = None) -> datetime:
    """Return *value* as an aware UTC datetime, cut to whole milliseconds.

    Args:
        value: An ISO-8601 date and time, or a datetime.
        field: What the caller calls this argument, for the message.
        now: The present moment (aware); the limits and the example follow from it.
        timezone: The IANA zone in which to read a value that names no offset. Of a wall time that happens
            twice there, the first is taken.

    Raises:
        InvalidInput: Not a moment, without an offset and no zone given, a wall time that the zone's clock
            jumps over, before 1970, or more than 100 years after *now*.
    """
    moment = _parse(value, field, now)
    try:
        if moment.utcoffset() is None:
            moment = _in_zone(moment, value, field, now, timezone)
        moment = from_ms(to_ms(moment))
    except OverflowError:
        _refuse(field, value, _LIMITS, now)
    if not EPOCH <= moment <= now + _FARTHEST:
        _refuse(field, value, _LIMITS, now)
    return moment


def read_zone(name: str, field: str = "timezone") -> str:
    """Return *name* when it is an IANA time zone key with one meaning everywhere.

    Raises:
        InvalidInput: For anything else; near misses are answered with the right spelling.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
        raise InvalidInput(field, name, _ZONES, "Europe/Berlin")
    if name in _ABBREVIATIONS:
        raise InvalidInput(field, name, f"{_ZONES}, not an abbreviation", _ABBREVIATIONS[name])
    if not _is_zone(name):
        near = get_close_matches(name.title(), sorted(_real_zones()), n=1, cutoff=0.6) if len(name) < _LONGEST else []
        raise InvalidInput(field, name, _ZONES, near[0] if near else "Europe/Berlin")
    return name


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    """Tell whether the time zone database has *name*; the pattern keeps paths and machine-made names out."""
    if len(name) >= _LONGEST or _KEY.fullmatch(name) is None or name == "Factory":
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _real_zones() -> set[str]:
    return {name for name in available_timezones() if "/" in name and not name.startswith("Etc/")} | {"UTC"}


def _parse(value: object, field: str, now: datetime) -> datetime:
    if isinstance(value, datetime):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not text.isascii() or _MOMENT.match(text) is None:
        _refuse(field, value, _ISO, now)
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        _refuse(field, value, _ISO, now)


def _in_zone(wall: datetime, value: object, field: str, now: datetime, timezone: str | None) -> datetime:
    """Place a wall time in the zone given."""
    if timezone is None:
        _refuse(field, value, f"{_ISO}; this one names no offset, so its moment is unknown", now)
    local = wall.replace(tzinfo=ZoneInfo(read_zone(timezone)), fold=0)
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    if back.replace(tzinfo=None) != local.replace(tzinfo=None):
        allowed = f"a wall time that exists in {timezone}; its clocks jump over this one"
        raise InvalidInput(field, value, allowed, back.isoformat())
    return local


def _refuse(field: str, value: object, allowed: str, now: datetime) -> NoReturn:
    tomorrow = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    raise InvalidInput(field, value, allowed, to_iso(tomorrow))


_ISO: Final = "an ISO-8601 date and time with Z or an offset such as +02:00"
_LIMITS: Final = "a moment from 1970-01-01 to 100 years from now"
_FARTHEST: Final = timedelta(days=36_525)
_MOMENT: Final = re.compile(r"[0-9]{4}(?:-?[0-9]{2}-?[0-9]{2}|-?W[0-9]{2}-?[0-9])[T ][0-9]{2}", re.IGNORECASE)

_ZONES: Final = "an IANA time zone key, Area/City, or UTC"
_LONGEST: Final = 64
_KEY: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*)*")
_ABBREVIATIONS: Final = {
    "EST": "America/New_York",
    "EST5EDT": "America/New_York",
    "CST": "America/Chicago",
    "CST6CDT": "America/Chicago",
    "MST": "America/Denver",
    "MST7MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PST8PDT": "America/Los_Angeles",
    "HST": "Pacific/Honolulu",
}
"""The database keeps some of these for old systems, without the daylight saving their users expect."""
