"""An entry of the audit log: one change of a task or of the graph."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import Any

from pydantic import BaseModel, ConfigDict


class AuditEntry(BaseModel):
    """One `task_change` node; for the creation of a task, and for a copied graph, what the node itself says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    change_id: str
    """The key; for a creation, that of the task."""
    task_id: str | None = None
    """None if no task was changed."""
    action: str
    """For a task: create, cancel, defer, ask, answer, run_now, quarantine or rearm.

    For the graph: create_token, revoke_token, prune, restore, repair or copy.
    """
    at: datetime
    """The time (UTC) of the change."""
    surface: str | None = None
    """The surface: service, cli, import, rest, mcp, tools, handler, scheduler. None: written before this was kept."""
    actor: str | None = None
    """The actor there: a token's name, a login name, an execution, a replica; None where none is known."""
    reason: str | None = None
    """The reason as given; for a quarantine, the fault."""
    thought_id: str | None = None
    """The thought that asked for the change."""
    before: dict[str, Any] | None = None
    """The changed fields as they were; None where there was nothing."""
    after: dict[str, Any] | None = None
    """The changed fields as they are now."""

    @property
    def place(self) -> str:
        """The place among all changes: by time, and no two share one."""
        return self.change_id.partition("_")[2]
