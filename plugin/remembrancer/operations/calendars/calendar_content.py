"""The content of a calendar: the days and windows that its source gives for some years, and their version."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.calendar import CalendarSource
from remembrancer.operations.calendars.event_windows import windows_of_events
from remembrancer.operations.calendars.holiday_dates import holiday_dates
from remembrancer.operations.calendars.ical_events import read_events
from remembrancer.schedules.calendars.entries import (
    EXAMPLE,
    MOST_ENTRIES,
    Window,
    entry_text,
    normal_windows,
    read_entry,
)
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.walls.day_sets import day_of
from remembrancer.schedules.walls.wall_set import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

MOST_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """The source of a calendar, as a request gives it: a country, an iCalendar text, or dates.

    Args:
        source: The kind of source.
        country: Of public holidays.
        subdivision: Of public holidays.
        categories: Of public holidays.
        ics: An iCalendar text.
        dates: Dates and windows.
        years: The years to work out, from the present one on.
        timezone: The zone whose days they are.
    """

    source: CalendarSource
    country: str | None
    subdivision: str | None
    categories: Sequence[str] | None
    ics: str | None
    dates: Sequence[str] | None
    years: int
    timezone: str | None


@dataclass(frozen=True, slots=True)
class CalendarContent:
    """The days and windows that a source gave, and the days from and up to which it has data."""

    dates: list[str]
    first: str
    last: str
    timezone: str | None
    library: str | None

    @property
    def version(self) -> str:
        """A digest of the days, their zone and the last day."""
        text = "\n".join([self.timezone or "", self.last, *self.dates])
        return blake2b(text.encode(), digest_size=8).hexdigest()


async def content_of(spec: CalendarSpec, year: int) -> CalendarContent:
    """Return the content that *spec* gives from *year* on; large sources are read in a thread. Raises InvalidInput."""
    if spec.source is CalendarSource.DATES:
        return _content(spec, year)
    return await asyncio.to_thread(_content, spec, year)


def _content(spec: CalendarSpec, year: int) -> CalendarContent:
    years, zone, library = range(year, year + spec.years), spec.timezone, None
    if zone is not None:
        read_zone(zone)
    match spec.source:
        case CalendarSource.HOLIDAYS:
            found, library = holiday_dates(spec.country or "", spec.subdivision, spec.categories, years)
            windows = [_day_of(each) for each in found]
        case CalendarSource.ICALENDAR:
            events, named, library = read_events(spec.ics or "")
            zone = zone or (named and read_zone(named, "ics"))
            windows = windows_of_events(events, zone or "UTC", day_of(year) * DAY, day_of(year + spec.years) * DAY)
        case CalendarSource.DATES:
            windows = [read_entry(each, "dates") for each in _given(spec.dates)]
    dates = [entry_text(each) for each in normal_windows(windows)]
    if len(dates) > MOST_ENTRIES or sum(map(len, dates)) + len(dates) > MOST_BYTES:
        allowed = f"at most {MOST_ENTRIES:,} days and windows, and 64 KiB of them; ask for fewer years"
        raise InvalidInput(_FIELDS[spec.source], len(dates), allowed, {"years": 1})
    first, last = f"{year}-01-01", f"{year + spec.years - 1}-12-31"
    if spec.source is CalendarSource.DATES:
        first, last = dates[0][:10], dates[-1].rpartition("/")[2][:10]
    return CalendarContent(dates, first, last, zone, library)


def _given(dates: Sequence[str] | None) -> Sequence[str]:
    if not dates or len(dates) > MOST_ENTRIES:
        raise InvalidInput("dates", len(dates or ()), f"1 to {MOST_ENTRIES:,} dates", EXAMPLE)
    return dates


def _day_of(each: date) -> Window:
    day = day_of(each.year, each.month, each.day)
    return day * DAY, (day + 1) * DAY


_FIELDS: Final = {
    CalendarSource.HOLIDAYS: "country",
    CalendarSource.ICALENDAR: "ics",
    CalendarSource.DATES: "dates",
}
