"""The schedule of kind `every`: an interval of elapsed time, or of days and weeks at a time of day."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_ms, to_iso
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.phrases import every_words, length_words, time_words, wall_words, weekday_words
from remembrancer.schedules.protocol import Schedule
from remembrancer.schedules.value_fields import (
    names_days_only,
    read_length,
    read_second_in,
    read_time_of_day,
    read_wall_in,
)
from remembrancer.schedules.wall_schedule import WallSchedule, zoned_walls
from remembrancer.schedules.walls.day_sets import WEEK, EachDay, weekday_of
from remembrancer.schedules.walls.day_times import DayTimes
from remembrancer.schedules.walls.wall_set import DAY, END, even
from remembrancer.schedules.zone_offsets import DERIVED

if TYPE_CHECKING:
    from remembrancer.model.plain_schedules import Every

_FIRST_MONDAY: Final = 4
"""1970-01-05 as a day since 1970."""


@dataclass(frozen=True, slots=True)
class ElapsedSchedule(Schedule):
    """One occurrence each `step` seconds, `offset` seconds after the epoch's multiples of it."""

    recurring: ClassVar[bool] = True

    step: int
    offset: int
    zone: str
    begin: int | None = field(default=None, repr=False, compare=False)
    """The second from which it was said to be counted, for the words."""

    @property
    def timezone(self) -> str:
        """The zone that its times are shown in; it follows no wall clock."""
        return self.zone

    @property
    def normalized(self) -> str:
        """The interval in seconds, and its offset from 1970-01-01T00:00:00Z."""
        return f"every {self.step}s" + (f" phase {self.offset}s" if self.offset else "")

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*, by arithmetic."""
        second = self.offset + ((after_ms // 1000 - self.offset) // self.step + 1) * self.step
        return second * 1000 if second < END else None

    def even_from(self, second: int) -> range:
        """Return the seconds of the occurrences from *second* on."""
        return even(self.step, self.offset, second, END)

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the occurrences in between, by arithmetic."""
        first = self.next_after(start_ms - 1)
        if first is None:
            return []
        return list(range(first, min(until_ms, END * 1000 - 1) + 1, self.step * 1000)[:limit])

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are, by arithmetic."""
        return max(0, self._rank(min(until_ms, END * 1000 - 1)) - self._rank(start_ms - 1))

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the occurrence at *place*, counted back from *until_ms*, by arithmetic."""
        return (self.offset + (self._rank(until_ms) - place + 1) * self.step) * 1000

    def describe(self) -> str:
        """Return it in English."""
        begin = f", from {length_words(self.offset)} past 1970-01-01T00:00:00Z on" if self.offset else ""
        if self.begin:
            begin = f", counted from {to_iso(from_ms(self.begin * 1000))}"
        return f"Every {_unit_words(self.step)}{begin}"

    def _rank(self, moment_ms: int) -> int:
        """Return the number of the last occurrence at or before *moment_ms*."""
        return (moment_ms // 1000 - self.offset) // self.step


def every_schedule(value: Every, task_id: str) -> Schedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    return _parsed(value)


@lru_cache(maxsize=4096)
def _parsed(value: Every) -> Schedule:
    step = read_length(value.every, "every", "90m")
    if step < 1:
        raise InvalidInput("every", value.every, "an interval of at least one second", "90m")
    zone = read_zone(value.timezone)
    phase = 0 if value.phase is None else read_length(value.phase, "phase", "10m")
    if not 0 <= phase < step:
        raise InvalidInput("phase", value.phase, "a length of time shorter than the interval", "10m")
    if names_days_only(value.every) and step % DAY == 0:
        return _of_days(value, step // DAY, phase)
    if value.at is not None:
        allowed = "no time of day beside an interval in hours, minutes or seconds; anchor says from when it is counted"
        raise InvalidInput("at", value.at, allowed, None)
    anchor = 0 if value.anchor is None else read_second_in(value.anchor, "anchor", zone)
    begin = None if value.anchor is None else anchor + phase
    return ElapsedSchedule(step, (anchor + phase) % step, zone, begin)


def _of_days(value: Every, step: int, phase: int) -> WallSchedule:
    """Return an interval of days: each so many days, at a time of day."""
    base = _FIRST_MONDAY if step % WEEK == 0 else 0
    zone = read_zone(value.timezone)
    anchor = base * DAY if value.anchor is None else read_wall_in(value.anchor, "anchor", zone)
    day, time = divmod(anchor, DAY)
    if value.at is not None:
        time = read_time_of_day(value.at, "at")
    shift, rest = divmod(phase, DAY)
    if rest:
        raise InvalidInput("phase", value.phase, "whole days beside an interval in days; at is the time of day", "1d")
    days = EachDay(step, (day + shift) % step)
    zoned = zoned_walls(value, DayTimes(days, (time,)))
    first = days.at_or_after(0) * DAY + time
    return WallSchedule(zoned, _day_words(step, days, time), f"every {step}d from {wall_words(first)}")


def _day_words(step: int, days: EachDay, time: int) -> str:
    """Return the interval in words; of weeks, with the weekday; of more than a day, with a day that it fires on."""
    if step % WEEK == 0:
        weekday = weekday_words([weekday_of(days.phase)])
        words = f"{every_words(step // WEEK, 'week')} on {weekday} at {time_words(time)}"
        return words if step == WEEK else f"{words}, such as {wall_words(days.at_or_after(_SHOWN_FROM) * DAY)[:10]}"
    words = f"{every_words(step, 'day')} at {time_words(time)}"
    return words if step == 1 else f"{words}, such as {wall_words(days.at_or_after(_SHOWN_FROM) * DAY)[:10]}"


def _unit_words(step: int) -> str:
    """Return an interval: "hour" for one hour, "90 minutes", "1 hour 1 second"."""
    for unit, size in (("day", DAY), ("hour", 3600), ("minute", 60), ("second", 1)):
        if step == size:
            return unit
        if step % size == 0:
            return f"{step // size} {unit}s"
    return length_words(step)


_SHOWN_FROM: Final = 20_454
"""2026-01-01 as a day since 1970: the words name a day after it."""
DERIVED.append(_parsed.cache_clear)
