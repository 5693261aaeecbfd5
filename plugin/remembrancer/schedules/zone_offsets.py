"""A zone's clock as stretches of constant offset, in whole epoch seconds.

Within one stretch the wall clock runs evenly, so the arithmetic is addition. Clock changes happen only where two
stretches meet: a gap where the offset grows, a fold where it shrinks.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from remembrancer.model.timestamps import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

DERIVED: Final[list[Callable[[], None]]] = []
"""Functions that empty caches of what was derived from the rules of zones; a module with such a cache adds its own."""
_FOLLOWED: Final[dict[str, ZoneInfo]] = {}
"""The clocks of zones that this process reads by other rules than its own."""


class OffsetSpan(NamedTuple):
    """A stretch `start <= second < end` (epoch seconds) during which a zone keeps one offset.

    `before` and `after` are the offsets of the adjacent stretches. They may equal `offset`: long stretches are cut.
    All offsets are seconds east of UTC.
    """

    start: int
    end: int
    offset: int
    before: int
    after: int


def clock_of(zone: str) -> ZoneInfo:
    """Return the clock of a zone by the rules in force: those of this process, unless it follows others."""
    return _FOLLOWED.get(zone) or ZoneInfo(zone)


def follow(zone: str, clock: ZoneInfo | None) -> None:
    """Read *zone* by the rules of *clock* from now on, in all of this process; None: by its own."""
    if _FOLLOWED.get(zone) is clock:
        return
    if clock is None:
        del _FOLLOWED[zone]
    else:
        _FOLLOWED[zone] = clock
    _block.cache_clear()
    for forget in DERIVED:
        forget()


def span_at(zone: str | ZoneInfo, second: int) -> OffsetSpan:
    """Return the stretch of *zone* that holds the epoch *second*.

    An IANA key means the rules in force, a `ZoneInfo` its own.
    """
    spans, starts = _block(zone, second >> _BLOCK_BITS)
    return spans[bisect_right(starts, second) - 1]


@lru_cache(maxsize=8192)
def _block(zone: str | ZoneInfo, number: int) -> tuple[tuple[OffsetSpan, ...], tuple[int, ...]]:
    """Return the stretches of one block of time, and their starts to bisect in."""
    clock = clock_of(zone) if isinstance(zone, str) else zone
    start, end = number << _BLOCK_BITS, (number + 1) << _BLOCK_BITS
    cuts = [start, *changes(clock, start, end)]
    ends = [*cuts[1:], end]
    spans = tuple(
        OffsetSpan(low, high, offset_at(clock, low), offset_at(clock, low - 1), offset_at(clock, high))
        for low, high in zip(cuts, ends, strict=True)
    )
    return spans, tuple(cuts)


def changes(clock: ZoneInfo, start: int, end: int) -> list[int]:
    """Return the seconds inside (start, end) at which the offset changes."""
    found: list[int] = []
    low, offset = start, offset_at(clock, start)
    while low < end - 1:
        high = min(low + _PROBE, end - 1)
        later = offset_at(clock, high)
        if later != offset:
            found.append(_first_changed(clock, low, high))
        low, offset = high, later
    return found


def _first_changed(clock: ZoneInfo, low: int, high: int) -> int:
    """Return the first second in (low, high] whose offset is no longer that of *low*."""
    old = offset_at(clock, low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(clock, middle) == old:
            low = middle
        else:
            high = middle
    return high


def offset_at(clock: ZoneInfo, second: int) -> int:
    """Return how many seconds east of UTC *clock* is at the epoch *second*."""
    shift = (EPOCH + timedelta(seconds=second)).astimezone(clock).utcoffset()
    return int(shift.total_seconds()) if shift is not None else 0


_BLOCK_BITS: Final = 25
"""A block is 2**25 seconds, 388 days: quick to build, and long enough to be used again."""

_PROBE: Final = 3 * 86_400
"""Between two changes of any zone since 1970 lie at least six days: a probe every three days misses none."""
