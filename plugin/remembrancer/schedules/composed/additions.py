"""A schedule with more occurrences than it names."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remembrancer.schedules.wrapped import WrappedSchedule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ScheduleWithAdditions(WrappedSchedule):
    """The occurrences of *schedule* and the times of *added_ms*, ascending; a time that both name is one occurrence."""

    added_ms: tuple[int, ...]

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*, of the schedule or added."""
        named_ms, place = self.schedule.next_after(after_ms), bisect_right(self.added_ms, after_ms)
        if place == len(self.added_ms):
            return named_ms
        return self.added_ms[place] if named_ms is None else min(named_ms, self.added_ms[place])

    def next_ms(self, after_ms: int) -> int:
        """Return the first occurrence as `next_after` does. Raises InvalidInput, as the schedule words it."""
        found = self.next_after(after_ms)
        return self.schedule.next_ms(after_ms) if found is None else found

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are; a change of zone rules may have moved one to an added time."""
        added = self.added_ms[bisect_left(self.added_ms, start_ms) : bisect_right(self.added_ms, until_ms)]
        named = self.schedule.count(start_ms, until_ms)
        return named + sum(self.schedule.count(each, each) == 0 for each in added)

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes do to an occurrence of the schedule; nothing to an added one."""
        return () if occurrence_ms in self.added_ms else self.schedule.notes(after_ms, occurrence_ms)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of *occurrence_ms* under the rules in force, if the schedule names it; else itself."""
        named_ms = self.schedule.under_rules(old).next_after(occurrence_ms - 1)
        moved_ms = None if named_ms is None else self.schedule.under_new_rules(named_ms, old)
        place = bisect_left(self.added_ms, occurrence_ms)
        ahead = [*self.added_ms[place : place + 1], *(() if moved_ms is None else (moved_ms,))]
        return min(ahead, default=occurrence_ms)
