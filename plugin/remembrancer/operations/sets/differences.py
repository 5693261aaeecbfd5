"""The difference between a task and its declaration. Pure functions of (task, wanted, request, now)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.request import WHEN_FIELDS
from remembrancer.model.schedule import value_from
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.sets.declarations import FIELDS
from remembrancer.schedules.references import content_in, references_in, resolved

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledTask

_PLAIN: Final = tuple(name for name in FIELDS if name not in WHEN_FIELDS and name != "origin_thought_id")
"""The fields that are compared as they are. The thought that asked for a task stays the one that did."""
_CRON: Final = ("schedule_cron", "gap", "seconds_field")


def changed_fields(
    task: ScheduledTask, wanted: ScheduledTask, request: ScheduleRequest, now: datetime
) -> dict[str, object]:
    """Return the fields that make an open *task* as *request* declares it; *wanted* is the task that it would make.

    The fields that say when a task runs are read together, and returned together.
    """
    found: dict[str, object] = {
        name: getattr(wanted, name) for name in _PLAIN if getattr(wanted, name) != getattr(task, name)
    }
    if not runs_alike(task, wanted) or _is_held_back_otherwise(task, wanted, now):
        found |= {name: getattr(request, name) for name in WHEN_FIELDS}
    return found


def runs_alike(task: ScheduledTask, wanted: ScheduledTask) -> bool:
    """Return whether a task has the schedule of another, whatever the content of its calendars is by now."""
    if task.task_type is not wanted.task_type or (task.timezone, task.fold) != (wanted.timezone, wanted.fold):
        return False
    if (task.schedule_spec is None) is not (wanted.schedule_spec is None):
        return False
    if task.schedule_spec is not None and wanted.schedule_spec is not None:
        return _alike(task.schedule_spec, wanted.schedule_spec)
    if task.task_type is TaskType.ONE_TIME:
        return task.nominal_ms == wanted.nominal_ms
    return all(getattr(task, name) == getattr(wanted, name) for name in _CRON)


def begins_again(task: ScheduledTask, wanted: ScheduledTask, now: datetime) -> bool:
    """Return whether an ended *task* is to be made once more.

    A cancelled one is. One that is complete or failed is, if its declaration has a schedule that it had not, or names
    a time ahead for a task that runs once.
    """
    if task.status is TaskStatus.CANCELLED:
        return True
    if wanted.task_type is TaskType.ONE_TIME and wanted.schedule_spec is None:
        return wanted.nominal_ms is not None and wanted.nominal_ms > to_ms(now)
    return not runs_alike(task, wanted)


def _alike(kept: str, wanted: str) -> bool:
    """Return whether two schedules are equal but for the content of their references."""
    if kept == wanted:
        return True
    before, after = value_from(kept), value_from(wanted)
    ours, theirs = references_in(before), references_in(after)
    if (ours.calendars.keys(), ours.tasks) != (theirs.calendars.keys(), theirs.tasks):
        return False
    return resolved(after, content_in(before)) == before


def _is_held_back_otherwise(task: ScheduledTask, wanted: ScheduledTask, now: datetime) -> bool:
    """Return whether a recurring task is to begin at another time that is ahead."""
    if wanted.task_type is TaskType.ONE_TIME or task.deferral_id is not None:
        return False
    until = wanted.defer_until
    return until is not None and until > now and until != task.defer_until
