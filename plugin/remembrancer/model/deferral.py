"""Deferrals: decisions to move a task's run to a later time."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import Any

from pydantic import BaseModel, ConfigDict

from remembrancer.model.timestamps import to_iso


class Deferral(BaseModel):
    """One `task_deferral` node."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    deferral_id: str
    """The key of the deferral."""
    task_id: str
    """The task that was deferred."""
    deferred_at: datetime
    """The time (UTC) of the decision."""
    original_time: datetime | None = None
    """The time at which the task would have run; None for a task without a next run."""
    deferred_until: datetime | None = None
    """The time (UTC) that the run was moved to; None if it waits for an answer without an end."""
    reason: str
    """The reason, for people, at most 20,000 characters."""
    requested_by: str | None = None
    """The thought that asked for it."""
    context: dict[str, Any] | None = None
    """A JSON object that the author gave along."""
    question: str | None = None
    """The question as JSON text, of class `Question`, as it was asked; None for a deferral to a time."""
    answer: str | None = None
    """The answer to it as JSON text, of class `Answer`; None without one."""
    follows_id: str | None = None
    """The deferral before it in its chain; None for the first."""
    chain_place: int | None = None
    """Its place in its chain, from 1; None before it is written."""
    chain_since_ms: int | None = None
    """The time since which the chain holds the run, epoch milliseconds; None before it is written."""
    unreadable: str | None = None
    """Why the context in its node is unreadable; None if it is readable."""

    def history_entry(self, deferred_task_id: str | None) -> dict[str, Any]:
        """Return an entry of `deferral_history`, with every key that the specification's examples use."""
        return {
            "deferral_id": self.deferral_id,
            "deferred_at": to_iso(self.deferred_at),
            "deferred_until": None if self.deferred_until is None else to_iso(self.deferred_until),
            "reason": self.reason,
            "deferral_reason": self.reason,
            "deferred_task_id": deferred_task_id or self.task_id,
            "context": self.context,
        } | ({} if self.unreadable is None else {"unreadable": self.unreadable})
