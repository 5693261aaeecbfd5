"""Wall times moved by days, business days, or to the nearest business day, at the same time of day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.schedules.walls.day_times import VaryingTimes
from remembrancer.schedules.walls.wall_set import DAY, NEVER, NO_WALL, WallSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.schedules.walls.day_sets import WeekDays

_MOST: Final = 1440
"""Times a day that can be moved."""


@dataclass(frozen=True, slots=True)
class DayMove:
    """A move of days that keeps their order: by calendar days, then onto a business day, then by business days."""

    workdays: WeekDays
    by_days: int
    roll: str | None
    by_workdays: int

    def of(self, day: int) -> int:
        """Return the day to which *day* moves."""
        day += self.by_days
        if self.roll == "after":
            day = self.workdays.at_or_after(day)
        elif self.roll == "before":
            day = self.workdays.select(self.workdays.rank(day + 1) - 1)
        if self.by_workdays > 0:
            return self.workdays.select(self.workdays.rank(day + 1) + self.by_workdays - 1)
        if self.by_workdays < 0:
            return self.workdays.select(self.workdays.rank(day) + self.by_workdays)
        return day

    def first_to(self, day: int) -> int:
        """Return the first day that moves to *day* or later."""
        low = high = day - self.by_days
        width = 1
        while self.of(low) >= day:
            low, width = low - width, width * 2
        while self.of(high) < day:
            high, width = high + width, width * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.of(middle) >= day else (middle, high)
        return high


@dataclass(frozen=True, slots=True)
class MovedDays(VaryingTimes):
    """The times of *source*, each on the day to which its own day moves."""

    source: WallSet
    move: DayMove

    def next_day(self, day: int) -> int:
        """Return the first day at or after *day* that has times."""
        wall = self.source.at_or_after(self.move.first_to(day) * DAY)
        return self.move.of(wall // DAY) if wall < NO_WALL else NEVER

    def times_on(self, day: int) -> Sequence[int]:
        """Return the times of all days that move to *day*. Raises InvalidInput if they are too many."""
        return _moved_to(self, day)


@lru_cache(maxsize=4096)
def _moved_to(moved: MovedDays, day: int) -> tuple[int, ...]:
    first, last = moved.move.first_to(day), moved.move.first_to(day + 1)
    walls = moved.source.listed(first * DAY, last * DAY, _MOST + 1)
    if len(walls) > _MOST:
        raise InvalidInput("schedule", "an offset of days", f"a schedule of at most {_MOST:,} times a day", "0 9 * * *")
    return tuple(sorted({wall % DAY for wall in walls}))
