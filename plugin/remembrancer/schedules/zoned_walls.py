"""The zone layer: wall times become moments, with one treatment of both clock changes for all kinds of schedules.

Where a zone's clock jumps or repeats, there are two kinds of wall times:

- *Fixed times* mean that time of day, once a day. In a gap `gap` decides, in a fold `fold`.
- *Intervals* mean that much elapsed time. They fire whenever the wall clock matches: nothing is shifted out of a gap,
  and both passes of a repeated hour count, so that a fold never stretches the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.model.policy import Fold, Gap
from remembrancer.schedules.walls.wall_set import DAY, END
from remembrancer.schedules.zone_offsets import span_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from remembrancer.schedules.walls.wall_set import WallSet
    from remembrancer.schedules.zone_offsets import OffsetSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonedWalls:
    """Wall times in a zone; immutable, and safe to share between threads."""

    timezone: str
    gap: Gap = Gap.RUN_AFTER
    fold: Fold = Fold.FIRST
    is_interval: bool = field(default=False, repr=False)
    """True if they follow elapsed time, or are fixed times of day."""
    walls: WallSet = field(repr=False)
    """The wall times, without regard to the zone."""
    rules: ZoneInfo | None = field(default=None, repr=False)
    """Rules of the zone other than those in force, such as older ones by which a time was computed."""

    def next_after(self, after_ms: int) -> int | None:
        """Return the first fire strictly after *after_ms*, or None where there is none before the year 2400."""
        second = after_ms // 1000 + 1
        while second < END:
            span = span_at(self.rules or self.timezone, second)
            if second == span.start and self.runs_after_gap(span):
                return second * 1000
            opens, closes = self._bounds(span)
            wall = self.walls.at_or_after(max(second + span.offset, opens))
            if wall < closes:
                return (wall - span.offset) * 1000
            second = span.end
            if span.after >= span.offset:
                # No wall time is about to repeat, and no clock is a day ahead of UTC: there is no fire until a day
                # before the wall time that was found.
                second = max(second, wall - DAY)
        return None

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the fires f with start_ms <= f <= until_ms, ascending, at most *limit*.

        The zone is looked at once for each stretch of constant offset, not for each fire.
        """
        found: list[int] = []
        second, last = -(-start_ms // 1000), min(until_ms // 1000, END - 1)
        while second <= last and len(found) < limit:
            span = span_at(self.rules or self.timezone, second)
            low, high = self._walls_within(span, second, last)
            if self._fires_after_gap(span, second, low):
                found.append(second * 1000)
            if low < high:
                offset = span.offset
                found += [(wall - offset) * 1000 for wall in self.walls.listed(low, high, limit - len(found))]
            second = span.end
        return found

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many fires f there are with start_ms <= f <= until_ms: counted by the day, not one by one."""
        second, last = -(-start_ms // 1000), min(until_ms // 1000, END - 1)
        total = 0
        while second <= last:
            span = span_at(self.rules or self.timezone, second)
            low, high = self._walls_within(span, second, last)
            if low < high:
                total += self.walls.count(low, high)
            total += self._fires_after_gap(span, second, low)
            second = span.end
        return total

    def even_from(self, second: int) -> range | None:
        """Return the seconds of the fires from *second* on, as far as they are evenly spaced; None if not known."""
        span = span_at(self.rules or self.timezone, second)
        opens, closes = self._bounds(span)
        if not opens <= second + span.offset < closes or (second == span.start and self.runs_after_gap(span)):
            return None
        if (walls := self.walls.even_from(second + span.offset)) is None:
            return None
        return range(walls.start - span.offset, min(min(walls.stop, closes) - span.offset, END), walls.step)

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the fire at *place*, counted back from *until_ms*: at 1 the last that is not after it.

        There must be as many.
        """
        last = until_ms // 1000
        width = 60
        while self.count((last - width) * 1000, until_ms) < place:
            width *= 2
        low, high = last - width, last + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.count(middle * 1000, until_ms) >= place:
                low = middle
            else:
                high = middle
        return low * 1000

    def runs_after_gap(self, span: OffsetSpan) -> bool:
        """Return whether a fixed time lies in the gap that *span* begins with, and runs after it."""
        if span.offset <= span.before or self.is_interval or self.gap is Gap.SKIP:
            return False
        return self.walls.at_or_after(span.start + span.before) < span.start + span.offset

    def _fires_after_gap(self, span: OffsetSpan, second: int, low: int) -> bool:
        """Return whether the begin of *span*, at *second*, is a fire that no wall time from *low* on names."""
        if second != span.start or not self.runs_after_gap(span):
            return False
        return low != second + span.offset or self.walls.at_or_after(low) != low

    def _walls_within(self, span: OffsetSpan, second: int, last: int) -> tuple[int, int]:
        """Return the first wall time that *span* serves from *second* to *last*, and the one after its last."""
        opens, closes = self._bounds(span)
        return max(second + span.offset, opens), min(last + 1 + span.offset, closes)

    def _bounds(self, span: OffsetSpan) -> tuple[int, int]:
        """Return the first wall time that *span* serves, and the one after its last, as `fold` says."""
        opens, closes = span.start + span.offset, span.end + span.offset
        if self.is_interval:
            return opens, closes
        if self.fold is Fold.FIRST:
            opens = max(opens, span.start + span.before)
        elif self.fold is Fold.LAST:
            closes = min(closes, span.end + span.after)
        return opens, closes


def zoned_form(text: str, zoned: ZonedWalls) -> str:
    """Return a normal form with the zone and its choices, where they are not the defaults."""
    gap = "" if zoned.gap is Gap.RUN_AFTER else f" gap={zoned.gap}"
    fold = "" if zoned.fold is Fold.FIRST else f" fold={zoned.fold}"
    return f"{text}{'' if zoned.timezone == 'UTC' else f' {zoned.timezone}'}{gap}{fold}"
