"""Request context: the actor, idempotency key and trace of the current call, set by surfaces, stored with writes."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.model.control_characters import has_controls, visible

if TYPE_CHECKING:
    from remembrancer.model.idempotency import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor of a call: the surface that it came through, and the name of the caller there."""

    surface: str
    """service, cli, import, rest, mcp, tools, handler, scheduler."""
    actor: str | None = None
    """A token's name, a login name, an execution or a replica; None if there is no name."""

    def __post_init__(self) -> None:
        """Replace what a graph or a log cannot hold: a login name may contain bytes that are not text."""
        if self.actor is not None and has_controls(self.actor):
            object.__setattr__(self, "actor", visible(self.actor))

    def __str__(self) -> str:
        """Return surface and name in short form, for logs and keys."""
        return self.surface if self.actor is None else f"{self.surface}: {self.actor}"


IN_PROCESS_ACTOR: Final = Actor("service")
"""The actor of calls made in the service's own process."""
CURRENT_ACTOR: ContextVar[Actor | None] = ContextVar("remembrancer_author", default=None)
"""The actor of the current call; None for one made directly on the service."""
IDEMPOTENCY_KEY: ContextVar[IdempotencyKey | None] = ContextVar("remembrancer_request_mark", default=None)
"""The idempotency key of the current request; None if it has none."""
MAY_QUERY: ContextVar[bool] = ContextVar("remembrancer_may_query", default=True)
"""False for a caller who may not ask the graph any question: a token without the scope `admin`."""
TRACEPARENT: ContextVar[str | None] = ContextVar("remembrancer_traceparent", default=None)
"""The span of the current call that schedules a task, as a W3C `traceparent`."""


def current_actor() -> Actor:
    """Return the actor of the current call."""
    return CURRENT_ACTOR.get() or IN_PROCESS_ACTOR


def executing() -> str | None:
    """Return the execution whose handler is the current caller, or began it; None for any other caller."""
    actor = current_actor()
    return actor.actor if actor.surface == "handler" else None
