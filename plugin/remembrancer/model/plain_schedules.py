"""Values of the schedules that stand by themselves: one frozen class for each kind, distinguished by `kind`.

The values of schedules made of others, and the union of all kinds, are in `model.schedule`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import ClassVar, Final, Literal

from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.model.schedule_fields import WallClockValue, as_text, in_zone, take_holidays, take_zone


@dataclass(frozen=True, slots=True)
class Once:
    """One occurrence, at a given time.

    Args:
        at: The time; ISO-8601 text in a request.
        timezone: The IANA zone that a time without an offset is in.
        fold: The pass that is meant of a wall time that occurs twice.
        gap: The treatment of a wall time that the zone's clock jumps over: `run_after` moves it to the end of the jump.
            Without it such a time is refused.
    """

    recurring: ClassVar[bool] = False

    at: datetime | str
    timezone: str = "UTC"
    fold: Fold = Fold.FIRST
    gap: Gap | None = None
    kind: Literal["once"] = field(default="once", repr=False)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return "once"


@dataclass(frozen=True, slots=True)
class Cron:
    """The occurrences of a cron expression in a time zone.

    Args:
        expression: Five fields, six with `seconds_field`, or an alias such as `@daily`. A prefix `CRON_TZ=` or `TZ=`
            becomes the timezone.
        timezone: The IANA zone whose wall clock the expression means.
        gap: The treatment of a wall time that the zone's clock jumps over.
        fold: The treatment of a wall time that occurs twice.
        seconds_field: The place of the seconds among six fields.
    """

    recurring: ClassVar[bool] = True

    expression: str
    timezone: str = "UTC"
    gap: Gap = Gap.RUN_AFTER
    fold: Fold = Fold.FIRST
    seconds_field: SecondsField | None = None
    kind: Literal["cron"] = field(default="cron", repr=False)

    def __post_init__(self) -> None:
        """Take a zone before the fields as the timezone, unless another is given."""
        take_zone(self)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return in_zone(self.expression, self.timezone)


@dataclass(frozen=True, slots=True)
class Every(WallClockValue):
    """One occurrence each so often.

    Seconds, minutes and hours are elapsed time. Days and weeks are counted on the calendar, and fire at a time of day.
    A value that no task has yet, and that has no anchor, is counted from 1970-01-01, weeks from a Monday.

    Args:
        every: The interval: `15m`, `1h30m`, `2d`, `2w`; a timedelta, or a number of seconds.
        at: The time of day, `09:00`, of an interval in days or weeks; by default that of the anchor.
        anchor: A time at which it fires, or would have fired; by default the time at which the task was scheduled, or
            the `start` of the bounds around it. With 1970-01-01, `15m` fires at the quarters of the hour.
        phase: How much later than the anchor it fires.
    """

    every: str
    at: str | None = None
    anchor: str | None = None
    phase: str | None = None
    kind: Literal["every"] = field(default="every", repr=False)

    def __post_init__(self) -> None:
        """Take lengths of time and times as text."""
        as_text(self, "every", "anchor", "phase")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return in_zone(f"every {self.every}{f' at {self.at}' if self.at else ''}", self.timezone)


@dataclass(frozen=True, slots=True)
class RRule(WallClockValue):
    """The occurrences of a recurrence rule of RFC 5545 (iCalendar).

    Args:
        rule: `FREQ=WEEKLY;INTERVAL=2;BYDAY=FR`, with or without `RRULE:`, and a line `DTSTART` before it if it has one.
        start: The time at which the rule begins, if the text has no `DTSTART`.
    """

    rule: str
    start: str | None = None
    kind: Literal["rrule"] = field(default="rrule", repr=False)

    def __post_init__(self) -> None:
        """Take the start as text."""
        as_text(self, "start")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return in_zone(" ".join(str(self.rule).split()), self.timezone)


@dataclass(frozen=True, slots=True)
class Dates(WallClockValue):
    """A list of dates, or of dates with times.

    Args:
        dates: ISO-8601 dates, `2026-12-24`, or local times, `2026-12-24T18:00`.
        at: The time of day on a date without one; without it, the whole day is meant, and it fires at midnight.
    """

    dates: tuple[str, ...]
    at: str | None = None
    kind: Literal["dates"] = field(default="dates", repr=False)

    def __post_init__(self) -> None:
        """Take the dates as text."""
        as_text(self, "dates")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        told = ", ".join(map(str, self.dates)) if len(self.dates) <= _FEW else f"{len(self.dates)} dates"
        return in_zone(f"{told}{f' at {self.at}' if self.at else ''}", self.timezone)


@dataclass(frozen=True, slots=True)
class Weekly(WallClockValue):
    """A window of time on days of the week, such as office hours. By itself, it fires when the window opens.

    Args:
        days: Weekdays: `mon-fri`, `sat,sun`.
        start: The time of day at which the window opens.
        end: The time of day at which it closes, on the next day if it is not later than *start*.
    """

    days: str
    start: str = "00:00"
    end: str = "24:00"
    kind: Literal["weekly"] = field(default="weekly", repr=False)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return in_zone(f"{self.days} {self.start}-{self.end}", self.timezone)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a calendar that is kept in the graph under a name, such as public holidays.

    Args:
        name: The name under which the calendar is defined.
        at: The time of day on each of its days; without it, its days and windows are meant, and it fires at their
            begin.
        timezone: The IANA zone whose days they are; by default that of the calendar, or of the schedule beside it.
        gap: The treatment of a wall time that the zone's clock jumps over.
        fold: The treatment of a wall time that occurs twice.
        version: The version of its content; the scheduler writes it, and the fields after it.
        dates: The days, `2026-12-25`, and windows, `2026-12-24T18:00/2026-12-24T22:00`, that it had at that version.
        last: The last day for which it has data.
    """

    recurring: ClassVar[bool] = True

    name: str
    at: str | None = None
    timezone: str | None = None
    gap: Gap = Gap.RUN_AFTER
    fold: Fold = Fold.FIRST
    version: str | None = None
    dates: tuple[str, ...] | None = None
    last: str | None = None
    kind: Literal["calendar"] = field(default="calendar", repr=False)

    def __post_init__(self) -> None:
        """Take the dates as text."""
        if self.dates is not None:
            as_text(self, "dates")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return in_zone(f"calendar {self.name}{f' at {self.at}' if self.at else ''}", self.timezone or "UTC")


@dataclass(frozen=True, slots=True)
class Workdays(WallClockValue):
    """Business days: each of them, or the first, the third, the last of each month.

    Args:
        at: The time of day; without it, the whole day is meant, and it fires at midnight.
        nth: The place of the day in its period, 1 for the first and -1 for the last; None for every business day.
        per: The period that *nth* counts in: `week`, `month`, `quarter` or `year`.
        weekdays: The days of the week on which business is done.
        holidays: ISO-8601 dates on which it is not, and names of calendars.
        calendars: The calendars that are named, as they were; the scheduler writes them.
    """

    nested: ClassVar[tuple[str, ...]] = ("calendars",)

    at: str | None = None
    nth: int | None = None
    per: str = "month"
    weekdays: str = "mon-fri"
    holidays: tuple[str, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    kind: Literal["workdays"] = field(default="workdays", repr=False)

    def __post_init__(self) -> None:
        """Take the holidays as text, and a single one as a list."""
        take_holidays(self)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        which = "workdays" if self.nth is None else f"workday {self.nth} of the {self.per}"
        return in_zone(f"{which}{f' at {self.at}' if self.at else ''}", self.timezone)


_FEW: Final = 3
