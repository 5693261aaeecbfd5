"""The schedule of kind `once`: a single occurrence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold
from remembrancer.model.timestamps import EPOCH, from_ms, to_iso, to_ms
from remembrancer.schedules.parsing import fold_note
from remembrancer.schedules.protocol import Schedule
from remembrancer.schedules.value_fields import second_of
from remembrancer.schedules.zone_offsets import span_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from remembrancer.model.plain_schedules import Once


@dataclass(frozen=True, slots=True)
class OnceSchedule(Schedule):
    """One occurrence, at `at_ms`."""

    recurring: ClassVar[bool] = False

    at_ms: int
    zone: str
    fold: Fold

    @property
    def timezone(self) -> str:
        """The zone that the time was given in."""
        return self.zone

    @property
    def is_finite(self) -> bool:
        """A single occurrence is the last."""
        return True

    def next_after(self, after_ms: int) -> int | None:
        """Return the occurrence if it lies after *after_ms*."""
        return self.at_ms if self.at_ms > after_ms else None

    def describe(self) -> str:
        """Return it in English."""
        return f"Once, at {to_iso(from_ms(self.at_ms))}"

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return 1 if the occurrence lies in between, else 0."""
        return int(start_ms <= self.at_ms <= until_ms)

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the occurrence."""
        del until_ms, place
        return self.at_ms

    def notes(self, after_ms: int, occurrence_ms: int) -> tuple[str, ...]:
        """Return which pass is taken of a wall time that occurs twice."""
        del after_ms
        note = fold_note(from_ms(occurrence_ms), self.zone, self.fold)
        return (note,) if note else ()


def moment_ms(wall_time: str, zone: str | ZoneInfo, fold: Fold) -> int:
    """Return the time at which the clock of *zone* shows a wall time, as *fold* says; after a gap, its end.

    Raises ValueError if *wall_time* is no date and time.
    """
    shown = datetime.fromisoformat(wall_time)
    wall = (shown.replace(tzinfo=UTC) - EPOCH) // timedelta(seconds=1)
    second = second_of(zone, wall)
    span = span_at(zone, second)
    if fold is Fold.LAST and wall >= span.end + span.after:
        second = span.end + (wall - (span.end + span.after))
    is_in_gap = second == span.start and wall < second + span.offset
    return second * 1000 + (0 if is_in_gap else shown.microsecond // 1000)


def once_schedule(value: Once, task_id: str) -> OnceSchedule:
    """Return the schedule that *value* means. Raises InvalidInput if its time was not read yet."""
    del task_id
    if not isinstance(value.at, datetime):
        raise InvalidInput("at", value.at, "a datetime with a zone", "2026-08-15T09:00:00Z")
    return OnceSchedule(to_ms(value.at), value.timezone, value.fold)
