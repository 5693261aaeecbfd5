"""Single times inside other schedules: a value of kind `once` there is kept as a date with a time, of kind `dates`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from remembrancer.model.plain_schedules import Dates, Once
from remembrancer.model.policy import Fold, Gap
from remembrancer.model.schedule import DEEPEST, TaskTimes
from remembrancer.schedules.composed.nested import each_inside
from remembrancer.schedules.parsing import read_moment, read_zone
from remembrancer.schedules.value_fields import read_choice
from remembrancer.schedules.zone_offsets import clock_of

if TYPE_CHECKING:
    from remembrancer.model.schedule import ScheduleValue


def with_dates(value: ScheduleValue, now: datetime, depth: int = 0) -> ScheduleValue:
    """Return *value* with each single time inside it as a date; the value itself, if it has none.

    Raises InvalidInput: such a time cannot be read.
    """
    if depth > DEEPEST or isinstance(value, TaskTimes):
        return value

    def dated(inner: ScheduleValue, _: object) -> ScheduleValue:
        return _date_of(inner, now) if isinstance(inner, Once) else with_dates(inner, now, depth + 1)

    return each_inside(value, dated, value)


def _date_of(once: Once, now: datetime) -> Dates:
    """Return a single time as the wall time that its zone's clock shows then, in whole seconds."""
    zone = once.timezone
    if zone == "UTC" and isinstance(once.at, datetime) and isinstance(once.at.tzinfo, ZoneInfo):
        zone = once.at.tzinfo.key
    own = None if zone == "UTC" else read_zone(zone)  # as a request: a time without an offset needs a zone
    fold = read_choice(Fold, once.fold, "fold")
    gap = None if once.gap is None else read_choice(Gap, once.gap, "gap")
    moment = read_moment(once.at, "at", now=now, timezone=own, fold=fold, gap=gap)
    local = moment.astimezone(clock_of(zone))
    wall = local.replace(tzinfo=None, microsecond=0).isoformat()
    return Dates((wall,), timezone=zone, fold=Fold.LAST if local.fold else Fold.FIRST)
