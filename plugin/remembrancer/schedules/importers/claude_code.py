"""Scheduled tasks of Claude Code, from its file `scheduled_tasks.json`: a prompt and a cron expression each.

The file's format is not published. This reader takes the fields that are known, and tells of every other one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import Cron
from remembrancer.model.schedule import Bounded
from remembrancer.schedules.importers.crontab_times import accepted
from remembrancer.schedules.importers.entries import Entry, Found, Refused, Source, refused, request_of


def scheduled_tasks(text: str, zone: str) -> list[Entry]:
    """Return the entries of a file. Raises InvalidInput: it is no such file."""
    try:
        held: object = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise InvalidInput("file", text[:60], f"JSON ({wrong})", ".claude/scheduled_tasks.json") from None
    tasks = cast("Mapping[str, object]", held).get("tasks") if isinstance(held, Mapping) else held
    if not isinstance(tasks, list):
        allowed = "a list of tasks, or an object whose member tasks is one"
        raise InvalidInput("file", text[:60], allowed, ".claude/scheduled_tasks.json")
    return [_entry(place, each, zone) for place, each in enumerate(cast("list[object]", tasks), 1)]


def _entry(place: int, given: object, zone: str) -> Entry:
    if not isinstance(given, Mapping):
        return refused(f"task {place}", str(given)[:80], "it is no JSON object")
    task = cast("Mapping[str, object]", given)
    name = f"task {task.get('id', place)}"
    prompt = task.get("prompt")
    try:
        return _task(name, task, zone)
    except Refused as reason:
        return refused(name, str(prompt or "")[:200], str(reason))


def _task(place: str, task: Mapping[str, object], zone: str) -> Entry:
    prompt, expression = task.get("prompt"), task.get("cron", task.get("schedule"))
    if not isinstance(prompt, str) or not prompt.strip():
        raise Refused("it has no prompt")
    if not isinstance(expression, str):
        raise Refused("it has no cron expression")
    if len(expression.split()) != _FIELDS:
        raise Refused(f"{expression[:80]!r} has not the five fields of a cron expression")
    spelled, reason, notes = accepted(" ".join(expression.split()), zone)
    if reason is not None:
        raise Refused(reason)
    recurring = task.get("recurring", True)
    if not isinstance(recurring, bool):
        raise Refused("recurring is neither true nor false")
    cron = Cron(spelled, zone)
    schedule = cron if recurring else Bounded(cron, start=_created(task), count=1)
    if recurring and not task.get("permanent"):
        notes.append("Claude Code ends it after some days; here it goes on until it is cancelled")
    unknown = sorted(set(task) - _READ)
    notes += [f"{name} is not understood, and is left out" for name in unknown]
    found = Found(
        source=Source.CLAUDE_CODE,
        identity=[task.get("id"), expression, prompt, recurring],
        name=str(task.get("name") or " ".join(prompt.split()[:6])),
        goal="A scheduled task of Claude Code",
        prompt=prompt,
        schedule=schedule,
        context={"claude_code_id": task.get("id")},
        policies={},
    )
    return Entry(place, prompt, request_of(found), notes=tuple(notes))


def _created(task: Mapping[str, object]) -> str:
    """Return the time at which a single task was made: it fires at the first time after it."""
    at = task.get("createdAt")
    if isinstance(at, str):
        return at
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 < at < _LAST_MS:
        raise Refused("it fires once, and createdAt does not say from when on")
    return datetime.fromtimestamp(at / 1000, UTC).replace(microsecond=0).isoformat()


_READ: Final = frozenset(
    ("id", "name", "prompt", "cron", "schedule", "recurring", "createdAt", "permanent", "durable", "lastFiredAt")
)
_FIELDS: Final = 5
_LAST_MS: Final = 4_102_444_800_000
"""The year 2100."""
