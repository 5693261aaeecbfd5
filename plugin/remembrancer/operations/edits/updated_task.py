"""A task with other values of its fields, by the definitions of a request. Pure functions of (task, fields, now)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from remembrancer.context import executing
from remembrancer.errors import InvalidInput
from remembrancer.model.budget import refuse_budget
from remembrancer.model.overlap_key import check_keys
from remembrancer.model.plain_schedules import Cron
from remembrancer.model.reacting_schedules import Cue
from remembrancer.model.request import DEFAULTS, EXAMPLE, TASK_FIELDS, UPDATABLE, WHEN_FIELDS, ScheduleRequest
from remembrancer.model.schedule import value_from
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.task import FieldChange
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.operations.edits.former_changes import apart_from, kept_additions, kept_skips
from remembrancer.operations.requested_schedule import first_run, value_given
from remembrancer.operations.reserved_keys import refuse_reserved, refuse_reuse
from remembrancer.operations.validation import validate
from remembrancer.policies.additions import pending_additions, with_additions
from remembrancer.policies.cancellation import superseded
from remembrancer.policies.occurrences import run_without_pause_ms
from remembrancer.policies.pace import within_pace
from remembrancer.policies.pause import armed_in_pause, unpaused
from remembrancer.policies.priority import with_priority
from remembrancer.policies.unanswered.deferral import check_no_question
from remembrancer.schedules.composed.anchors import anchors_kept, has_open_interval
from remembrancer.schedules.kinds import schedule_of
from remembrancer.schedules.parsing import gap_note

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim

_WHEN: Final = frozenset(WHEN_FIELDS)
_KEPT: Final = (*(name for name in UPDATABLE if name != "schedule"), "schedule_spec")
"""The fields of a kept task that hold those of a request."""
_SCHEDULE: Final = ("schedule_cron", "schedule_spec", "timezone", "gap", "fold", "seconds_field")
_READ_IN: Final = frozenset({"timezone", "fold"})
"""The fields by which a wall time is read."""
_WATCH: Final = ("check_at_ms", "runs_after_id", "watch", "check_error", "next_check_ms")
"""The fields of a task whose schedule names no occurrences."""
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
    update = _updated(task, fields, now, late_by_seconds)
    return update if "priority" not in fields else update._replace(after=with_priority(update.after, task))


def _updated(task: ScheduledTask, fields: Mapping[str, Any], now: datetime, late_by_seconds: float) -> Update:
    """Return *task* with other values of these *fields*, before its place among others is worked out."""
    for name, value in fields.items():
        _check_name(name, value)
    if "budget" in fields and (task.lineage_id is not None or executing() is not None):
        refuse_budget(fields["budget"], task.lineage_id or task.origin_thought_id)
    refuse_reserved(fields.get("dedup_key"))
    refuse_reuse(fields.get("dedup_reuse"), fields.get("dedup_key", task.dedup_key))
    if not _WHEN & fields.keys():
        after = task.model_copy(update={name: _read(name, value) for name, value in fields.items()})
        check_keys(after)
        return Update(after, None)
    asked = validate(_request(task, fields), now, late_by_seconds, {})
    if asked.task_type is not task.task_type:
        first = next(name for name in fields if name in _WHEN)
        kind = "one-time" if task.task_type is TaskType.ONE_TIME else "recurring"
        allowed = f"a schedule of a {kind} task, as this one is; for one of the other type, schedule another task"
        raise InvalidInput(first, fields[first], allowed, _another(first, task, now))
    taken = {name: getattr(asked, name) for name in (*_KEPT, "wall_time")}
    if asked.reacts or task.reacts:
        return _reacting(task, asked, {**taken, **{name: getattr(asked, name) for name in _WATCH}}, now, fields)
    if not _is_moved(task, taken, fields):
        held = {"defer_until": task.defer_until, "wall_time": task.wall_time}
        return Update(task.model_copy(update={**taken, **held}), None)
    return moved(task, taken, now, late_by_seconds, begins="defer_until" in fields or "schedule" in fields)


def _another(name: str, task: ScheduledTask, now: datetime) -> object:
    """Return a value of a field that keeps the type of *task*; None for a field that has none."""
    if task.task_type is TaskType.ONE_TIME:
        at = to_iso(now + timedelta(days=1))
        return {"defer_until": at, "schedule": {"kind": "once", "at": at}}.get(name)
    return {"schedule": {"kind": "every", "every": "90m"}, "schedule_cron": "0 9 * * 1-5"}.get(name)


def with_anchors_of(task: ScheduledTask, schedule: object, begin: object) -> object:
    """Return a schedule with the anchors of the task's own for intervals that name none and are as long.

    One that is to *begin* at a time is returned as it is: its intervals are counted from there.
    """
    if task.schedule_spec is None or begin is not None:
        return schedule
    value = value_given(schedule)
    return anchors_kept(value, value_from(task.schedule_spec)) if has_open_interval(value) else schedule


def check_changes(fields: Mapping[str, Any], now: datetime, late_by_seconds: float) -> None:
    """Refuse changes that fit no task, before any task is read. Raises InvalidInput."""
    if not fields:
        raise InvalidInput("changes", {}, "at least one field of a task", {"timeout_seconds": 60})
    if fields.get("dedup_key") is not None:
        raise InvalidInput("dedup_key", fields["dedup_key"], "a field of one task only", "update_task")
    if fields.get("depends_on"):
        raise InvalidInput("depends_on", fields["depends_on"], "a field of one task only, or [] to take it away", [])
    for name, value in fields.items():
        _check_name(name, value)
        if name not in _WHEN:
            _read(name, value)
    when = {name: value for name, value in fields.items() if name in _WHEN and value is not None}
    if when.keys() == {"seconds_field"} or not when:
        return
    whole: dict[str, Any] = {**EXAMPLE, **when}
    if when.keys() & {"schedule", "defer_until"} and "schedule_cron" not in when:
        whole["schedule_cron"] = None
    validate(ScheduleRequest(**whole), now, late_by_seconds, {})


def changes(before: ScheduledTask, after: ScheduledTask) -> dict[str, FieldChange]:
    """Return the fields that an update has changed."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in _KEPT}
    return {name: FieldChange(before=was, after=will) for name, (was, will) in pairs.items() if was != will}


def _check_name(name: str, value: object) -> None:
    if name not in UPDATABLE:
        raise InvalidInput(name, value, unknown(name, UPDATABLE), nearest(name, UPDATABLE) or UPDATABLE[0])


def _read(name: str, value: object) -> object:
    """Return the value to keep of a field; None is the default of one that need not be given."""
    if value is None and name in DEFAULTS:
        return DEFAULTS[name]
    check = TASK_FIELDS[name].check
    return check(name, value) if check else value


def _request(task: ScheduledTask, fields: Mapping[str, Any]) -> ScheduleRequest:
    """Return the request that would make *task* with these *fields*."""
    standing = {name: getattr(task, name) for name in TASK_FIELDS if name != "schedule"}
    if task.schedule_spec is not None:
        standing |= {name: DEFAULTS[name] for name in _WHEN} | {"schedule": value_from(task.schedule_spec)}
    if task.task_type is TaskType.ONE_TIME and not gap_note(task.wall_time, task.timezone):
        standing["gap"] = None  # no such policy was used for its time: another time needs its own
    standing["defer_until"] = _own_time(task, fields)
    if fields.get("schedule") is not None:
        standing |= {name: DEFAULTS[name] for name in _WHEN}
        fields = {**fields, "schedule": with_anchors_of(task, fields["schedule"], fields.get("defer_until"))}
    elif fields.get("schedule_cron") is not None:
        standing |= {"schedule": None, "timezone": task.timezone}
        if len(str(fields["schedule_cron"]).split()) != _SIX:
            standing["seconds_field"] = None
        if Cron(fields["schedule_cron"]).expression != fields["schedule_cron"]:
            standing["timezone"] = None  # the expression names its own
    given: dict[str, Any] = {name: DEFAULTS.get(name) if value is None else value for name, value in fields.items()}
    return ScheduleRequest(**{**standing, **given})


def _own_time(task: ScheduledTask, fields: Mapping[str, Any]) -> str | datetime | None:
    """Return the time that a one-time task was asked for, as a wall time if *fields* say how it is read."""
    if task.task_type is TaskType.RECURRING:
        return None
    if task.wall_time is not None and _READ_IN & fields.keys():
        return task.wall_time
    if task.additions is not None or task.nominal_ms is not None:
        return from_ms(schedule_of(task).next_ms(-1))
    return task.defer_until


def _reacting(
    task: ScheduledTask, asked: ScheduledTask, taken: dict[str, Any], now: datetime, fields: Mapping[str, Any]
) -> Update:
    """Return a task with other values whose schedule names no occurrences, before the change or after it."""
    followed = asked.runs_after_id
    if followed is not None and followed >= task.task_id:
        allowed = "a task that was made before this one: so no task follows itself through others"
        raise InvalidInput("task_id", followed, allowed, "schedule another task, which follows it")
    is_same = asked.schedule.kind == task.schedule.kind and followed == task.runs_after_id
    if not is_same or "defer_until" in fields:
        return moved(task, taken, now, 0.0, begins=True)
    kept = {**taken, "defer_until": task.defer_until, **{name: getattr(task, name) for name in _WATCH}}
    after = task.model_copy(update=kept | _asked_again(task, asked))
    return Update(within_pace(after, to_ms(now)) if taken["schedule_spec"] != task.schedule_spec else after, None)


def _asked_again(task: ScheduledTask, asked: ScheduledTask) -> dict[str, Any]:
    """Return what changes with the query of a cue: it is asked at once, and its matches may be taken as known."""
    value, former = asked.schedule, task.schedule
    if not isinstance(value, Cue) or not isinstance(former, Cue) or value == former:
        return {}
    is_other = (value.cypher, value.parameters) != (former.cypher, former.parameters)
    forgotten = {"watch": None} if value.existing == "ignore" and is_other else {}
    return {"check_at_ms": asked.check_at_ms, "check_error": None, **forgotten}


def _is_moved(task: ScheduledTask, taken: Mapping[str, object], fields: Mapping[str, Any]) -> bool:
    """Return whether the task runs at other times."""
    if task.task_type is TaskType.ONE_TIME:
        is_reread = task.wall_time is not None and _READ_IN & fields.keys()
        return "defer_until" in fields or "schedule" in fields or bool(is_reread)
    return fields.get("defer_until") is not None or any(taken[name] != getattr(task, name) for name in _SCHEDULE)


def moved(
    task: ScheduledTask,
    taken: dict[str, Any],
    now: datetime,
    late_by_seconds: float,
    *,
    begins: bool,
    renews: bool = False,
) -> Update:
    """Return *task* with another schedule, armed from *now* on.

    One that *renews* the content of the schedule keeps all moves and skips: its caller asked for no other plan.
    """
    check_no_question(task)
    now_ms, run_ms = to_ms(now), run_without_pause_ms(task)
    if run_ms is None and task.check_at_ms is None:
        allowed = "a task with a run ahead; this one runs right now"
        raise InvalidInput("task_id", task.task_id, allowed, "wait until it has ended")
    fresh = task.model_copy(update={**taken, **_UNBOUND})
    nominal_ms, next_ms = first_run(fresh, now_ms, int(late_by_seconds * 1000))
    fresh = fresh.model_copy(update={"nominal_ms": nominal_ms})
    armed = {"nominal_ms": nominal_ms, "next_run_ms": next_ms, "last_triggered_at": task.last_triggered_at}
    if task.task_type is TaskType.RECURRING:
        armed["outcomes_since_ms"] = now_ms + 1
    is_held = task.deferral_id is not None and run_ms is not None and run_ms > now_ms
    if is_held and not begins and task.task_type is TaskType.RECURRING:
        # A live deferral goes on, and holds the occurrences of the new schedule.
        armed |= {"deferral_id": task.deferral_id, "defer_until": task.defer_until, "next_run_ms": run_ms}
    after = fresh.model_copy(update=armed)
    if task.is_paused(now):
        after = armed_in_pause(after, after.next_run_ms)
    elif task.paused_at is not None:
        after = unpaused(after)
    kept = pending_additions(task) if renews else kept_additions(task, fresh, now)
    skips = task.skips if renews else kept_skips(task, fresh, kept, now_ms)
    ended = superseded(task, now_ms, kept)
    kept, skips = apart_from(ended, kept, skips)
    after = with_additions(after.model_copy(update={"skips": skips}), kept, now_ms)
    return Update(after, ended)
