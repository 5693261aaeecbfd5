"""The table of schedule kinds, and the schedule of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.schedules.cron.schedule import cron_schedule
from remembrancer.schedules.exclusions import excluding
from remembrancer.schedules.once import once_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.protocol import Schedule

KINDS: Final[dict[str, Callable[..., Schedule]]] = {"once": once_schedule, "cron": cron_schedule}
"""From a kind to the function that makes its schedule, given the value and the task's id; it may raise InvalidInput."""


def schedule_of(task: ScheduledTask) -> Schedule:
    """Return the schedule of *task*. Raises InvalidInput if it cannot be read."""
    value = task.schedule
    return KINDS[value.kind](value, task.task_id)


def remaining_schedule(task: ScheduledTask) -> Schedule:
    """Return the schedule of *task* without the stretches of time whose occurrences have outcomes already."""
    schedule = schedule_of(task)
    return excluding(schedule, task.excluded_ms) if task.excluded_ms else schedule
