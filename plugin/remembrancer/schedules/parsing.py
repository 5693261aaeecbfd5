"""Times and time zones as people and models write them, made exact or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap
from remembrancer.model.timestamps import EPOCH, Moment, from_ms, to_iso, to_ms
from remembrancer.schedules.iso_timestamps import read_stamp
from remembrancer.schedules.relative.times import read_relative
from remembrancer.schedules.value_fields import is_date
from remembrancer.schedules.zone_names import DEFAULT_ZONE, meant, offset_words
from remembrancer.schedules.zone_offsets import clock_of, span_at


def read_moment(
    value: Moment,
    field: str,
    *,
    now: datetime,
    timezone: str | None = None,
    fold: Fold = Fold.FIRST,
    gap: Gap | None = None,
) -> datetime:
    """Return *value* as an aware UTC datetime, cut to whole milliseconds.

    Every surface reads every time by this one function. Text in words, such as "tomorrow", is refused, never guessed.

    Args:
        value: An ISO-8601 date and time; a time from now, as `in 2h`, `+90m`, `2h ago` or `now`; a datetime; or a
            timedelta from now.
        field: The caller's name for this argument, for the message.
        now: The current time (aware); the limits and the example follow from it.
        timezone: The IANA zone in which to read a value that names no offset.
        fold: The pass that is meant of a wall time that occurs twice there; a datetime's own `fold` of 1 is the second
            in any case.
        gap: The policy for a wall time that the clock jumps over, if the caller has said one.

    Raises:
        InvalidInput: No time, a time without an offset where no zone is given, a wall time that the zone's clock
            jumps over without `run_after` in *gap*, or a time before 1970 or more than 100 years after *now*.
    """
    try:
        moment = _parse(value, field, now)
        if moment.tzinfo is None or moment.utcoffset() is None:
            moment = _in_zone(moment, value, field, now, timezone, fold)
        moment = from_ms(to_ms(_after_gap(moment, value, field, gap)))
    except OverflowError:
        _refuse(field, value, _LIMITS, now)
    if not EPOCH <= moment <= now + _FARTHEST:
        _refuse(field, value, _LIMITS, now)
    return moment


def after(wait: str | timedelta, until: Moment | None, field: str = "in_") -> str | timedelta:
    """Return the time that lies *wait* ahead (`2h`, a timedelta), to be read by `read_moment`.

    Raises:
        InvalidInput: It is no length of time ahead, or a time *until* is given too.
    """
    if until is not None:
        raise InvalidInput(field, wait, f"{field} or defer_until, not both", None)
    try:
        ahead = read_relative(wait) if isinstance(wait, str) and wait.strip()[:1].isdigit() else wait
    except OverflowError:
        ahead = None
    if not isinstance(ahead, timedelta) or ahead < timedelta():
        raise InvalidInput(field, wait, "a length of time: a number and a unit of s, m, h, d or w", "2h")
    return f"in {wait}" if isinstance(wait, str) else wait


def read_wall_time(value: Moment, timezone: str | None) -> str | None:
    """Return the wall time in *timezone* that was asked for, in ISO-8601; None for a moment, which names an offset.

    A datetime in that zone itself (`ZoneInfo`) is a wall time too, unless it means the second pass of a repeated hour.
    """
    if isinstance(value, timedelta):
        return None
    asked = value if isinstance(value, datetime) else read_stamp(value.strip())
    if timezone in {None, "UTC"} or asked is None or asked.fold:
        return None
    if asked.tzinfo is not None and getattr(asked.tzinfo, "key", None) != timezone:
        return None
    return asked.replace(tzinfo=None, microsecond=asked.microsecond // 1000 * 1000).isoformat()


def gap_note(wall_time: str | None, timezone: str) -> str:
    """Return to where a wall time is moved that the clock of *timezone* jumps over; an empty text for any other."""
    if wall_time is None:
        return ""  # the usual case
    local = datetime.fromisoformat(wall_time).replace(tzinfo=clock_of(timezone))
    if (end := _end_of_gap(local)) is None:
        return ""
    shown = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    where = f"the end of the jump is taken, {to_iso(end)}, as gap=run_after says"
    return f"{shown} does not exist on {local:%Y-%m-%d} in {timezone}, whose clock jumps over it; {where}"


def fold_note(moment: datetime, timezone: str, fold: Fold) -> str:
    """Return which pass of a wall time that occurs twice in *timezone* is taken; an empty text for any other."""
    if timezone == "UTC":
        return ""  # the usual case
    local = moment.astimezone(clock_of(timezone))
    other = local.replace(fold=1 - local.fold)
    if local.utcoffset() == other.utcoffset() or other.astimezone(UTC).astimezone(local.tzinfo) != other:
        return ""
    shown = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    which = f"the {'second' if local.fold else 'first'} is taken, {to_iso(moment)}"
    twice = f"{shown} happens twice on {local:%Y-%m-%d} in {timezone}; {which}"
    return twice if local.fold or fold is not Fold.BOTH else f"{twice}: a one-time task runs once"


def read_zone(name: str, field: str = "timezone") -> str:
    """Return *name* when it is an IANA time zone key with one meaning everywhere.

    Raises:
        InvalidInput: For any other name, with the right spelling of a near miss.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
        raise InvalidInput(field, name, _ZONES, DEFAULT_ZONE)
    if name not in _ABBREVIATIONS and _is_zone(name):
        return name
    near = meant(name)
    if near is None or not _is_zone(near):
        near, explained = DEFAULT_ZONE, f"{offset_words(name)}; it is not known which place is meant here"
    else:
        explained = offset_words(name)
    raise InvalidInput(field, name, f"{_ZONES}, not an abbreviation{explained}", near)


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    """Return whether the time zone database has *name*; the pattern keeps out paths and machine-made names."""
    if len(name) >= _LONGEST or _KEY.fullmatch(name) is None or name == "Factory":
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _parse(value: object, field: str, now: datetime) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, timedelta):
        return now + value
    stamp = read_stamp(value.strip()) if isinstance(value, str) else None
    if stamp is None:
        ahead = read_relative(value) if isinstance(value, str) else None
        if ahead is None and isinstance(value, str) and is_date(value.strip()):
            raise InvalidInput(field, value, _NO_TIME_OF_DAY, f"{value.strip()}T09:00:00Z")
        if ahead is None:
            _refuse(field, value, _FORMS, now)
        return now + ahead
    return stamp


def _in_zone(  # noqa: PLR0917 (what a refusal says, and what is decided by)
    wall: datetime, value: object, field: str, now: datetime, timezone: str | None, fold: Fold
) -> datetime:
    """Return a wall time in the given zone."""
    if timezone is None:
        _refuse(field, value, f"{_ISO}; this one names no offset, and no time zone is given", now)
    is_second = wall.fold == 1 or fold is Fold.LAST
    return wall.replace(tzinfo=clock_of(read_zone(timezone)), fold=int(is_second))


def _after_gap(local: datetime, value: object, field: str, gap: Gap | None) -> datetime:
    """Return a time as it is; one that its zone's clock jumps over, as the end of the jump if *gap* says so.

    Raises InvalidInput: it says no such thing; the example lies as far after the jump.
    """
    if (end := _end_of_gap(local)) is None:
        return local
    if gap == Gap.RUN_AFTER and isinstance(local.tzinfo, ZoneInfo):
        return end
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    later = max(back, local.replace(fold=0).astimezone(UTC).astimezone(local.tzinfo))
    skipped = ", and with gap=skip nothing would run" if gap == Gap.SKIP else ""
    allowed = f"a wall time that exists in {local.tzinfo}; its clocks jump over this one{skipped}"
    raise InvalidInput(field, value, allowed, later.isoformat())


def _end_of_gap(local: datetime) -> datetime | None:
    """Return the end of the jump of its zone's clock that a wall time lies in; None for one that exists."""
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    if back.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0):
        return None
    if not isinstance(local.tzinfo, ZoneInfo):
        return local  # of a clock that has no stretches to look at
    beyond = local.replace(fold=0).timestamp()
    return from_ms(span_at(local.tzinfo, int(beyond // 1)).start * 1000)


def _refuse(field: str, value: object, allowed: str, now: datetime) -> NoReturn:
    tomorrow = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    raise InvalidInput(field, value, allowed, to_iso(tomorrow))


_ISO: Final = "an ISO-8601 date and time with Z or an offset such as +02:00"
_FORMS: Final = f"{_ISO}; or a time from now, such as in 2h; words are not guessed"
_NO_TIME_OF_DAY: Final = f"{_ISO}, which may be left out where there is a time zone; a date alone names no time of day"
_LIMITS: Final = "a time from 1970-01-01 to 100 years from now"
_FARTHEST: Final = timedelta(days=36_525)

_ZONES: Final = "an IANA time zone key, Area/City, or UTC"
_LONGEST: Final = 64
_KEY: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*)*")
_ABBREVIATIONS: Final = frozenset(
    ("EST", "EST5EDT", "CST", "CST6CDT", "MST", "MST7MDT", "PST", "PST8PDT", "HST"),
)
"""The database keeps some of these for old systems, without the daylight saving their users expect."""
