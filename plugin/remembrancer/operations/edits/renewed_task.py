"""A task with other content in its schedule: its calendars were renewed, or the task that it follows has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.schedule import text_of
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.edits.updated_task import Update, moved
from remembrancer.policies.occurrences import run_without_pause_ms
from remembrancer.schedules.composed.exclusions import excluding
from remembrancer.schedules.kinds import KINDS

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.schedule import ScheduleValue
    from remembrancer.model.task import ScheduledTask


def renewed(task: ScheduledTask, value: ScheduleValue, now: datetime, late_by_seconds: float) -> Update | None:
    """Return *task* with *value* as its schedule, armed by it; None if nothing is ahead of it any longer.

    A pending occurrence that the schedule still names keeps its run. One that it no longer names is superseded. What
    lies before now has outcomes already, and gets no other.

    Raises:
        InvalidInput: The schedule cannot be computed.
    """
    now_ms, place_ms = to_ms(now), task.nominal_ms
    schedule = KINDS[value.kind](value, task.task_id)
    taken: dict[str, object] = {"schedule_spec": text_of(value), "timezone": schedule.timezone}
    kept = Update(task.model_copy(update=taken), None)
    if run_without_pause_ms(task) is None or task.question_id is not None:
        return kept  # its last run is under way, or its run waits for an answer
    remaining = excluding(schedule, task.excluded_ms) if task.excluded_ms else schedule
    if place_ms is not None and place_ms <= now_ms and remaining.next_after(place_ms - 1) == place_ms:
        return kept
    if remaining.next_after(now_ms) is None:
        return kept if task.deferral_id is not None else None
    taken["defer_until"] = None if task.deferral_id is not None else task.defer_until
    changed = moved(task, taken, now, late_by_seconds, begins=False, renews=True)
    same = (changed.after.nominal_ms, changed.after.next_run_ms) == (task.nominal_ms, task.next_run_ms)
    return kept if same and changed.outstanding is None else changed
