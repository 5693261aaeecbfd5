"""The wall times that a cron expression names: each of its hours, minutes and seconds, on the days that match."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from remembrancer.schedules.walls.day_sets import EVERY_DAY, DaySet
from remembrancer.schedules.walls.day_times import even_days, listed_by_day, times_of_day
from remembrancer.schedules.walls.wall_set import DAY, WallSet, even


@dataclass(frozen=True, slots=True)
class WallTimes(WallSet):
    """Hours, minutes and seconds (each ascending, none empty), on each day of a set."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    days: DaySet = EVERY_DAY

    def at_or_after(self, wall: int) -> int:
        """Return the first named wall time at or after *wall*; `NO_WALL` or more when there is none."""
        day, time = divmod(wall, DAY)
        found = self.days.at_or_after(day)
        if found == day:
            later = self._time(time)
            if later is not None:
                return day * DAY + later
            found = self.days.at_or_after(day + 1)
        return found * DAY + self.hours[0] * 3600 + self._first_in_hour()

    def even_from(self, wall: int) -> range | None:
        """Return the times from *wall* on, if they are evenly spaced over all days."""
        first = self.hours[0] * 3600 + self._first_in_hour()
        if len(self.hours) == len(self.minutes) == len(self.seconds) == 1:
            return even_days(self.days, first, wall)
        step = _spacing(self.hours, self.minutes, self.seconds) if self.days == EVERY_DAY else None
        return None if step is None else even(step, first, wall)

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the wall times from *start* up to *end* (excluded), at most *limit*: by the day."""
        times = times_of_day(self.hours, self.minutes, self.seconds)
        return listed_by_day(self.days, times, (start, end), limit)

    def count(self, start: int, end: int) -> int:
        """Return how many wall times are named from *start* up to *end* (excluded), without listing them."""
        (first, begin), (last, finish) = divmod(start, DAY), divmod(end, DAY)
        total = self.days.count(first, last) * len(self.hours) * len(self.minutes) * len(self.seconds)
        if begin and self.days.at_or_after(first) == first:
            total -= self._rank(begin)
        if finish and self.days.at_or_after(last) == last:
            total += self._rank(finish)
        return total

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


@lru_cache(maxsize=256)
def _spacing(hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]) -> int | None:
    """Return the seconds from one time to the next, of one day to the next too; None if they differ."""
    times = times_of_day(hours, minutes, seconds)
    step, rest = divmod(DAY, len(times))
    return step if not rest and times == tuple(range(times[0], times[0] + DAY, step)) else None
