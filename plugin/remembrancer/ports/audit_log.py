"""The contract for the audit trail: what was done to tasks and to the graph, by whom, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class AuditRange:
    """A part of the trail: at most *limit* changes from the moment *since* on, behind the change *after* if given."""

    since: datetime | None = None
    after: str | None = None
    limit: int = 1000


class AuditLog(Protocol):
    """The changes of one memory graph. They are written with what they tell of, and never changed."""

    async def of_task(self, task_id: str) -> Sequence[AuditEntry]:
        """Return all changes of one task, its creation first; none for a task that is not there."""
        ...

    async def stretch(self, wanted: AuditRange) -> Sequence[AuditEntry]:
        """Return all changes in the order in which they were made, from their index."""
        ...

    async def cancelled(self, task_ids: Sequence[str]) -> Sequence[str]:
        """Return those of *task_ids* that were cancelled."""
        ...
