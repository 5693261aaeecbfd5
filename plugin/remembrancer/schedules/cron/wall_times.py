"""The wall times that a cron expression names, without a zone: seconds of local time since 1970-01-01 00:00."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from remembrancer.schedules.cron.calendar import NEVER, first_day

_DAY: Final = 86_400
NO_WALL: Final = NEVER * _DAY
"""From this value on there is no wall time: the expression names none."""


@dataclass(frozen=True, slots=True)
class WallTimes:
    """Hours, minutes and seconds (each ascending, none empty), and the patterns that the day must match."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    sides: tuple[str, ...]

    def at_or_after(self, wall: int) -> int:
        """Return the first named wall time at or after *wall*; `NO_WALL` or more when there is none."""
        day, time = divmod(wall, _DAY)
        found = self._day(day)
        if found == day:
            later = self._time(time)
            if later is not None:
                return day * _DAY + later
            found = self._day(day + 1)
        return found * _DAY + self.hours[0] * 3600 + self._first_in_hour()

    def count(self, start: int, end: int) -> int:
        """Return how many wall times are named from *start* up to *end* (excluded), without listing them."""
        (first, begin), (last, finish) = divmod(start, _DAY), divmod(end, _DAY)
        total = self._days(first, last) * len(self.hours) * len(self.minutes) * len(self.seconds)
        if self._day(first) == first:
            total -= self._rank(begin)
        if self._day(last) == last:
            total += self._rank(finish)
        return total

    def _days(self, first: int, last: int) -> int:
        """Return how many days match from *first* up to *last* (excluded)."""
        if not self.sides:
            return last - first
        found, day = 0, self._day(first)
        while day < last:
            found, day = found + 1, self._day(day + 1)
        return found

    def _rank(self, time: int) -> int:
        """Return how many named seconds of a day lie before *time*."""
        hour, rest = divmod(time, 3600)
        minute, second = divmod(rest, 60)
        rank, found = self._before(self.hours, hour)
        rank *= len(self.minutes)
        if found:
            inside, found = self._before(self.minutes, minute)
            rank += inside
        rank *= len(self.seconds)
        return rank + (bisect_left(self.seconds, second) if found else 0)

    @staticmethod
    def _before(values: tuple[int, ...], value: int) -> tuple[int, bool]:
        """Return how many of *values* are smaller, and whether *value* is among them."""
        at = bisect_left(values, value)
        return at, at < len(values) and values[at] == value

    def _day(self, day: int) -> int:
        if not self.sides:
            return day
        return min(first_day(side, day) for side in self.sides)

    def _time(self, time: int) -> int | None:
        """Return the first named second of the day at or after *time*."""
        hour, rest = divmod(time, 3600)
        at = bisect_left(self.hours, hour)
        if at < len(self.hours) and self.hours[at] == hour:
            inside = self._in_hour(rest)
            if inside is not None:
                return hour * 3600 + inside
            at += 1
        return None if at == len(self.hours) else self.hours[at] * 3600 + self._first_in_hour()

    def _in_hour(self, rest: int) -> int | None:
        """Return the first named second of the hour at or after *rest*."""
        minute, second = divmod(rest, 60)
        at = bisect_left(self.minutes, minute)
        if at < len(self.minutes) and self.minutes[at] == minute:
            inside = bisect_left(self.seconds, second)
            if inside < len(self.seconds):
                return minute * 60 + self.seconds[inside]
            at += 1
        return None if at == len(self.minutes) else self.minutes[at] * 60 + self.seconds[0]

    def _first_in_hour(self) -> int:
        return self.minutes[0] * 60 + self.seconds[0]
