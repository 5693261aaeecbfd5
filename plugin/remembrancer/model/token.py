"""Access tokens of the network API, and their scopes."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Scope(StrEnum):
    """The permissions of a token; each scope includes those before it."""

    READ = "read"
    """Read tasks, executions, events and reports."""
    WRITE = "write"
    """Also schedule and change tasks."""
    ADMIN = "admin"
    """Also send Cypher queries, prune, and define calendars."""

    def covers(self, needed: Scope) -> bool:
        """Return True if this scope includes *needed*."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


class AccessToken(BaseModel):
    """One `access_token` node: all about a token except its secret, which is not stored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    """The name of the token, unique and never given twice."""
    scope: Scope
    """The permissions of the token."""
    created_at: datetime
    """The time (UTC) at which it was made."""
    revoked_at: datetime | None = None
    """The time (UTC) at which it was revoked; None while it is valid."""


class NewToken(AccessToken):
    """A new token, with its secret, which is shown only once."""

    token: str
    """The secret, as a request sends it."""
