"""Calendar fields that must all agree: the sets of months, days, weekdays and times of day of foreign schedules.

systemd, APScheduler and Celery fire when every field agrees; a cron expression fires when either of its two day fields
does. So a set of fields becomes a cron expression where that means the same, and a recurrence rule elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from remembrancer.model.plain_schedules import Cron, Dates, Once, RRule
from remembrancer.model.policy import Fold, Gap
from remembrancer.model.schedule import AnyOf, Bounded
from remembrancer.schedules.importers.entries import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from remembrancer.model.schedule import ScheduleValue

MONTHS: Final = frozenset(range(1, 13))
DAYS: Final = frozenset(range(1, 32))
WEEKDAYS: Final = frozenset(range(7))
HOURS: Final = frozenset(range(24))
SIXTY: Final = frozenset(range(60))
LAST_YEAR: Final = 2199
"""The last year of a calendar event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFields:
    """Fields that all have to agree.

    Args:
        years: The years; None for every year.
        months: 1 to 12.
        days: Days of the month; a negative one is counted from its end, -1 being the last.
        weekdays: 0 is Monday.
        places: Weekdays at a place of the month, such as (-1, 4), the last Friday; in place of *days*.
        hours: 0 to 23.
        minutes: 0 to 59.
        seconds: 0 to 59.
        timezone: The IANA zone.
        gap: The treatment of times that a clock change leaves out.
    """

    years: frozenset[int] | None = None
    months: frozenset[int] = MONTHS
    days: frozenset[int] = DAYS
    weekdays: frozenset[int] = WEEKDAYS
    places: frozenset[tuple[int, int]] = frozenset()
    hours: frozenset[int] = frozenset((0,))
    minutes: frozenset[int] = frozenset((0,))
    seconds: frozenset[int] = frozenset((0,))
    timezone: str = "UTC"
    gap: Gap = Gap.RUN_AFTER

    def schedule(self) -> ScheduleValue:
        """Return the schedule that they mean. Raises Refused: they mean none."""
        if once := self._once():
            return once
        within = self._in_cron() if self._is_cron() else self._in_rule()
        if self.years is None:
            return within
        spans = _spans(self.years)
        if not spans:
            raise Refused("it names no year that is left")
        if len(spans) > _MOST_SPANS:
            raise Refused(f"its years make {len(spans)} separate spans; at most {_MOST_SPANS} are taken")
        bounded: list[ScheduleValue] = [
            Bounded(within, start=f"{low}-01-01", end=f"{high}-12-31") for low, high in spans
        ]
        return any_of(bounded)

    def _once(self) -> Once | None:
        """Return the one time that they name; None for several."""
        single = (self.years, self.months, self.days, self.hours, self.minutes, self.seconds)
        if self.places or self.weekdays != WEEKDAYS or any(each is None or len(each) != 1 for each in single):
            return None
        year, month, day, hour, minute, second = (next(iter(each or ())) for each in single)
        if day < 0:
            return None
        text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        return Once(f"{text}Z", "UTC") if self.timezone == "UTC" else Once(text, self.timezone)

    def _is_cron(self) -> bool:
        """Return whether a cron expression means the same."""
        free = self.days == DAYS or self.weekdays == WEEKDAYS
        return free and not self.places and self.seconds == _AT_ZERO and min(self.days) > 0

    def _in_cron(self) -> Cron:
        every = (
            _in_field(self.minutes, SIXTY),
            _in_field(self.hours, HOURS),
            _listed(self.days, DAYS),
            _listed(self.months, MONTHS),
            _listed({(day + 1) % 7 for day in self.weekdays}, WEEKDAYS),
        )
        return Cron(" ".join(every), self.timezone, gap=self.gap)

    def _in_rule(self) -> RRule:
        if self.places and (self.days != DAYS or self.weekdays != WEEKDAYS):
            raise Refused("weekdays at a place of the month stand beside other days")
        parts = [f"FREQ={'MONTHLY' if self.places else 'DAILY'}"]
        if self.months != MONTHS:
            parts.append(f"BYMONTH={_numbers(self.months)}")
        if self.days != DAYS:
            parts.append(f"BYMONTHDAY={_numbers(self.days)}")
        if self.places:
            parts.append("BYDAY=" + ",".join(f"{place}{_NAMES[day]}" for place, day in sorted(self.places)))
        elif self.weekdays != WEEKDAYS:
            parts.append("BYDAY=" + ",".join(_NAMES[day] for day in sorted(self.weekdays)))
        parts += [f"BYHOUR={_numbers(self.hours)}", f"BYMINUTE={_numbers(self.minutes)}"]
        parts.append(f"BYSECOND={_numbers(self.seconds)}")
        return RRule(";".join(parts), timezone=self.timezone, gap=self.gap, fold=Fold.FIRST)


def any_of(schedules: Sequence[ScheduleValue]) -> ScheduleValue:
    """Return the one schedule, or any of several; a single time among them is a list of one."""
    if len(schedules) == 1:
        return schedules[0]
    return AnyOf(tuple(_as_dates(each) if isinstance(each, Once) else each for each in schedules))


def _as_dates(once: Once) -> Dates:
    at = datetime.fromisoformat(str(once.at))
    if at.tzinfo is None:
        return Dates((at.isoformat(),), timezone=once.timezone)
    return Dates((at.astimezone(UTC).replace(tzinfo=None).isoformat(),), timezone="UTC")


def _numbers(values: Iterable[int]) -> str:
    return ",".join(map(str, sorted(values)))


def _in_field(values: frozenset[int], full: frozenset[int]) -> str:
    """Return a field of the time of day: `*`, `*/15`, or a list."""
    if values == full:
        return "*"
    ordered = sorted(values)
    step = ordered[1] - ordered[0] if len(ordered) > 1 else 0
    is_even = step > 1 and len(full) % step == 0 and ordered == list(range(0, len(full), step))
    return f"*/{step}" if is_even else _numbers(values)


def _listed(values: Iterable[int], full: frozenset[int]) -> str:
    """Return a field of days or months: `*`, `1-5`, or a list."""
    ordered = sorted(values)
    if len(ordered) == len(full):
        return "*"
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):  # noqa: PLR2004 (a range of three)
        return f"{ordered[0]}-{ordered[-1]}"
    return _numbers(ordered)


def _spans(years: frozenset[int]) -> list[tuple[int, int]]:
    """Return the years as spans, first and last."""
    spans: list[tuple[int, int]] = []
    for year in sorted(years):
        if spans and spans[-1][1] == year - 1:
            spans[-1] = (spans[-1][0], year)
        else:
            spans.append((year, year))
    return spans


_NAMES: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MOST_SPANS: Final = 32
_AT_ZERO: Final = frozenset((0,))
