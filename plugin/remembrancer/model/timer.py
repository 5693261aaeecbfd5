"""Timers: what is to be put on one, as a host is asked about it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 (part of the public signature)
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (part of the public signature)
from enum import StrEnum

from remembrancer.model.task import ScheduledTask  # noqa: TC001 (part of the public signature)


class TimerAction(StrEnum):
    """The request that puts something on a timer."""

    SCHEDULE = "schedule"
    """A new task."""
    UPDATE = "update"
    """Another schedule of a task, or an occurrence that is added or moved."""
    DEFER = "defer"
    """The deferral of a run to a time, also of a task that is made to resume another one."""
    ASK = "ask"
    """A question: the run waits for its answer, or until the time for one is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerRequest:
    """One thing that is to be put on a timer. Nothing of it is written yet."""

    action: TimerAction
    """The request."""
    task: ScheduledTask
    """The task as it would be, of a new task or an update; as it is, of a deferral or a question."""
    until: datetime | None
    """The time (UTC) of the run that the request arms; None if it names none, as a question without an end."""
    surface: str
    """The surface that the request came through: service, cli, rest, mcp, handler, …"""
    actor: str | None = None
    """The caller there: a token's name, a login name, or the execution whose handler asks."""
    reason: str | None = None
    """The reason of a deferral, or the text of a question."""
    thought_id: str | None = None
    """The thought that asks."""
    context: Mapping[str, object] | None = None
    """The JSON object that a deferral was given."""
