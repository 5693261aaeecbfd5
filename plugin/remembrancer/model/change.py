"""A change: what somebody did to a task, for the audit trail."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import Any

from pydantic import BaseModel, ConfigDict


class TaskChange(BaseModel):
    """One `task_change` node; of a task that was made, what its own node tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    change_id: str
    """The key; of a creation, the task's."""
    task_id: str
    action: str
    """create, cancel, defer, run_now or quarantine."""
    at: datetime
    surface: str | None = None
    """Through what: service, command line, import, rest, checker. None: it was written before this was kept."""
    actor: str | None = None
    """As whom there: a token's name, a login name; None where nobody is known by name."""
    reason: str | None = None
    thought_id: str | None = None
    """The thought that asked for it."""
    before: dict[str, Any] | None = None
    """The fields that changed, as they were; None where nothing of the task changed."""
    after: dict[str, Any] | None = None
    """The same, as they are."""

    @property
    def place(self) -> str:
        """Where it stands among all changes: by the moment it was made, and no two in one place."""
        return self.change_id.partition("_")[2]
