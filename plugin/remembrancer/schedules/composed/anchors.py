"""The anchors of intervals: an interval without one is counted from when it was asked for, and its value says so.

Pure: the beginning is an argument. A kept schedule has an anchor in each of its intervals, so that a restart, another
replica or an update of other fields does not move it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import Every
from remembrancer.model.schedule import DEEPEST, VALUES, Bounded, TaskTimes
from remembrancer.model.timestamps import from_ms, to_iso
from remembrancer.schedules.composed.nested import each_inside
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.value_fields import (
    names_days_only,
    read_length,
    read_second_in,
    read_time_of_day,
    second_of,
)
from remembrancer.schedules.walls.wall_set import DAY
from remembrancer.schedules.zone_offsets import span_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.schedule import ScheduleValue


def anchored(
    value: ScheduleValue, begin_ms: int, zone_of: Callable[[ScheduleValue], str], depth: int = 0
) -> ScheduleValue:
    """Return *value* with an anchor in each interval: *begin_ms*, or the start of the bounds around it.

    The value itself is returned if each has one. A field that cannot be read is left to the check of the schedule.

    Args:
        value: The schedule, its times exact.
        begin_ms: The time at which it was asked for, or at which it is to begin.
        zone_of: Returns the zone of a schedule: that of a start without an offset.
        depth: How deep *value* is inside another.
    """
    if isinstance(value, Every):
        return value if value.anchor is not None else _anchored_at(value, begin_ms // 1000)
    if isinstance(value, TaskTimes) or depth > DEEPEST or not has_open_interval(value):
        return value
    if isinstance(value, Bounded) and value.start is not None:
        start_ms = read_second_in(value.start, "start", read_zone(zone_of(value.schedule))) * 1000
        begin_ms = begin_ms if 0 <= start_ms - begin_ms <= _NOW_MS else start_ms
    return each_inside(value, lambda inner, _: anchored(inner, begin_ms, zone_of, depth + 1), value)


def anchors_kept(value: ScheduleValue, kept: ScheduleValue) -> ScheduleValue:
    """Return *value* with the anchors that *kept* has at the same places, for intervals of the same length.

    Bounds with a start are left alone: their intervals are counted from it.
    """
    if type(value) is not type(kept) or isinstance(value, TaskTimes):
        return value
    if isinstance(value, Every) and isinstance(kept, Every):
        return replace(value, anchor=kept.anchor) if value.anchor is None and _is_as_long(value, kept) else value
    if isinstance(value, Bounded) and (value.start is not None or getattr(kept, "start", None) is not None):
        return value
    return each_inside(value, anchors_kept, kept)


def has_open_interval(value: object, depth: int = 0) -> bool:
    """Return whether a value has an interval without an anchor in it."""
    if isinstance(value, tuple):
        return any(has_open_interval(each, depth) for each in cast("tuple[object, ...]", value))
    if isinstance(value, Every):
        return value.anchor is None
    if type(value) not in VALUES.values() or isinstance(value, TaskTimes) or depth > DEEPEST:
        return False
    return any(has_open_interval(getattr(value, name), depth + 1) for name in getattr(value, "nested", ()))


def _anchored_at(value: Every, second: int) -> Every:
    """Return an interval with its anchor at *second*; of days, as a wall time: the next that its `at` names."""
    try:
        if not (names_days_only(value.every) and read_length(value.every, "every", "90m") % DAY == 0):
            return replace(value, anchor=to_iso(from_ms(second * 1000)))
        zone = read_zone(value.timezone)
        wall = second + span_at(zone, second).offset
        if value.at is not None:
            day, time = wall // DAY, read_time_of_day(value.at, "at")
            is_over = second_of(zone, day * DAY + time) < second
            wall = (day + is_over) * DAY + time
        return replace(value, anchor=to_iso(from_ms(wall * 1000)).removesuffix("Z"))
    except InvalidInput:
        return value


def _is_as_long(value: Every, kept: Every) -> bool:
    if value.every == kept.every:
        return True
    try:
        lengths = {read_length(each.every, "every", "90m") for each in (value, kept)}
    except InvalidInput:
        return False
    return len(lengths) == 1 and names_days_only(value.every) is names_days_only(kept.every)


_NOW_MS: Final = 1000
"""A start at most so far ahead means now: the first fire is one interval later."""
