"""The events of an iCalendar text as windows of local time: recurring ones by this package's own rules."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import RRule
from remembrancer.schedules.calendars.entries import MOST_ENTRIES, Window
from remembrancer.schedules.rrule.schedule import rrule_schedule
from remembrancer.schedules.walls.day_sets import ORDINAL_OF_1970
from remembrancer.schedules.walls.wall_set import DAY
from remembrancer.schedules.zone_names import meant
from remembrancer.schedules.zone_offsets import clock_of, span_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from remembrancer.operations.calendars.ical_events import CalendarEvent, When

_TOO_OFTEN: Final = re.compile(r"FREQ=(?:SECONDLY|MINUTELY)", re.IGNORECASE)


def windows_of_events(events: Sequence[CalendarEvent], zone: str, first: int, end: int) -> list[Window]:
    """Return the windows of *events*, in the local time of *zone*, that begin from *first* up to *end* (wall times).

    Raises InvalidInput: an event cannot be worked out, or there are too many.
    """
    replaced = {(each.uid, _wall(each.instead_of, zone)) for each in events if each.instead_of is not None}
    windows: list[Window] = []
    for event in events:
        if event.is_cancelled:
            continue
        excluded = {_wall(each, zone) for each in event.excluded}
        for begin, until in _windows(event, zone, first, end):
            is_other = event.instead_of is None and (event.uid, begin) in replaced
            if begin not in excluded and not is_other and first <= begin < end:
                windows += _days(begin, until) if not isinstance(event.start, datetime) else [(begin, until)]
                if len(windows) > MOST_ENTRIES:
                    allowed = f"events with at most {MOST_ENTRIES:,} days and windows; ask for fewer years"
                    raise InvalidInput("ics", event.title, allowed, {"years": 1})
    return windows


def _windows(event: CalendarEvent, zone: str, first: int, end: int) -> Iterator[Window]:
    """Yield the windows of an event before exceptions."""
    begins = dict.fromkeys([] if event.rules else [event.start])
    begins |= dict.fromkeys(event.added)
    for start in begins:
        yield _wall(start, zone), _wall(_later(start, event.length), zone)
    for rule in event.rules:
        yield from _recurring(event, rule, zone, first, end)


def _recurring(event: CalendarEvent, rule: str, zone: str, first: int, end: int) -> Iterator[Window]:
    """Yield the windows that a rule gives: in the zone of the event, as wall times of the calendar's."""
    if _TOO_OFTEN.search(rule):
        raise InvalidInput("ics", f"{event.title}: {rule}", "events that recur hourly at most", "FREQ=DAILY")
    own = _zone_of(event)
    at = event.start.replace(tzinfo=None).isoformat() if isinstance(event.start, datetime) else event.start.isoformat()
    try:
        schedule = rrule_schedule(RRule(_rule_of(event, rule), start=at, timezone=own or "UTC"), "")
    except InvalidInput as refused:
        raise InvalidInput("ics", f"{event.title}: {rule}", refused.allowed, refused.example) from None
    margin = 2 * DAY
    found = schedule.between((first - margin) * 1000, (end + margin) * 1000, MOST_ENTRIES * 2)
    length = int(event.length.total_seconds())
    for each in found:
        second = each // 1000
        if own is None:
            yield second, second + length
        else:
            yield _shown(second, zone), _shown(second + length, zone)


def _rule_of(event: CalendarEvent, rule: str) -> str:
    """Return a rule with an UNTIL that is a date given the end of that day, where the event has a time."""
    if not isinstance(event.start, datetime):
        return re.sub(r"(UNTIL=[0-9]{8})T[0-9]{6}Z?", r"\1", rule, flags=re.IGNORECASE)
    return re.sub(r"(UNTIL=[0-9]{8})(?=;|$)", r"\1T235959", rule, flags=re.IGNORECASE)


def _zone_of(event: CalendarEvent) -> str | None:
    """Return the zone of an event's start; None for a day, or a time without a zone."""
    if not isinstance(event.start, datetime) or event.start.tzinfo is None:
        return None
    if event.start.tzinfo is UTC:
        return "UTC"
    key = getattr(event.start.tzinfo, "key", None)
    if isinstance(key, str):
        return key
    name = str(event.start.tzinfo)
    if found := meant(name):
        return found
    raise InvalidInput(
        "ics", f"{event.title}: {name}", "recurring events in a zone of the IANA database", "Europe/Berlin"
    )


def _later(start: When, length: timedelta) -> When:
    """Return the end of an event in elapsed time."""
    if isinstance(start, datetime) and start.tzinfo is not None:
        return (start.astimezone(UTC) + length).astimezone(UTC)
    return start + length


def _wall(moment: When, zone: str) -> int:
    """Return a date or a time as a wall time of *zone*; one without a zone is meant there."""
    if not isinstance(moment, datetime):
        return _day(moment) * DAY
    local = moment if moment.tzinfo is None else moment.astimezone(clock_of(zone))
    return _day(local) * DAY + local.hour * 3600 + local.minute * 60 + local.second


def _shown(second: int, zone: str) -> int:
    return second + span_at(zone, second).offset


def _day(moment: date) -> int:
    return moment.toordinal() - ORDINAL_OF_1970


def _days(begin: int, until: int) -> list[Window]:
    """Return the days of an event that has whole days."""
    return [(each, each + DAY) for each in range(begin, until, DAY)]
