"""Places in the index of waits below which no task waits, so that a search need not pass what has left the index.

The embedded engine passes each entry that was removed, until it compacts the index: of 10,000 tasks that waited for
one limit and were served, each search of the rest would pass them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHARE: Final = 10
"""A whole search is repeated once ten times as long as it took has passed: it may have missed a write from outside."""
_MOST: Final = 1000


@dataclass(slots=True)
class _Floor:
    above: str
    """No task waits at or below this index key."""
    until: float
    """The time (seconds) of the next whole search."""


class WaitFloors:
    """The floors of the things that tasks wait for; times are seconds of one clock that only goes on."""

    def __init__(self) -> None:
        self._floors: dict[str, _Floor] = {}
        self._lowered = 0

    def begin_read(self, begin: str, at: float) -> FloorRead:
        """Return where to search for the tasks that wait for one thing, whose index keys begin with *begin*."""
        floor = self._floors.get(begin)
        above = floor.above if floor and at < floor.until else begin
        return FloorRead(begin, above, at, self._lowered)

    def end_read(self, read: FloorRead, first: str | None, end: str, at: float) -> None:
        """Note the first index key that was found, or that none was below *end*; nothing if a wait began meanwhile."""
        if read.lowered != self._lowered:
            return
        known = self._floors.get(read.begin)
        if first is None and known is None:  # most things have nothing to pass: they need no floor
            return
        above = end if first is None else first[:-1]
        is_whole = read.above == read.begin
        until = at + _SHARE * (at - read.at) if is_whole or known is None else known.until
        if known is None and len(self._floors) >= _MOST:
            self._floors.clear()
        self._floors[read.begin] = _Floor(above, until)

    def lower(self, begins: Iterable[str]) -> None:
        """Forget floors: to be called before the write of waits for these things is sent, and once it has returned."""
        for begin in begins:
            self._lowered += 1
            self._floors.pop(begin, None)

    def clear(self) -> None:
        """Forget all floors: to be called once tasks have changed their places among those that wait."""
        self._lowered += 1
        self._floors.clear()


@dataclass(frozen=True, slots=True)
class FloorRead:
    """One search of the tasks that wait for one thing."""

    begin: str
    above: str
    """The index key above which to search."""
    at: float
    lowered: int
