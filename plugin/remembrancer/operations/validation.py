"""Validation of requests: a request becomes a task, or is refused with what would be accepted. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import (
    LONGEST_BACKLOG,
    LONGEST_ID,
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_ATTEMPTS,
    read_context,
    read_duration,
    read_line,
    read_text,
    read_timeout,
    read_whole,
    read_word,
)
from remembrancer.model.ids import new_id
from remembrancer.model.policy import Fold, Gap, Misfire, OnLost, SecondsField, TaskType
from remembrancer.model.task import ScheduledTask, ScheduleResult
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.operations.requested_schedule import first_run, spelled
from remembrancer.schedules.kinds import remaining_schedule
from remembrancer.schedules.parsing import fold_note, read_moment, read_zone
from remembrancer.schedules.preview import preview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.request import ScheduleRequest

PREVIEWED: Final = 5
_NEITHER: Final = (
    "a moment in defer_until, a cron expression in schedule_cron, or both "
    "(the cron schedule, held back until that moment)"
)


def validate(
    request: ScheduleRequest, now: datetime, late_by_seconds: float, made: Mapping[str, object]
) -> ScheduledTask:
    """Return the task that *request* asks for.

    A `defer_until` less than *late_by_seconds* in the past was made of `now()` and fires at once. An older one
    waits as long before it is served, so that a slip can still be cancelled. *made* are the fields that tell by whom
    and how it was asked for.

    Raises:
        InvalidInput: Any field is wrong.
    """
    request, spec = spelled(request)
    if request.defer_until is None and request.schedule_cron is None and spec is None:
        raise InvalidInput("defer_until", None, _NEITHER, _tomorrow(now))
    now_ms = to_ms(now)
    task_id = new_id("task", now_ms)
    until = request.defer_until
    zone = _zone(request)
    fold = read_word("fold", request.fold, Fold)
    held = None if until is None else read_moment(until, "defer_until", now=now, timezone=zone, fold=fold)
    task = ScheduledTask(
        task_id=task_id,
        name=read_line("name", request.name, LONGEST_NAME, "Daily report"),
        goal_description=read_text("goal_description", request.goal_description, LONGEST_TEXT, "Send the metrics"),
        trigger_prompt=read_text("trigger_prompt", request.trigger_prompt, LONGEST_TEXT, "Write today's report"),
        origin_thought_id=read_line("origin_thought_id", request.origin_thought_id, LONGEST_ID, "thought_12345"),
        defer_until=held,
        schedule_cron=_expression(request.schedule_cron),
        schedule_spec=spec,
        created_at=from_ms(now_ms),
        timezone=zone or "UTC",
        gap=read_word("gap", request.gap, Gap),
        fold=fold,
        seconds=None if request.seconds is None else read_word("seconds", request.seconds, SecondsField),
        misfire=read_word("misfire", request.misfire, Misfire),
        misfire_limit=read_whole("misfire_limit", request.misfire_limit, LONGEST_BACKLOG, 100),
        misfire_grace_seconds=read_duration("misfire_grace_seconds", request.misfire_grace_seconds, 0.0, 60.0),
        on_lost=read_word("on_lost", request.on_lost, OnLost),
        max_attempts=read_whole("max_attempts", request.max_attempts, MOST_ATTEMPTS, 3),
        timeout_seconds=read_timeout(request.timeout_seconds),
        dedup_key=None
        if request.dedup_key is None
        else read_line("dedup_key", request.dedup_key, LONGEST_ID, "daily-report"),
        context=read_context(request.context),
    )
    nominal_ms, next_run_ms = first_run(task, now_ms, int(late_by_seconds * 1000))
    return task.model_copy(update={"nominal_ms": nominal_ms, "next_run_ms": next_run_ms, **made})


def reply(task: ScheduledTask, now: datetime, notes: list[str] | None = None) -> ScheduleResult:
    """Return the answer to its author: the task, its next five fires, and what is worth knowing."""
    said = list(notes or [])
    fires: list[datetime] = []
    if task.next_run_ms is not None:
        put_off = task.deferral_id is not None
        fires = [from_ms(task.next_run_ms)]
        asked = task.defer_until if put_off else from_ms(task.nominal_ms or task.next_run_ms)
        if asked and asked < now:
            said.append(_is_past(asked, task.next_run_ms, now))
        if task.defer_until and not put_off and (twice := fold_note(task.defer_until, task.timezone, task.fold)):
            said.append(twice)
        if task.task_type is TaskType.RECURRING:
            ahead = preview(remaining_schedule(task), task.next_run_ms - 1, PREVIEWED)
            said += [fire.note for fire in ahead if fire.note]
            later = [fire.at for fire in ahead]
            if put_off and later[:1] != fires:
                later.insert(0, fires[0])  # a deferred run is no occurrence of the schedule
            fires = later[:PREVIEWED]
    return ScheduleResult.model_validate({**vars(task), "next_fires": fires, "notes": said})


def _zone(request: ScheduleRequest) -> str | None:
    """Return the zone that the request names; else, where it asks for one moment, the one that the moment has."""
    if request.timezone is not None:
        return read_zone(request.timezone)
    own = request.defer_until.tzinfo if isinstance(request.defer_until, datetime) else None
    return own.key if request.schedule_cron is None and isinstance(own, ZoneInfo) else None


def _is_past(asked: datetime, next_run_ms: int, now: datetime) -> str:
    served = "at once" if next_run_ms <= to_ms(now) else f"at {to_iso(from_ms(next_run_ms))}"
    return f"{to_iso(asked)} is in the past: the task runs {served} unless it is cancelled before."


def _tomorrow(now: datetime) -> str:
    day_ms = 86_400_000
    return to_iso(from_ms((to_ms(now) // day_ms + 1) * day_ms + day_ms * 9 // 24))


def _expression(value: object) -> str | None:
    """Let text through to the cron reader, which refuses wrong text better."""
    if value is None or isinstance(value, str):
        return value
    allowed = "text of five fields: minute hour day-of-month month day-of-week"
    raise InvalidInput("schedule_cron", value, allowed, "0 9 * * 1-5")
