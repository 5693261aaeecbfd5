"""A change: what somebody did to a task or to the graph, for the audit trail."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import Any

from pydantic import BaseModel, ConfigDict


class AuditEntry(BaseModel):
    """One `task_change` node; of a task that was made, or of a graph that is a copy, what its own node tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    change_id: str
    """The key; of a creation, the task's."""
    task_id: str | None = None
    """None: it is no task that was changed."""
    action: str
    """Of a task create, cancel, defer, run_now or quarantine; else create_token, revoke_token, retain or copy."""
    at: datetime
    surface: str | None = None
    """Through what: service, cli, import, rest, handler, scheduler. None: written before this was kept."""
    actor: str | None = None
    """As whom there: a token's name, a login name, an execution, a replica; None where nobody is known by name."""
    reason: str | None = None
    thought_id: str | None = None
    """The thought that asked for it."""
    before: dict[str, Any] | None = None
    """The fields that changed, as they were; None where there was nothing."""
    after: dict[str, Any] | None = None
    """The same, as they are."""

    @property
    def place(self) -> str:
        """Where it stands among all changes: by the moment it was made, and no two in one place."""
        return self.change_id.partition("_")[2]
