"""Validation of a request to schedule, and the answer to it. Pure functions of (value, now)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, cast
from zoneinfo import ZoneInfo

from remembrancer.errors import InvalidInput
from remembrancer.model.ids import new_id
from remembrancer.model.overlap_key import check_keys
from remembrancer.model.policy import Fold, Misfire
from remembrancer.model.question import question_from
from remembrancer.model.request import DEFAULTS, TASK_FIELDS
from remembrancer.model.schedule import value_from
from remembrancer.model.task import Disposition, ScheduledTask, ScheduleResult
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.operations.ahead.next_fires import PREVIEWED, next_fires, words_of
from remembrancer.operations.requested_schedule import first_run, spelled, watched
from remembrancer.policies.additions import additions_of
from remembrancer.policies.priority import with_priority
from remembrancer.policies.unanswered.questions import is_answered, is_refused
from remembrancer.schedules.cautions import cautions
from remembrancer.schedules.parsing import fold_note, gap_note, read_moment, read_wall_time, read_zone
from remembrancer.schedules.references import ends_of_calendars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.policy import Gap
    from remembrancer.model.request import ScheduleRequest

_NEITHER: Final = (
    "a time in defer_until, a cron expression in schedule_cron, or both (the cron schedule, held back until that time),"
    " or a schedule of another kind in schedule"
)
_CHECKS: Final = [
    (name, DEFAULTS.get(name, ...), check) for name, each in TASK_FIELDS.items() if (check := each.check) is not None
]
"""The name of each field, its default and its check; derived once, because requests are many."""


def validate(
    request: ScheduleRequest, now: datetime, late_by_seconds: float, made: Mapping[str, object]
) -> ScheduledTask:
    """Return the task that *request* asks for.

    A `defer_until` less than *late_by_seconds* in the past was made of `now()` and fires at once. An older one
    fires that much later than *now*, so that a slip can still be cancelled. *made* are the fields that say how the
    task was created: by whom, through which surface, within which span.

    Raises:
        InvalidInput: Any field is wrong.
    """
    request, spec = spelled(request, now)
    if request.defer_until is None and request.schedule_cron is None and spec is None:
        raise InvalidInput("defer_until", None, _NEITHER, _tomorrow(now))
    now_ms = to_ms(now)
    kept: dict[str, object] = {"schedule_spec": spec}
    for name, default, check in _CHECKS:
        if (value := getattr(request, name)) is not default:
            kept[name] = check(name, value)
    zone, until = _zone(request), request.defer_until
    if until is not None:
        fold = cast("Fold", kept.get("fold", Fold.FIRST))
        is_single = spec is None and request.schedule_cron is None
        gap = cast("Gap | None", kept.get("gap")) if is_single else None
        kept["defer_until"] = read_moment(until, "defer_until", now=now, timezone=zone, fold=fold, gap=gap)
        kept["wall_time"] = read_wall_time(until, zone)
    if spec is not None and (waiting := watched(value_from(spec), now_ms)):
        if until is not None and "next_check_ms" not in waiting:
            raise InvalidInput("defer_until", until, "no time beside a schedule that waits for something", None)
        kept |= waiting
        if until is not None:
            kept["next_check_ms"] = max(now_ms, to_ms(cast("datetime", kept["defer_until"])))
    kept |= {"timezone": zone or "UTC", "task_id": new_id("task", now_ms), "created_at": from_ms(now_ms)}
    task = ScheduledTask.model_validate(kept)
    check_keys(task)
    nominal_ms, next_run_ms = first_run(task, now_ms, int(late_by_seconds * 1000))
    task = task.model_copy(update={"nominal_ms": nominal_ms, "next_run_ms": next_run_ms, **made})
    return with_priority(task)


def reply(
    task: ScheduledTask, now: datetime, disposition: Disposition = Disposition.CREATED, count: int = PREVIEWED
) -> ScheduleResult:
    """Return the answer to a request: the task, what became of the request, the next fires, words and warnings."""
    warnings: list[str] = []
    fires: list[datetime] = []
    if task.next_run_ms is not None and task.question_id is None:
        is_deferred = task.deferral_id is not None
        asked = task.defer_until if is_deferred else from_ms(task.nominal_ms or task.next_run_ms)
        if asked and asked < now and task.paused_at is None and task.next_check_ms is None and not _is_wanted(task):
            warnings.append(_is_past(task, asked, max(task.next_run_ms, to_ms(now)), now))
        if task.defer_until and not is_deferred and (twice := fold_note(task.defer_until, task.timezone, task.fold)):
            warnings.append(twice)
        if task.task_type is TaskType.ONE_TIME and not is_deferred:
            warnings += filter(None, [gap_note(task.wall_time, task.timezone)])
        fires, notes = next_fires(task, count)
        warnings += [*notes, *cautions(task.schedule, task.timezone, fires, now)]
        fires = fires[1:] if is_refused(task) else fires
    if task.question is not None:
        warnings.append(f"It waits for an answer to: {question_from(task.question).question}")
    if task.is_paused(now):
        warnings.append(_pause_note(task))
    warnings += _overlap_notes(task)
    if task.schedule_spec is not None:
        warnings += ends_of_calendars(task.schedule_spec)
    words = words_of(task)
    answer = {"disposition": disposition, "next_fires": fires, "description": words, "warnings": warnings}
    return ScheduleResult.model_validate({**vars(task), **answer})


def _is_wanted(task: ScheduledTask) -> bool:
    """Return whether the next run is at once by an addition or an answer: such a time is no mistake."""
    if is_answered(task):
        return True
    next_one = None if task.nominal_ms is None else additions_of(task).at(task.nominal_ms)
    return next_one is not None and next_one.runs_late and task.deferral_id is None


def _overlap_notes(task: ScheduledTask) -> list[str]:
    if task.overlap_key is None or task.overlap is not None:
        return []
    return ["Its overlap_key has no effect without `overlap`: all its runs are allowed."]


def _pause_note(task: ScheduledTask) -> str:
    because = f": {task.pause_reason}" if task.pause_reason else "."
    if task.paused_until is None:
        return f"It is paused until it is resumed{because}"
    return f"It is paused until {to_iso(task.paused_until)}{because}"


def _zone(request: ScheduleRequest) -> str | None:
    """Return the zone that the request names; for a one-time task without one, that of its `defer_until`."""
    if request.timezone is not None:
        return read_zone(request.timezone)
    own = request.defer_until.tzinfo if isinstance(request.defer_until, datetime) else None
    return own.key if request.schedule_cron is None and isinstance(own, ZoneInfo) else None


def _is_past(task: ScheduledTask, asked: datetime, served_ms: int, now: datetime) -> str:
    late_seconds = (served_ms - to_ms(asked)) / 1000
    if task.is_single and task.deferral_id is None and (name := _bound_of(task, late_seconds)):
        return f"{to_iso(asked)} is in the past: the task does not run, but is missed, as its {name} says."
    served = "at once" if served_ms <= to_ms(now) else f"at {to_iso(from_ms(served_ms))}"
    return f"{to_iso(asked)} is in the past: the task runs {served} unless it is cancelled before."


def _bound_of(task: ScheduledTask, late_seconds: float) -> str | None:
    """Return the field by which an occurrence that is so late is missed; None if it runs."""
    if task.misfire is Misfire.SKIP and late_seconds > task.misfire_grace_seconds:
        return "misfire"
    bounds = {"misfire_age_seconds": task.misfire_age_seconds, "deadline_seconds": task.deadline_seconds}
    return next((name for name, most in bounds.items() if most is not None and late_seconds >= most), None)


def _tomorrow(now: datetime) -> str:
    day_ms = 86_400_000
    return to_iso(from_ms((to_ms(now) // day_ms + 1) * day_ms + day_ms * 9 // 24))
