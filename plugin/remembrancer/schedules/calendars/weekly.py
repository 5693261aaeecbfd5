"""The schedule of kind `weekly`: a window of time on days of the week."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from remembrancer.schedules.phrases import time_words, weekday_words
from remembrancer.schedules.value_fields import WEEKDAYS, read_time_of_day, read_weekdays
from remembrancer.schedules.wall_schedule import WallSchedule, zoned_walls
from remembrancer.schedules.walls.day_sets import WeekDays
from remembrancer.schedules.walls.stretches import Windows
from remembrancer.schedules.walls.wall_set import DAY

if TYPE_CHECKING:
    from remembrancer.model.plain_schedules import Weekly


def weekly_schedule(value: Weekly, task_id: str) -> WallSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    return _parsed(value)


@lru_cache(maxsize=1024)
def _parsed(value: Weekly) -> WallSchedule:
    days = read_weekdays(value.days, "days")
    opens, closes = read_time_of_day(value.start, "start"), read_time_of_day(value.end, "end", last=DAY)
    length = (closes - opens - 1) % DAY + 1
    until = f"{time_words(closes)}{' of the next day' if closes <= opens else ''}"
    words = f"On {weekday_words(days)}, from {time_words(opens)} until {until}"
    normal = f"weekly {','.join(WEEKDAYS[day] for day in days)} {time_words(opens)}-{time_words(closes)}"
    return WallSchedule(zoned_walls(value, Windows(WeekDays(days), opens, length)), words, normal)
