"""Who acts just now, and at which request: known to the surface it came through, kept with what the call writes."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.model.control_characters import has_controls, visible

if TYPE_CHECKING:
    from remembrancer.model.idempotency import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Actor:
    """Through what somebody acts, and as whom."""

    surface: str
    """service, command line, import, rest, handler, checker."""
    actor: str | None = None
    """A token's name, a login name, an execution, a replica; None where nobody is known by name."""

    def __post_init__(self) -> None:
        """Keep what any graph keeps and any log shows: a login name may hold bytes that are no text."""
        if self.actor is not None and has_controls(self.actor):
            object.__setattr__(self, "actor", visible(self.actor))

    def __str__(self) -> str:
        """Return both in a word or two, for logs and keys."""
        return self.surface if self.actor is None else f"{self.surface}: {self.actor}"


IN_PROCESS_ACTOR: Final = Actor("service")
"""Whoever calls the service in its own process."""
CURRENT_ACTOR: ContextVar[Actor | None] = ContextVar("remembrancer_author", default=None)
"""Who acts, where a surface knows better than the one it came through."""
IDEMPOTENCY_KEY: ContextVar[IdempotencyKey | None] = ContextVar("remembrancer_request_mark", default=None)
"""What the request that is acted on is known by, where it may be sent again."""
TRACEPARENT: ContextVar[str | None] = ContextVar("remembrancer_traceparent", default=None)
"""The span that schedules just now, in W3C form."""


def current_actor() -> Actor:
    """Return who acts just now."""
    return CURRENT_ACTOR.get() or IN_PROCESS_ACTOR
