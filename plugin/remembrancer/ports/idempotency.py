"""The idempotency port: the result of a request, found by its key for as long as the graph exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.idempotency import IdempotencyKey


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The result of a request, written in one commit with it."""

    digest: str
    """The digest of the request."""
    action: str
    """create, cancel, defer or run_now."""
    task_id: str
    """The task; of a request that made several, the first."""
    execution_id: str | None = None
    """The execution that it started."""


class IdempotencyStore(Protocol):
    """The requests of one memory graph, by their idempotency keys."""

    async def find(self, idempotency_key: IdempotencyKey) -> IdempotencyRecord | None:
        """Return the record of the request that was done under the key; it may be another request."""
        ...

    async def has_made(self, task_id: str, idempotency_key: IdempotencyKey) -> bool:
        """Return whether this request made a task that gives its dedup_key back.

        Raises IdempotencyKeyReused: another request under the same key did.
        """
        ...

    async def edited(self, idempotency_key: IdempotencyKey) -> Mapping[str, str]:
        """Return the ids and names of the tasks that this request has edited among many."""
        ...
