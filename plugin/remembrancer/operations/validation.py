"""The door: a request becomes a task, or is refused with what would be accepted. Pure functions of (value, now)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from enum import StrEnum
from math import isnan
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from zoneinfo import ZoneInfo

from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import has_controls
from remembrancer.model.ids import new_id
from remembrancer.model.json_bounds import DEPTH, keep_within
from remembrancer.model.policy import Fold, Gap, Misfire, OnLost, Seconds
from remembrancer.model.task import ScheduledReply, ScheduledTask
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.pipeline import cron_of
from remembrancer.schedules.parsing import fold_note, read_moment, read_zone
from remembrancer.schedules.preview import preview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.request import ScheduleRequest

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 20_000
LONGEST_ID: Final = 256
LARGEST_CONTEXT: Final = 65_536
LONGEST_TIMEOUT: Final = 86_400.0
MOST_ATTEMPTS: Final = 100
LONGEST_BACKLOG: Final = 1000
MOST_ASKED: Final = 1_000_000
PREVIEWED: Final = 5
_UNKEEPABLE: Final = re.compile("[\0\ud800-\udfff]")
_NEITHER: Final = (
    "a moment in defer_until, a cron expression in schedule_cron, or both "
    "(the cron schedule, held back until that moment)"
)

_Word = TypeVar("_Word", bound=StrEnum)


def admit(request: ScheduleRequest, now: datetime, late_by_seconds: float, made: Mapping[str, object]) -> ScheduledTask:
    """Return the task that *request* asks for.

    A `defer_until` less than *late_by_seconds* in the past was made of `now()` and fires at once. An older one
    waits as long before it is served, so that a slip can still be cancelled. *made* are the fields that tell by whom
    and how it was asked for.

    Raises:
        InvalidInput: Any field is wrong.
    """
    if request.defer_until is None and request.schedule_cron is None:
        raise InvalidInput("defer_until", None, _NEITHER, _tomorrow(now))
    now_ms = to_ms(now)
    task_id = new_id("task", now_ms)
    until = request.defer_until
    zone = _zone(request)
    fold = _word("fold", request.fold, Fold)
    held = None if until is None else read_moment(until, "defer_until", now=now, timezone=zone, fold=fold)
    task = ScheduledTask(
        task_id=task_id,
        name=_line("name", request.name, LONGEST_NAME, "Daily report"),
        goal_description=_text("goal_description", request.goal_description, LONGEST_TEXT, "Send the metrics"),
        trigger_prompt=_text("trigger_prompt", request.trigger_prompt, LONGEST_TEXT, "Write today's report"),
        origin_thought_id=_line("origin_thought_id", request.origin_thought_id, LONGEST_ID, "thought_12345"),
        defer_until=held,
        schedule_cron=_expression(request.schedule_cron),
        created_at=from_ms(now_ms),
        timezone=zone or "UTC",
        gap=_word("gap", request.gap, Gap),
        fold=fold,
        seconds=None if request.seconds is None else _word("seconds", request.seconds, Seconds),
        misfire=_word("misfire", request.misfire, Misfire),
        misfire_limit=_whole("misfire_limit", request.misfire_limit, LONGEST_BACKLOG, 100),
        misfire_grace_seconds=_duration("misfire_grace_seconds", request.misfire_grace_seconds, 0.0, 60.0),
        on_lost=_word("on_lost", request.on_lost, OnLost),
        max_attempts=_whole("max_attempts", request.max_attempts, MOST_ATTEMPTS, 3),
        timeout_seconds=_timeout(request.timeout_seconds),
        dedup_key=None
        if request.dedup_key is None
        else _line("dedup_key", request.dedup_key, LONGEST_ID, "daily-report"),
        context=_context(request.context),
    )
    nominal_ms, next_run_ms = _first_run(task, now_ms, int(late_by_seconds * 1000))
    return task.model_copy(update={"nominal_ms": nominal_ms, "next_run_ms": next_run_ms, **made})


def reply(task: ScheduledTask, now: datetime, notes: list[str] | None = None) -> ScheduledReply:
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
        if cron := cron_of(task):
            ahead = preview(cron, task.next_run_ms - 1, PREVIEWED)
            said += [fire.note for fire in ahead if fire.note]
            later = [fire.at for fire in ahead]
            if put_off and later[:1] != fires:
                later.insert(0, fires[0])  # a put-off run is no moment of the schedule
            fires = later[:PREVIEWED]
    return ScheduledReply.model_validate({**vars(task), "next_fires": fires, "notes": said})


def _zone(request: ScheduleRequest) -> str | None:
    """Return the zone that the request names; else, where it asks for one moment, the one that the moment has."""
    if request.timezone is not None:
        return read_zone(request.timezone)
    own = request.defer_until.tzinfo if isinstance(request.defer_until, datetime) else None
    return own.key if request.schedule_cron is None and isinstance(own, ZoneInfo) else None


def read_reason(reason: object) -> str:
    """Check why somebody waits, cancels or defers."""
    return _text("reason", reason, LONGEST_TEXT, "Waiting for the API's rate limit to reset")


def read_thought(content: object) -> str:
    """Check the content of a thought that a handler made."""
    return _text("content", content, LONGEST_TEXT, "Write today's report")


def read_context(context: object) -> dict[str, Any] | None:
    """Check a context: a JSON object of at most 64 KiB, or None."""
    return _context(context)


def read_id(field: str, value: object) -> str:
    """Check an id that a caller gave."""
    return _line(field, value, LONGEST_ID, "thought_12345")


def read_limit(value: object) -> int:
    """Check how many are asked for at most."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_ASKED:
        raise InvalidInput("limit", value, f"a whole number from 0 to {MOST_ASKED:,}", 100)
    return value


def _first_run(task: ScheduledTask, now_ms: int, late_by_ms: int) -> tuple[int, int]:
    """Return (nominal_ms, next_run_ms) of a new task."""
    held_ms = None if task.defer_until is None else to_ms(task.defer_until)
    if cron := cron_of(task):
        first = cron.next_ms(now_ms if held_ms is None else max(now_ms, held_ms - 1))
        return first, first
    assert held_ms is not None, "a task without a cron schedule has a moment"  # noqa: S101
    if now_ms - held_ms >= late_by_ms:
        return held_ms, now_ms + late_by_ms
    return held_ms, held_ms


def _is_past(asked: datetime, next_run_ms: int, now: datetime) -> str:
    served = "at once" if next_run_ms <= to_ms(now) else f"at {to_iso(from_ms(next_run_ms))}"
    return f"{to_iso(asked)} is in the past: the task runs {served} unless it is cancelled before."


def _tomorrow(now: datetime) -> str:
    day_ms = 86_400_000
    return to_iso(from_ms((to_ms(now) // day_ms + 1) * day_ms + day_ms * 9 // 24))


def _text(field: str, value: object, longest: int, example: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise InvalidInput(field, value, f"text of 1 to {longest:,} characters, not only blanks", example)
    if _UNKEEPABLE.search(value):
        raise InvalidInput(field, value, "text without NUL characters and lone surrogates", example)
    return value


def _line(field: str, value: object, longest: int, example: str) -> str:
    """Check a name, a key or an id: it stands in tables, logs and paths."""
    text = _text(field, value, longest, example)
    if has_controls(text):
        raise InvalidInput(field, text, "one line of text without control characters", example)
    return text


def _expression(value: object) -> str | None:
    """Let text through to the cron reader, which refuses wrong text better."""
    if value is None or isinstance(value, str):
        return value
    allowed = "text of five fields: minute hour day-of-month month day-of-week"
    raise InvalidInput("schedule_cron", value, allowed, "0 9 * * 1-5")


def _word(field: str, value: object, words: type[_Word]) -> _Word:
    if isinstance(value, str) and value in words.__members__.values():
        return words(value)
    raise InvalidInput(field, value, " | ".join(words), next(iter(words)).value)


def _whole(field: str, value: object, most: int, example: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(field, value, f"a whole number from 1 to {most:,}", example)
    return value


def _duration(field: str, value: object, least: float, example: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, float) and isnan(value)):
        raise InvalidInput(field, value, "a number of seconds", example)
    if not least <= value <= LONGEST_TIMEOUT * 366:
        raise InvalidInput(field, value, f"{least:g} to {LONGEST_TIMEOUT * 366:g} seconds", example)
    return float(value)


def _timeout(value: object) -> float | None:
    if value is None:
        return None
    seconds = _duration("timeout_seconds", value, 0.001, 300.0)
    if seconds > LONGEST_TIMEOUT:
        raise InvalidInput("timeout_seconds", value, f"0.001 to {LONGEST_TIMEOUT:g} seconds", 300.0)
    return seconds


def _context(value: object) -> dict[str, Any] | None:
    if value is None:
        return None
    allowed = f"a JSON object (string keys; text, numbers, lists, objects), at most 64 KiB and {DEPTH} levels deep"
    example = {"api": "weather_service", "retry_count": 2}
    if not isinstance(value, dict):
        raise InvalidInput("context", value, allowed, example)
    keep_within(cast("object", value), "context", example)
    try:
        written = json.dumps(cast("object", value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as fault:
        raise InvalidInput("context", cast("object", value), f"{allowed}; {fault}", example) from None
    if len(written) > LARGEST_CONTEXT:
        raise InvalidInput("context", f"{len(written):,} bytes", allowed, example)
    return cast("dict[str, Any]", json.loads(written))
