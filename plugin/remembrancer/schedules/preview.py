"""The next occurrences of a schedule, each with a note on what clock changes do to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_ms
from remembrancer.schedules.cron.schedule import CronSchedule
from remembrancer.schedules.zone_offsets import clock_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from remembrancer.model.policy import Fold, Gap, SecondsField
    from remembrancer.schedules.protocol import Schedule


@dataclass(frozen=True, slots=True)
class Fire:
    """One occurrence ahead: `at` in UTC, `local` in the schedule's zone, `note` in words or empty."""

    at: datetime
    local: datetime
    note: str


def read_expression(
    expression: str, *, timezone: str, gap: Gap, fold: Fold, seconds_field: SecondsField | None
) -> CronSchedule:
    """Read a cron expression to preview. Raises InvalidInput; a wrong expression is named `expression`."""
    try:
        return CronSchedule.read(expression, timezone=timezone, gap=gap, fold=fold, seconds_field=seconds_field)
    except InvalidInput as refused:
        if refused.field != "schedule_cron":
            raise
        raise InvalidInput("expression", refused.value, refused.allowed, refused.example) from None


def preview(schedule: Schedule, after_ms: int, count: int, is_late: Callable[[], bool] = lambda: False) -> list[Fire]:
    """Return the next *count* occurrences strictly after *after_ms* (epoch milliseconds), or all that there are.

    A day that is skipped between two occurrences is in the note of the later one. Times are calculated up to the year
    2400. Of fewer occurrences, the last one's note says that none follows.

    Raises:
        InvalidInput: *count* is no whole number from 1 to 1000, or *is_late* said that it takes too long.
    """
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST:  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
        raise InvalidInput("count", count, f"a whole number from 1 to {_MOST}", 5)
    clock = clock_of(schedule.timezone)
    fires: list[Fire] = []
    while len(fires) < count:
        if is_late():
            allowed = f"fewer: in the time that a preview may take, {len(fires)} were found"
            raise InvalidInput("count", count, allowed, max(1, len(fires) // 2))
        fire_ms = schedule.next_after(after_ms)
        if fire_ms is None:
            return [*fires[:-1], *(_as_last(fire, schedule) for fire in fires[-1:])]
        at = from_ms(fire_ms)
        note = "; ".join(schedule.notes(after_ms, fire_ms))
        fires.append(Fire(at, at.astimezone(clock), note))
        after_ms = fire_ms
    return fires


def _as_last(fire: Fire, schedule: Schedule) -> Fire:
    """Say that a fire is the last: of a schedule that ends, or up to the year 2400."""
    end = "It is the last fire before the year 2400, up to which times are reckoned."
    if schedule.is_finite:
        end = "It is the last fire: the schedule ends with it."
    return replace(fire, note=f"{fire.note.removesuffix('.')}. {end}" if fire.note else end)


_MOST: Final = 1000
