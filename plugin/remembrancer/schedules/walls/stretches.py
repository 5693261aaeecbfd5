"""Sets of stretches of time, such as office hours or whole days, and their algebra.

A stretch runs from its begin up to its end (excluded). As a set of wall times, stretches are their begins; they cover
all that lies inside.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.schedules.walls.steps import step
from remembrancer.schedules.walls.wall_set import DAY, END, NO_WALL, WallSet

if TYPE_CHECKING:
    from remembrancer.schedules.walls.day_sets import DaySet

NO_STRETCH: Final = (NO_WALL, NO_WALL)


class Stretches(WallSet):
    """Stretches of time, ascending."""

    @abstractmethod
    def stretch(self, wall: int) -> tuple[int, int]:
        """Return the first stretch that ends after *wall*; `NO_STRETCH` if there is none."""

    def at_or_after(self, wall: int) -> int:
        """Return the first begin at or after *wall*."""
        begin, end = self.stretch(wall)
        while begin < wall:
            step()
            begin, end = self.stretch(end)
        return begin

    def covers(self, wall: int) -> bool:
        """Return whether a stretch covers *wall*."""
        return self.stretch(wall)[0] <= wall


@dataclass(frozen=True, slots=True)
class WholeDays(Stretches):
    """The days of a set, from midnight to midnight; days in a row are a stretch each, so that each of them begins."""

    days: DaySet

    def stretch(self, wall: int) -> tuple[int, int]:
        """Return the first day that ends after *wall*."""
        begin = self.days.at_or_after(wall // DAY) * DAY
        return (begin, begin + DAY) if begin < END else NO_STRETCH

    def count(self, start: int, end: int) -> int:
        """Return how many days begin in between."""
        return self.days.count(-(-start // DAY), -(-end // DAY))


@dataclass(frozen=True, slots=True)
class Windows(Stretches):
    """One window on each day of a set: from `opens` (seconds of the day), `length` seconds long, at most a day."""

    days: DaySet
    opens: int
    length: int

    def stretch(self, wall: int) -> tuple[int, int]:
        """Return the first window that closes after *wall*."""
        day = (wall - self.opens - self.length) // DAY + 1
        begin = self.days.at_or_after(day) * DAY + self.opens
        return (begin, begin + self.length) if begin < END else NO_STRETCH


@dataclass(frozen=True, slots=True)
class CommonStretches(Stretches):
    """The part that two sets of stretches share."""

    one: Stretches
    other: Stretches

    def stretch(self, wall: int) -> tuple[int, int]:
        """Return the first common stretch that ends after *wall*."""
        while True:
            step()
            (begin, end), (start, stop) = self.one.stretch(wall), self.other.stretch(wall)
            low, high = max(begin, start), min(end, stop)
            if low >= NO_WALL:
                return NO_STRETCH
            if low < high:
                return low, high
            wall = high


@dataclass(frozen=True, slots=True)
class Remainder(Stretches):
    """The part of stretches outside others."""

    one: Stretches
    other: Stretches

    def stretch(self, wall: int) -> tuple[int, int]:
        """Return the first stretch that ends after *wall*, less what the others cover."""
        begin, end = self.one.stretch(wall)
        while begin < NO_WALL:
            step()
            start, stop = self.other.stretch(begin)
            if wall < min(start, end) > begin:
                return begin, min(start, end)
            begin = stop
            if begin >= end:
                begin, end = self.one.stretch(max(end, wall))
        return NO_STRETCH


@dataclass(frozen=True, slots=True)
class Either(Stretches):
    """The stretches of two sets; they may overlap."""

    one: Stretches
    other: Stretches

    def stretch(self, wall: int) -> tuple[int, int]:
        """Return the earlier of the first stretches that end after *wall*."""
        return min(self.one.stretch(wall), self.other.stretch(wall))

    def at_or_after(self, wall: int) -> int:
        """Return the first begin at or after *wall*, of either."""
        return min(self.one.at_or_after(wall), self.other.at_or_after(wall))

    def covers(self, wall: int) -> bool:
        """Return whether either covers *wall*."""
        return self.one.covers(wall) or self.other.covers(wall)
