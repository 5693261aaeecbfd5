"""The schedule of kind `calendar`: the days and windows of a named calendar, as it was when the task got it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap
from remembrancer.schedules.calendars.entries import is_whole_day, listed_windows, read_entry
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.phrases import time_words
from remembrancer.schedules.value_fields import read_choice, read_time_of_day
from remembrancer.schedules.wall_schedule import WallSchedule
from remembrancer.schedules.walls.day_sets import ListedDays
from remembrancer.schedules.walls.day_times import DayTimes
from remembrancer.schedules.walls.stretches import WholeDays
from remembrancer.schedules.walls.wall_set import DAY
from remembrancer.schedules.zoned_walls import ZonedWalls

if TYPE_CHECKING:
    from remembrancer.model.plain_schedules import Calendar
    from remembrancer.schedules.walls.wall_set import WallSet


def calendar_schedule(value: Calendar, task_id: str) -> WallSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    return _parsed(value)


@lru_cache(maxsize=256)
def _parsed(value: Calendar) -> WallSchedule:
    windows = windows_of(value)
    walls: WallSet
    words, normal = f"On the days of the calendar {value.name}", f"calendar {value.name} {value.version}"
    if value.at is not None:
        time = read_time_of_day(value.at, "at")
        days = sorted({day for begin, end in windows for day in range(begin // DAY, -(-end // DAY))})
        walls = DayTimes(ListedDays(tuple(days)), (time,))
        words, normal = f"{words}, at {time_words(time)}", f"{normal} at {time_words(time)}"
    elif all(map(is_whole_day, windows)):
        walls = WholeDays(ListedDays(tuple(begin // DAY for begin, _ in windows)))
    else:
        walls = listed_windows(windows)
    gap, fold = read_choice(Gap, value.gap, "gap"), read_choice(Fold, value.fold, "fold")
    zoned = ZonedWalls(timezone=read_zone(value.timezone or "UTC"), gap=gap, fold=fold, walls=walls)
    return WallSchedule(zoned, words, normal, ends=True)


@lru_cache(maxsize=256)
def windows_of(value: Calendar) -> tuple[tuple[int, int], ...]:
    """Return the windows of a calendar. Raises InvalidInput: its content is not known."""
    if value.dates is None:
        allowed = "the name of a calendar of the graph, in the schedule of a task of that graph"
        raise InvalidInput("calendar", value.name, allowed, "define it first: remembrancer calendar define")
    return tuple(read_entry(each, "dates") for each in value.dates)


def whole_days(value: Calendar) -> list[int]:
    """Return the whole days of a calendar: its windows within a day are no holidays."""
    return [day for begin, end in windows_of(value) for day in range(-(-begin // DAY), end // DAY)]
