"""The table of schedule kinds, and the schedule of a task."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from remembrancer.errors import RemembrancerError
from remembrancer.model.addition import additions_from
from remembrancer.model.schedule import AllOf, AnyOf, Bounded, Except, Offset, TaskTimes
from remembrancer.model.skip_mark import skips_from
from remembrancer.schedules.calendars.dates import dates_schedule
from remembrancer.schedules.calendars.named import calendar_schedule
from remembrancer.schedules.calendars.weekly import weekly_schedule
from remembrancer.schedules.calendars.workdays import workdays_schedule
from remembrancer.schedules.composed.additions import ScheduleWithAdditions
from remembrancer.schedules.composed.bounded import bounded_schedule
from remembrancer.schedules.composed.combinations import all_of_schedule, any_of_schedule, except_schedule
from remembrancer.schedules.composed.exclusions import excluding, joined
from remembrancer.schedules.composed.nested import check_nested, no_text, task_in
from remembrancer.schedules.composed.offset import offset_schedule
from remembrancer.schedules.composed.task_times import task_times_schedule
from remembrancer.schedules.cron.schedule import cron_schedule
from remembrancer.schedules.every import every_schedule
from remembrancer.schedules.once import once_schedule
from remembrancer.schedules.reaction import after_schedule, cue_schedule, paced_schedule
from remembrancer.schedules.rrule.schedule import rrule_schedule
from remembrancer.schedules.zone_offsets import DERIVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.schedule import ScheduleValue
    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.protocol import Schedule


def _nested_schedule(value: ScheduleValue, task_id: str) -> Schedule:
    """Return the schedule of a value with others inside, made once for all tasks that share it."""
    check_nested(value)
    return _made(value, task_in(value, task_id))


@lru_cache(maxsize=1024)
def _made(value: ScheduleValue, task_id: str) -> Schedule:  # noqa: PLR0911 (one for each kind)
    def make(inner: ScheduleValue) -> Schedule:
        return KINDS[inner.kind](inner, task_id)

    match value:
        case AnyOf():
            return any_of_schedule(value, make)
        case AllOf():
            return all_of_schedule(value, make)
        case Except():
            return except_schedule(value, make)
        case Offset():
            return offset_schedule(value, make)
        case Bounded():
            return bounded_schedule(value, make, task_id)
        case TaskTimes():  # the amounts of its jitter and the fields H of a cron are those of the other task
            return task_times_schedule(value, lambda inner: KINDS[inner.kind](inner, value.task_id))
        case _:
            return make(value)


def _of_texts(make: Callable[..., Schedule]) -> Callable[..., Schedule]:
    """Return *make*, which keeps what it has made by the value, so that it refuses a value that has no hash."""

    def made(value: ScheduleValue, task_id: str) -> Schedule:
        try:
            return make(value, task_id)
        except TypeError:
            raise no_text(value) from None

    return made


KINDS: Final[dict[str, Callable[..., Schedule]]] = {
    "once": once_schedule,
    "cron": cron_schedule,
    "every": _of_texts(every_schedule),
    "rrule": _of_texts(rrule_schedule),
    "dates": _of_texts(dates_schedule),
    "weekly": _of_texts(weekly_schedule),
    "workdays": _of_texts(workdays_schedule),
    "calendar": _of_texts(calendar_schedule),
    "after": after_schedule,
    "cue": cue_schedule,
    "paced": paced_schedule,
    **dict.fromkeys(("any_of", "all_of", "except", "offset", "bounded", "task_times"), _of_texts(_nested_schedule)),
}
"""From a kind to the function that makes its schedule, given the value and the task's id; it may raise InvalidInput."""
READINGS: Final[dict[str, int]] = dict.fromkeys(KINDS, 1)
"""The version of the reading of each kind: a release that gives values of a kind another meaning raises it.

A graph keeps the readings by which its tasks are armed. Tasks of a kind with another are armed again at a start.
"""
UNREADABLE: Final = (RemembrancerError, ValueError, TypeError, LookupError, ArithmeticError)
"""Errors of a schedule whose task holds nonsense; any other is a fault of the program."""
DERIVED.append(_made.cache_clear)


def schedule_of(task: ScheduledTask) -> Schedule:
    """Return the schedule of *task*. Raises InvalidInput if it cannot be read."""
    value = task.schedule
    return KINDS[value.kind](value, task.task_id)


def remaining_schedule(task: ScheduledTask) -> Schedule:
    """Return the schedule of *task* with its additions, without the times whose occurrences have outcomes already."""
    schedule = schedule_of(task)
    if task.excluded_ms:
        schedule = excluding(schedule, task.excluded_ms)
    times_ms = () if task.additions is None else additions_from(task.additions).times_ms
    if task.next_check_ms is not None:
        times_ms = tuple(sorted({*times_ms, task.next_check_ms}))
    return ScheduleWithAdditions(schedule, times_ms) if times_ms else schedule


def firing_schedule(task: ScheduledTask) -> Schedule:
    """Return the remaining schedule of *task* without the occurrences that are to be skipped."""
    schedule = remaining_schedule(task)
    if task.skips is None:
        return schedule
    return excluding(schedule, joined((each.at_ms, each.at_ms + 1) for each in skips_from(task.skips)))
