"""A schedule without the stretches of time whose occurrences have outcomes already."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from remembrancer.schedules.wrapped import WrappedSchedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from remembrancer.schedules.protocol import Schedule


@dataclass(frozen=True, slots=True)
class ScheduleWithExclusions(WrappedSchedule):
    """The occurrences of *schedule* outside *stretches*: pairs of from and up to (excluded), ascending."""

    stretches: tuple[tuple[int, int], ...]

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms* that is in none of the stretches."""
        occurrence_ms = self.schedule.next_after(after_ms)
        for begin_ms, end_ms in self.stretches:
            if occurrence_ms is not None and begin_ms <= occurrence_ms < end_ms:
                occurrence_ms = self.schedule.next_after(end_ms - 1)
        return occurrence_ms

    def next_ms(self, after_ms: int) -> int:
        """Return the first occurrence as `next_after` does. Raises InvalidInput, as the schedule words it."""
        found = self.next_after(after_ms)
        if found is None:
            return self.schedule.next_ms(max([after_ms, *(end_ms - 1 for _, end_ms in self.stretches)]))
        return found

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are, those in the stretches left out."""
        excluded = (
            self.schedule.count(max(start_ms, begin_ms), min(until_ms, end_ms - 1))
            for begin_ms, end_ms in self.stretches
        )
        return self.schedule.count(start_ms, until_ms) - sum(excluded)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of *occurrence_ms* under the rules in force, or the first after it outside the stretches."""
        return self.next_ms(self.schedule.under_new_rules(occurrence_ms, old) - 1)


def excluding(schedule: Schedule, excluded_ms: Sequence[int]) -> ScheduleWithExclusions:
    """Return *schedule* without the occurrences between the pairs of *excluded_ms*."""
    return ScheduleWithExclusions(schedule, tuple(pairs_of(excluded_ms)))


def pairs_of(flat: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs of a flat list."""
    return list(zip(flat[::2], flat[1::2], strict=True))


def joined(stretches: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Return pairs of from and up to (excluded) as a flat list: ascending, touching pairs merged."""
    merged: list[tuple[int, int]] = []
    for begin_ms, end_ms in sorted(stretches):
        if merged and begin_ms <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_ms))
        else:
            merged.append((begin_ms, end_ms))
    return tuple(chain.from_iterable(merged))
