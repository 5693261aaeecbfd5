"""Named calendars of the graph, and the answers of their operations."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field


class CalendarSource(StrEnum):
    """The source of the days of a calendar."""

    HOLIDAYS = "holidays"
    """The package `holidays`: public holidays of a country."""
    ICALENDAR = "icalendar"
    """An iCalendar text."""
    DATES = "dates"
    """A list of dates."""


class NamedCalendar(BaseModel):
    """A calendar with a name: the days and windows that it gave when it was defined or last renewed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    """The name under which schedules use it."""
    source: CalendarSource
    """The source of its days."""
    country: str | None = None
    """Of public holidays: the ISO 3166 code, such as DE."""
    subdivision: str | None = None
    """Of public holidays: the state or province."""
    categories: list[str] | None = None
    """Of public holidays: the categories, such as public or bank; by default the public ones."""
    years: int
    """The years, from the present one on, for which it is worked out."""
    timezone: str | None = None
    """The zone whose days they are; None: that of the schedule that uses the calendar."""
    dates: list[str] = Field(default_factory=list[str])
    """Days, and windows of local time, ascending."""
    first: str
    """The first day for which it has data."""
    last: str
    """The last day for which it has data: after it, the calendar says nothing."""
    version: str
    """A digest of its days and their zone: equal calendars have equal versions."""
    library: str | None = None
    """The library that worked them out, with its version."""
    created_at: datetime
    """The time (UTC) at which it was defined."""
    created_by: str | None = None
    """The actor that defined it; None where none is known."""
    renewed_at: datetime
    """The time (UTC) at which it was last renewed; at first that of its definition."""
    renewed_by: str | None = None
    """The actor that last renewed it; None where none is known."""


class MovedFires(BaseModel):
    """A task whose next fires a change of a calendar, or of a task that it follows, has moved."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The key of the task."""
    name: str
    """The name of the task."""
    before: list[datetime] = Field(default_factory=list[datetime])
    """Up to five times at which it would have fired without the change."""
    after: list[datetime] = Field(default_factory=list[datetime])
    """Up to five times at which it fires; none if it has ended by the change."""


class CalendarRenewal(NamedCalendar):
    """The answer to a renewal: the calendar as it is now, the dates that came and went, and the fires that moved."""

    dry_run: bool = False
    """True if the renewal was only worked out: nothing was written."""
    added: list[str] = Field(default_factory=list[str])
    """Dates that it has now and had not before."""
    removed: list[str] = Field(default_factory=list[str])
    """Dates that it no longer has; those before the present year are not counted."""
    tasks: int = 0
    """The number of tasks that use it."""
    moved: list[MovedFires] = Field(default_factory=list[MovedFires])
    """The tasks whose next fires are others now, at most 100."""


MOST_MOVED: Final = 100
"""Tasks that the answer to a renewal lists."""
