"""The contract of a set of wall times: seconds since 1970-01-01 00:00 of a clock without a zone, ascending, lazy.

Pure: an implementation is immutable and may be shared between threads.
"""

from __future__ import annotations

from abc import abstractmethod
from math import gcd
from typing import Final, Protocol

DAY: Final = 86_400
NEVER: Final = 1 << 40
"""The day where no day matches."""
NO_WALL: Final = NEVER * DAY
"""From this value on there is no wall time: the set has no further one."""
END: Final = 13_569_465_600
"""The first second of the year 2400, up to which times are calculated."""


class WallSet(Protocol):
    """A set of wall times. An implementation overrides the defaults that step from one time to the next."""

    @abstractmethod
    def at_or_after(self, wall: int) -> int:
        """Return the first time at or after *wall*; `NO_WALL` or more when there is none."""

    def covers(self, wall: int) -> bool:
        """Return whether *wall* belongs to the set."""
        return self.at_or_after(wall) == wall

    def even_from(self, wall: int) -> range | None:
        """Return the times from *wall* on as far as they are evenly spaced; None if the set does not know any.

        There is no other time between *wall* and the end of the range, which may be empty.
        """
        del wall

    def listed(self, start: int, end: int, limit: int) -> list[int]:
        """Return the times from *start* up to *end* (excluded), ascending, at most *limit*."""
        found: list[int] = []
        wall = self.at_or_after(start)
        while wall < end and len(found) < limit:
            found.append(wall)
            wall = self.at_or_after(wall + 1)
        return found

    def count(self, start: int, end: int) -> int:
        """Return how many times there are from *start* up to *end* (excluded)."""
        counted, wall = 0, self.at_or_after(start)
        while wall < end:
            counted, wall = counted + 1, self.at_or_after(wall + 1)
        return counted


def even(step: int, phase: int, wall: int, end: int = NO_WALL) -> range:
    """Return the times from *wall* up to *end* (excluded) with the remainder *phase* by *step*."""
    return range(wall + (phase - wall) % step, end, step)


def in_both(one: range, other: range) -> range:
    """Return the times that two ranges have in common, up to the end of the one that ends first.

    By the Chinese remainder theorem: they are evenly spaced by the least common multiple, or there are none.
    """
    end = min(one.stop, other.stop)
    shared = gcd(one.step, other.step)
    apart = other.start - one.start
    if apart % shared:
        return range(end, end)
    cycle = other.step // shared
    turns = apart // shared * pow(one.step // shared, -1, cycle) % cycle
    return even(one.step * cycle, one.start + turns * one.step, max(one.start, other.start), end)
