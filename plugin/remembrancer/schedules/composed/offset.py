"""The schedule of kind `offset`: the occurrences of another, each moved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.schedules.calendars.workdays import business_days, normal_days, week_words
from remembrancer.schedules.composed.combinations import zoned_of
from remembrancer.schedules.phrases import length_words, lower
from remembrancer.schedules.value_fields import read_length, read_whole
from remembrancer.schedules.wall_schedule import WallSchedule
from remembrancer.schedules.walls.moved_days import DayMove, MovedDays
from remembrancer.schedules.wrapped import WrappedSchedule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from remembrancer.model.schedule import Offset, ScheduleValue
    from remembrancer.schedules.protocol import Schedule

_MOST_DAYS: Final = 366
_MOST_SECONDS: Final = 366 * 86_400


@dataclass(frozen=True, slots=True)
class ShiftedSchedule(WrappedSchedule):
    """The occurrences of a schedule, each *shift_ms* later, in elapsed time; earlier, if that is negative."""

    shift_ms: int
    words: str = field(repr=False)

    @property
    def normalized(self) -> str:
        """The normal form."""
        return f"({self.schedule.normalized}) by {self.shift_ms // 1000}s"

    def next_after(self, after_ms: int) -> int | None:
        """Return the first occurrence strictly after *after_ms*."""
        found = self.schedule.next_after(after_ms - self.shift_ms)
        return None if found is None else found + self.shift_ms

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the occurrences in between, at most *limit*."""
        found = self.schedule.between(start_ms - self.shift_ms, until_ms - self.shift_ms, limit)
        return [each + self.shift_ms for each in found]

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many occurrences there are."""
        return self.schedule.count(start_ms - self.shift_ms, until_ms - self.shift_ms)

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the occurrence at *place*, counted back from *until_ms*."""
        return self.schedule.last_ms(until_ms - self.shift_ms, place) + self.shift_ms

    def describe(self) -> str:
        """Return it in English."""
        return self.words

    def notes(self, after_ms: int, occurrence_ms: int) -> Sequence[str]:
        """Return what clock changes do to the occurrence that was moved."""
        return self.schedule.notes(after_ms - self.shift_ms, occurrence_ms - self.shift_ms)

    def under_new_rules(self, occurrence_ms: int, old: ZoneInfo) -> int:
        """Return the place of an occurrence under the rules in force."""
        return self.schedule.under_new_rules(occurrence_ms - self.shift_ms, old) + self.shift_ms


def offset_schedule(value: Offset, make: Callable[[ScheduleValue], Schedule]) -> Schedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    by_days = read_whole(value.days, "days", -_MOST_DAYS, _MOST_DAYS, -1)
    by_workdays = read_whole(value.workdays, "workdays", -_MOST_DAYS, _MOST_DAYS, -1)
    if value.roll not in {None, "before", "after"}:
        raise InvalidInput("roll", value.roll, "before or after", "before")
    shift = 0 if value.by is None else read_length(value.by, "by", "-15m")
    if abs(shift) > _MOST_SECONDS:
        raise InvalidInput("by", value.by, "at most a year", "-15m")
    if not (by_days or by_workdays or value.roll or shift):
        raise InvalidInput("by", value.by, "a length of time, or days, workdays or roll", "-15m")
    schedule = make(value.schedule)
    if by_days or by_workdays or value.roll:
        schedule = _on_other_days(value, schedule, DayMove(business_days(value), by_days, value.roll, by_workdays))
    if not shift:
        return schedule
    words = f"{length_words(abs(shift))} {'after' if shift > 0 else 'before'}: {lower(schedule.describe())}"
    return ShiftedSchedule(schedule, shift * 1000, words[:1].upper() + words[1:])


def _on_other_days(value: Offset, schedule: Schedule, move: DayMove) -> Schedule:
    zoned = zoned_of(schedule)
    if zoned is None:
        allowed = "a schedule of one wall clock; bound, and shift by elapsed time, the one that was moved by days"
        raise InvalidInput("schedule", str(value.schedule), allowed, {"kind": "cron", "expression": "0 9 1 * *"})
    words = f"{_move_words(move)}: {lower(schedule.describe())}"
    steps = (
        f"{move.by_days:+}d" if move.by_days else "",
        f"to the workday {move.roll}" if move.roll else "",
        f"{move.by_workdays:+} workdays" if move.by_workdays else "",
    )
    moves = " ".join(each for each in steps if each)
    normal = f"({schedule.normalized}) {moves} in {normal_days(move.workdays)}"
    moved = replace(zoned, walls=MovedDays(zoned.walls, move))
    return WallSchedule(moved, words[:1].upper() + words[1:], normal, schedule.is_finite)


def _move_words(move: DayMove) -> str:
    told: list[str] = []
    if move.by_workdays:
        told.append(_days_words(move.by_workdays, f"business day{week_words(move.workdays)}"))
    if move.roll:
        told.append(f"if that is no business day{week_words(move.workdays)}, on the one {move.roll}")
    if move.by_days:
        told.append(_days_words(move.by_days, "day"))
    return ", ".join(told)


def _days_words(count: int, unit: str) -> str:
    where = "after" if count > 0 else "before"
    return f"the {unit} {where}" if abs(count) == 1 else f"{abs(count)} {unit}s {where}"
