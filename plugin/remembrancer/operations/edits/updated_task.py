"""A task with other values of its fields, by the definitions of a request. Pure functions of (task, fields, now)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.field_definition import FieldGroup
from remembrancer.model.request import DEFAULTS, TASK_FIELDS, UPDATABLE, ScheduleRequest
from remembrancer.model.schedule import value_from
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.task import FieldChange
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.operations.requested_schedule import first_run
from remembrancer.operations.reserved_keys import refuse_reserved
from remembrancer.operations.validation import validate
from remembrancer.policies.additions import pending_additions, with_additions
from remembrancer.policies.cancellation import superseded
from remembrancer.policies.occurrences import run_without_pause_ms
from remembrancer.policies.pause import armed_in_pause, unpaused
from remembrancer.schedules.kinds import schedule_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim

_WHEN: Final = frozenset(name for name, each in TASK_FIELDS.items() if each.group is FieldGroup.WHEN)
"""The fields that say when a task runs: they are read together."""
_KEPT: Final = (*(name for name in UPDATABLE if name != "schedule"), "schedule_spec")
"""The fields of a kept task that hold those of a request."""
_SCHEDULE: Final = ("schedule_cron", "schedule_spec", "timezone", "gap", "fold", "seconds_field")
_SIX: Final = 6
_UNBOUND: Final = dict.fromkeys(("nominal_ms", "deferral_id", "last_triggered_at", "additions", "skips"))
"""Fields that a task with another schedule begins without."""


class Update(NamedTuple):
    """A task after an update, and the outcome of occurrences that the update leaves without a run."""

    after: ScheduledTask
    outstanding: Claim | None


def updated(task: ScheduledTask, fields: Mapping[str, Any], now: datetime, late_by_seconds: float) -> Update:
    """Return *task* with other values of these *fields*.

    Another schedule begins after *now*. An occurrence of the former one that is pending at *now* is superseded.

    Raises:
        InvalidInput: A field is wrong, or the task would run once instead of again and again, or the reverse.
    """
    for name, value in fields.items():
        if name not in UPDATABLE:
            raise InvalidInput(name, value, unknown(name, UPDATABLE), nearest(name, UPDATABLE) or UPDATABLE[0])
    refuse_reserved(fields.get("dedup_key"))
    if not _WHEN & fields.keys():
        checks = {name: TASK_FIELDS[name].check for name in fields}
        read = {name: check(name, fields[name]) if check else fields[name] for name, check in checks.items()}
        return Update(task.model_copy(update={name: _given(name, fields[name], read[name]) for name in read}), None)
    asked = validate(_request(task, fields), now, late_by_seconds, {})
    if asked.task_type is not task.task_type:
        first = next(name for name in fields if name in _WHEN)
        kind = "one-time" if task.task_type is TaskType.ONE_TIME else "recurring"
        raise InvalidInput(
            first, fields[first], f"a schedule of a {kind} task, as this one is", "schedule another task"
        )
    taken = {name: getattr(asked, name) for name in _KEPT}
    if asked.reacts or task.reacts:
        return Update(_of_same_kind(task, asked, taken), None)
    if not _is_moved(task, taken, fields):
        return Update(task.model_copy(update={**taken, "defer_until": task.defer_until}), None)
    return _moved(task, taken, now, late_by_seconds, begins="defer_until" in fields or "schedule" in fields)


def changes(before: ScheduledTask, after: ScheduledTask) -> dict[str, FieldChange]:
    """Return the fields that an update has changed."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in _KEPT}
    return {name: FieldChange(before=was, after=will) for name, (was, will) in pairs.items() if was != will}


def _given(name: str, value: object, read: object) -> object:
    """Return the value to keep: what is given for nothing is the default."""
    return DEFAULTS[name] if value is None and name in DEFAULTS else read


def _request(task: ScheduledTask, fields: Mapping[str, Any]) -> ScheduleRequest:
    """Return the request that would make *task* with these *fields*."""
    standing = {name: getattr(task, name) for name in TASK_FIELDS if name != "schedule"}
    if task.schedule_spec is not None:
        standing |= {name: DEFAULTS[name] for name in _WHEN} | {"schedule": value_from(task.schedule_spec)}
    if task.task_type is TaskType.RECURRING:
        standing["defer_until"] = None
    elif task.additions is not None or task.nominal_ms is not None:
        standing["defer_until"] = from_ms(schedule_of(task).next_ms(-1))
    if fields.get("schedule") is not None:
        standing |= {name: DEFAULTS[name] for name in _WHEN}
    elif fields.get("schedule_cron") is not None:
        standing["schedule"] = None
        if len(str(fields["schedule_cron"]).split()) != _SIX:
            standing["seconds_field"] = None
    return ScheduleRequest(**{**standing, **fields})


def _of_same_kind(task: ScheduledTask, asked: ScheduledTask, taken: dict[str, Any]) -> ScheduledTask:
    """Return a task that waits for something with other values; it goes on waiting for the same."""
    if not (asked.reacts and task.reacts and asked.schedule.kind == task.schedule.kind):
        raise InvalidInput("schedule", asked.schedule.kind, f"kind {task.schedule.kind}, as it is", None)
    if asked.follows_id != task.follows_id:
        raise InvalidInput("task_id", asked.follows_id, "the task that it follows", task.follows_id)
    return task.model_copy(update={**taken, "defer_until": task.defer_until})


def _is_moved(task: ScheduledTask, taken: Mapping[str, object], fields: Mapping[str, Any]) -> bool:
    """Return whether the task runs at other times."""
    if task.task_type is TaskType.ONE_TIME:
        return "defer_until" in fields or "schedule" in fields
    return fields.get("defer_until") is not None or any(taken[name] != getattr(task, name) for name in _SCHEDULE)


def _moved(
    task: ScheduledTask, taken: dict[str, Any], now: datetime, late_by_seconds: float, *, begins: bool
) -> Update:
    """Return *task* with another schedule, armed from *now* on."""
    now_ms, run_ms = to_ms(now), run_without_pause_ms(task)
    if run_ms is None:
        allowed = "a task with a run ahead; this one runs right now"
        raise InvalidInput("task_id", task.task_id, allowed, "wait until it has ended")
    fresh = task.model_copy(update={**taken, **_UNBOUND})
    nominal_ms, next_ms = first_run(fresh, now_ms, int(late_by_seconds * 1000))
    armed = {"nominal_ms": nominal_ms, "next_run_ms": next_ms, "last_triggered_at": task.last_triggered_at}
    if task.task_type is TaskType.RECURRING:
        armed["outcomes_since_ms"] = now_ms + 1
    if task.deferral_id is not None and run_ms > now_ms and not begins and task.task_type is TaskType.RECURRING:
        # A live deferral goes on, and holds the occurrences of the new schedule.
        armed |= {"deferral_id": task.deferral_id, "defer_until": task.defer_until, "next_run_ms": run_ms}
    after = fresh.model_copy(update=armed)
    if task.is_paused(now):
        after = armed_in_pause(after, after.next_run_ms)
    elif task.paused_at is not None:
        after = unpaused(after)
    ahead = [each for each in pending_additions(task) if each.at_ms > now_ms]
    return Update(with_additions(after, ahead, now_ms), superseded(task, now_ms))
