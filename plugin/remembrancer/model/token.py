"""A token: who may ask a scheduler over the network, and for what."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Scope(StrEnum):
    """What a token lets its bearer do; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def covers(self, needed: Scope) -> bool:
        """Say whether it lets its bearer do what needs *needed*."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


class AccessToken(BaseModel):
    """One `access_token` node: everything about a token but the token itself, which is nowhere kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None = None


class NewToken(AccessToken):
    """A token just made: the only time that it is seen."""

    token: str
