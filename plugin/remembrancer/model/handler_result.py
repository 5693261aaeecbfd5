"""What a handler may answer: done, failed, or defer until a moment, because of a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (part of the public signature)
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from remembrancer.model.execution import ExecutionStatus, Reason

THOUGHT_REFUSED: Final = "The thought was refused."
"""How the reason begins of an execution that failed because the thought it answered with cannot be kept."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A unit of the agent's thinking, as the graph keeps it."""

    thought_id: str
    content: str


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done.

    Args:
        result: What to remember of it, as text.
        thought: A thought that the work created, linked by CREATED_THOUGHT.
    """

    result: str | None = None
    thought: Thought | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The work could not be done; *reason* says why, for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: come back at *until* (aware), because *reason*."""

    until: datetime
    reason: str
    thought_id: str | None = None


HandlerResult = Done | Failed | Defer


@dataclass(frozen=True, slots=True)
class HandlerOutcome:
    """How a run ended, before it is written down."""

    status: ExecutionStatus
    reason_code: Reason | None = None
    reason: str | None = None
    result: str | None = None
    thought: Thought | None = None
    put_off: Defer | None = None
