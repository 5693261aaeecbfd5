"""The schedule of kind `task_times`: the times of another task, from its begin until it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput
from remembrancer.model.schedule import Bounded
from remembrancer.schedules.composed.bounded import BoundedSchedule
from remembrancer.schedules.composed.combinations import zoned_of
from remembrancer.schedules.rrule.times import WallsWithin
from remembrancer.schedules.value_fields import read_second_in, read_wall_in
from remembrancer.schedules.wall_schedule import WallSchedule
from remembrancer.schedules.walls.wall_set import END, NO_WALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.schedule import ScheduleValue, TaskTimes
    from remembrancer.schedules.protocol import Schedule


def task_times_schedule(value: TaskTimes, make: Callable[[ScheduleValue], Schedule]) -> Schedule:
    """Return the schedule that *value* means; *make* makes that of the other task. Raises InvalidInput."""
    if value.schedule is None:
        allowed = "the id of a task of the graph, in the schedule of a task of that graph"
        raise InvalidInput("task_id", value.task_id, allowed, "as `remembrancer list` shows it")
    schedule = make(value.schedule)
    if value.start is None and value.end is None:
        return schedule
    told = [f"{word} {given}" for word, given in (("from", value.start), ("until", value.end)) if given is not None]
    words = schedule.describe() if value.end is None else f"{schedule.describe()}, until {value.end}"
    normal = " ".join([f"({schedule.normalized})", *told])
    zone, zoned = schedule.timezone, zoned_of(schedule)
    if zoned is None:
        start_ms = 0 if value.start is None else read_second_in(value.start, "start", zone) * 1000
        end_ms = END * 1000 - 1 if value.end is None else read_second_in(value.end, "end", zone) * 1000 + 999
        bounds = Bounded(value.schedule, start=value.start, end=value.end)
        return BoundedSchedule(schedule, start_ms, end_ms, words, normal, bounds)
    begin = 0 if value.start is None else read_wall_in(value.start, "start", zone)
    end = NO_WALL if value.end is None else read_wall_in(value.end, "end", zone) + 1
    within = replace(zoned, walls=WallsWithin(zoned.walls, begin, end))
    return WallSchedule(within, words, normal, ends=schedule.is_finite or end < NO_WALL)
