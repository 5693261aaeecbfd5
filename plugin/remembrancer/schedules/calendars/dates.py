"""The schedule of kind `dates`: a list of dates, or of dates with times."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.phrases import date_words, listed, time_words, wall_words
from remembrancer.schedules.value_fields import is_date, read_list, read_time_of_day, read_wall_in
from remembrancer.schedules.wall_schedule import WallSchedule, zoned_walls
from remembrancer.schedules.walls.day_sets import ListedDays
from remembrancer.schedules.walls.day_times import DayTimes, ListedWalls
from remembrancer.schedules.walls.stretches import WholeDays
from remembrancer.schedules.walls.wall_set import DAY
from remembrancer.schedules.zone_offsets import DERIVED

if TYPE_CHECKING:
    from remembrancer.model.plain_schedules import Dates
    from remembrancer.schedules.walls.wall_set import WallSet

MOST_DATES: Final = 10_000
_FEW: Final = 4


def dates_schedule(value: Dates, task_id: str) -> WallSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    return _parsed(value)


@lru_cache(maxsize=256)
def _parsed(value: Dates) -> WallSchedule:
    zone = read_zone(value.timezone)
    given = read_list(value.dates, "dates", MOST_DATES, ["2026-12-24"])
    if not given:
        raise InvalidInput("dates", value.dates, "at least one date", ["2026-12-24"])
    time = None if value.at is None else read_time_of_day(value.at, "at")
    walls = [_wall(each, zone, time or 0) for each in given]
    days = {wall // DAY for wall, is_day in walls if is_day}
    if len(days) < len({wall for wall, _ in walls}):  # some have a time of their own
        found = tuple(sorted({wall for wall, _ in walls}))
        return _schedule(value, ListedWalls(found), [wall_words(wall) for wall in found])
    listed_days = ListedDays(tuple(sorted(days)))
    told = [date_words(day) for day in listed_days.days]
    if time is None:
        return _schedule(value, WholeDays(listed_days), told)
    return _schedule(value, DayTimes(listed_days, (time,)), told, f" at {time_words(time)}")


def _wall(given: object, zone: str, time: int) -> tuple[int, bool]:
    """Return a date or a time as a wall time, and whether it is a date."""
    wall = read_wall_in(given, "dates", zone)
    is_day = is_date(given)
    return (wall + time, True) if is_day else (wall, False)


def _schedule(value: Dates, walls: WallSet, told: list[str], at: str = "") -> WallSchedule:
    """Return the schedule, with its dates in words: all of them, or their number and the ends."""
    shown = listed(told) if len(told) <= _FEW else f"{len(told):,} dates from {told[0]} to {told[-1]}"
    normal = f"dates {' '.join(told)}{at}"
    return WallSchedule(zoned_walls(value, walls), f"On {shown}{at}", normal, ends=True)


DERIVED.append(_parsed.cache_clear)
