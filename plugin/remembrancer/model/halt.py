"""Halts: nothing begins while one is in force."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class HaltState(BaseModel):
    """The halt of a scheduler that is in force, its reason and its begin; or else the last one."""

    model_config = ConfigDict(frozen=True)

    is_halted: bool = False
    """True while nothing begins."""
    reason: str | None = None
    """The reason of the halt that is in force, or else of the last one, at most 20,000 characters."""
    halted_at: datetime | None = None
    """The time (UTC) of its beginning; None if it is not known."""
    halted_by: str | None = None
    """The actor who halted the scheduler; None where none is known."""
    released_at: datetime | None = None
    """The time (UTC) of its end; None while it is in force."""
    by_host: bool = False
    """True if the host halts this process, or cannot say whether it does: `release` does not end that."""
    stopping: tuple[str, ...] = ()
    """The running executions of this process that the call has asked to stop."""


class HaltSpan(NamedTuple):
    """A halt that is over, epoch milliseconds, and its reason."""

    since_ms: int | None
    until_ms: int
    reason: str
