"""Entries of foreign schedules: each is a task here, is refused for a reason, or holds no task."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from remembrancer.model.control_characters import visible
from remembrancer.model.request import ScheduleRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.schedule import ScheduleValue


class Source(StrEnum):
    """The systems that schedules are imported from; a `dedup_key` of an imported task begins with one."""

    CRONTAB = "crontab"
    SYSTEMD = "systemd"
    APSCHEDULER = "apscheduler"
    CELERY = "celery"
    CLAUDE_CODE = "claude_code"


class Refused(Exception):
    """An entry cannot be a task here; its text is the reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a source.

    Args:
        place: The line or the name of the entry.
        text: The entry, as the source has it.
        request: The task; None if it is refused, or is none.
        reason: The reason for a refusal, or the kind of an entry that is no task.
        notes: Differences from the source.
        user: The user that it runs as.
        is_task: False for a comment, a setting, an empty line.
        task_id: The task from which an export made the entry: in the graph that has it, the entry is that task.
    """

    place: str
    text: str
    request: ScheduleRequest | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    user: str | None = None
    is_task: bool = True
    task_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A task as an importer knows it, before it is a request.

    Args:
        source: The system.
        identity: The values that make it the same task in a second import.
        name: The name, for people.
        goal: The purpose.
        prompt: The text for the handler.
        schedule: The schedule.
        context: The object for the handler; members that are None are left out.
        policies: Fields of the request, such as `misfire`.
    """

    source: Source
    identity: Sequence[object]
    name: str
    goal: str
    prompt: str
    schedule: ScheduleValue
    context: Mapping[str, object]
    policies: dict[str, Any]


def request_of(found: Found) -> ScheduleRequest:
    """Return the request for a task; equal identities have equal `dedup_key`s."""
    return ScheduleRequest(
        name=visible(" ".join(found.name.split()))[:_NAME_LENGTH],
        goal_description=found.goal[:_GOAL_LENGTH],
        trigger_prompt=found.prompt,
        origin_thought_id=f"{found.source.value}_import",
        schedule=found.schedule,
        dedup_key=key_of(found.source, found.identity),
        context={name: value for name, value in found.context.items() if value is not None},
        **found.policies,
    )


def key_of(source: Source, identity: Sequence[object]) -> str:
    """Return the `dedup_key` of an imported task."""
    written = json.dumps(list(identity), sort_keys=True, default=str)
    return f"{source.value}_{hashlib.sha256(written.encode()).hexdigest()[:32]}"


def refused(place: str, text: str, reason: str, user: str | None = None) -> Entry:
    """Return an entry that cannot be a task here."""
    return Entry(place, text, reason=reason, user=user)


_NAME_LENGTH: Final = 80
_GOAL_LENGTH: Final = 2000
