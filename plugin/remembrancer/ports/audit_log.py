"""The audit log port: changes of tasks and of the graph, with who made them, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class AuditRange:
    """A part of the audit log: at most *limit* entries from *since* on, after the entry *after* if given."""

    since: datetime | None = None
    after: str | None = None
    limit: int = 1000


class AuditLog(Protocol):
    """The changes of one memory graph. Each is written in the commit that makes it, and stays as it is."""

    async def of_task(self, task_id: str) -> Sequence[AuditEntry]:
        """Return all changes of one task, its creation first; none for an unknown task."""
        ...

    async def entries(self, audit_range: AuditRange) -> Sequence[AuditEntry]:
        """Return changes in the order in which they were made."""
        ...

    async def cancelled(self, task_ids: Sequence[str]) -> Sequence[str]:
        """Return those of *task_ids* that were cancelled."""
        ...
