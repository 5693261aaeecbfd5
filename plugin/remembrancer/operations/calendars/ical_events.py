"""The events of an iCalendar text (RFC 5545), by the package `icalendar` of the extra `calendars`.

The text is cut down to the lines that say when events are before it is parsed: a calendar of 5 MB is mostly prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.operations.calendars.holiday_dates import EXTRA

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES: Final = 5_000_000
MOST_EVENTS: Final = 2_000
MOST_KEPT: Final = 600_000
"""Characters of the lines that say when events are."""
MOST_LISTED: Final = 5_000
"""Dates in lists."""
_KEPT: Final = re.compile(
    r"^(?:BEGIN|END|VERSION|UID|SUMMARY|STATUS|DTSTART|DTEND|DURATION|RRULE|RDATE|EXDATE|RECURRENCE-ID|TZID|TZOFFSETFROM"
    r"|TZOFFSETTO|X-WR-TIMEZONE)[;:].*(?:\r?\n[ \t].*)*",
    re.MULTILINE | re.IGNORECASE,
)
_EVENT: Final = re.compile(r"^BEGIN:VEVENT", re.MULTILINE | re.IGNORECASE)
_ALARM: Final = re.compile(r"^BEGIN:VALARM.*?^END:VALARM\s*?$", re.MULTILINE | re.DOTALL)
_EXAMPLE: Final = "BEGIN:VCALENDAR … END:VCALENDAR"

When = date | datetime


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One event: when it begins, how long it is, and when it recurs."""

    uid: str
    title: str
    start: When
    length: timedelta
    rules: tuple[str, ...]
    added: tuple[When, ...]
    excluded: tuple[When, ...]
    instead_of: When | None
    """The occurrence of a recurring event with this uid that it replaces."""
    is_cancelled: bool


def read_events(text: str) -> tuple[list[CalendarEvent], str | None, str]:
    """Return the events of a text, its zone if it names one, and the library. Raises InvalidInput."""
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise _wrong(text, f"an iCalendar text of at most {MOST_BYTES // 1_000_000} MB")
    number = sum(1 for _ in _EVENT.finditer(text))
    if number > MOST_EVENTS:
        raise _wrong(text, f"an iCalendar text of at most {MOST_EVENTS:,} events; this one has {number:,}")
    lines = "\r\n".join(found[0] for found in _KEPT.finditer(text))
    kept = _ALARM.sub("", lines.replace("\r\n", "\n").replace("\r", ""))
    if len(kept) > MOST_KEPT or kept.count(",") > MOST_LISTED:
        raise _wrong(text, f"an iCalendar text with at most {MOST_LISTED:,} listed dates in {MOST_KEPT:,} characters")
    try:
        import icalendar  # noqa: PLC0415 (of an extra, and slow)
    except ImportError as missing:
        raise InvalidInput("ics", _shown(text), EXTRA, None) from missing
    library: Any = icalendar
    try:
        calendar: Any = library.Calendar.from_ical(kept)
        events = [_event(each) for each in calendar.walk("VEVENT")]
    except InvalidInput:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as fault:
        raise _wrong(text, f"an iCalendar text (RFC 5545): {' '.join(str(fault).split())[:200]}") from None
    zone = calendar.get("X-WR-TIMEZONE")
    return events, None if zone is None else str(zone), f"icalendar {library.__version__}"


def _event(event: Any) -> CalendarEvent:
    """Return the times of one event. Raises InvalidInput."""
    title = str(event.get("SUMMARY") or event.get("UID") or "an event without a name")[:60]
    if event.get("DTSTART") is None or event.errors:
        broken = "; ".join(f"{name}: {fault}" for name, fault in event.errors) or "there is no DTSTART"
        raise InvalidInput("ics", title, f"events that can be read: {broken[:200]}", "DTSTART:20261224T180000")
    start = cast("When", event["DTSTART"].dt)
    if (zone := event["DTSTART"].params.get("TZID")) and isinstance(start, datetime) and start.tzinfo is None:
        raise InvalidInput("ics", f"{title}: {zone}", "times in zones that are known", "TZID=Europe/Berlin")
    return CalendarEvent(
        uid=str(event.get("UID") or ""),
        title=title,
        start=start,
        length=_length(event, start, title),
        rules=tuple(each.to_ical().decode() for each in _several(event.get("RRULE"))),
        added=tuple(_times(event, "RDATE")),
        excluded=tuple(_times(event, "EXDATE")),
        instead_of=event["RECURRENCE-ID"].dt if event.get("RECURRENCE-ID") is not None else None,
        is_cancelled=str(event.get("STATUS") or "").upper() == "CANCELLED",
    )


def _length(event: Any, start: When, title: str) -> timedelta:
    """Return how long an event is: one without an end is a day, or for a time, a minute."""
    if event.get("DTEND") is not None:
        try:
            length = cast("timedelta", event["DTEND"].dt - start)
        except TypeError:  # a date and a time, or a time with a zone and one without
            raise InvalidInput("ics", title, "DTSTART and DTEND of one kind", "DTEND:20261224T220000Z") from None
    elif event.get("DURATION") is not None:
        length = cast("timedelta", event["DURATION"].dt)
    else:
        length = timedelta()
    least = timedelta(minutes=1) if isinstance(start, datetime) else timedelta(days=1)
    if length > _LONGEST:
        raise InvalidInput("ics", title, "events of at most 366 days", "DTEND:20261224T220000Z")
    return max(length, least)


def _times(event: Any, name: str) -> Iterator[When]:
    for several in _several(event.get(name)):
        for each in several.dts:
            held: Any = each.dt
            yield cast("When", held[0] if type(held) is tuple else held)  # a period begins with its time


def _several(held: Any) -> list[Any]:
    return held if isinstance(held, list) else [] if held is None else [held]  # pyright: ignore[reportUnknownVariableType]


def _wrong(text: str, allowed: str) -> InvalidInput:
    return InvalidInput("ics", _shown(text), allowed, _EXAMPLE)


def _shown(text: str) -> str:
    return text[:200]


_LONGEST: Final = timedelta(days=366)
