"""Plans of edits: an open task as it is to be after a pause, a resumption, an update or a cancellation. Pure functions.

A plan takes a task and the time of the change. It returns the same task if nothing changes, and raises InvalidInput if
the change does not fit the task. The edit of one task and that of many follow the same plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.edits.updated_task import Update, updated
from remembrancer.policies.cancellation import cancelled, outstanding
from remembrancer.policies.occurrences import run_without_pause_ms
from remembrancer.policies.pause import paused, resumed, without_ended_pause
from remembrancer.schedules.references import leads_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from remembrancer.model.policy import Misfire
    from remembrancer.model.task import ScheduledTask

    Plan = Callable[[ScheduledTask, datetime], Update]


def pausing(end_in: Callable[[str], datetime | None], reason: str | None) -> Plan:
    """Return the plan of a pause, with its end by the zone of a task; a paused task gets the new end and reason."""

    def plan(task: ScheduledTask, now: datetime) -> Update:
        may_wait = task.reacts or task.retry is not None  # for what comes, or for another attempt
        if run_without_pause_ms(task) is None and not may_wait:
            allowed = "a task with a run ahead; this one runs right now"
            raise InvalidInput("task_id", task.task_id, allowed, "wait until it has ended")
        return Update(paused(task, end_in(task.timezone), reason, now), None)

    return plan


def resuming(on_missed: Misfire | None) -> Plan:
    """Return the plan of the end of a pause."""

    def plan(task: ScheduledTask, now: datetime) -> Update:
        return Update(resumed(task, on_missed, now) if task.is_paused(now) else without_ended_pause(task), None)

    return plan


def updating(fields: Mapping[str, object], late_by_seconds: float) -> Plan:
    """Return the plan of an update of these fields, whose schedule has the content of its references."""

    def plan(task: ScheduledTask, now: datetime) -> Update:
        if (other := leads_back(fields.get("schedule"), task.task_id)) is not None:
            allowed = "a task that does not follow this one itself"
            raise InvalidInput("schedule", other, allowed, {"kind": "cron", "expression": "0 9 * * 1-5"})
        return updated(task, fields, now, late_by_seconds)

    return plan


def cancelling(task: ScheduledTask, now: datetime) -> Update:
    """Return the task as it is once it is cancelled, and what accounts for the occurrences that are due by then."""
    return Update(cancelled(task), outstanding(task, to_ms(now)))
