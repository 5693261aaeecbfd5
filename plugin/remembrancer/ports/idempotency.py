"""The contract for requests that may be sent again: what was done for one is found by its key, for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.model.idempotency import IdempotencyKey


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What was done for a request, as it was written in one commit with it."""

    digest: str
    """Of what the request asked for."""
    action: str
    """create, cancel, defer or run_now."""
    task_id: str
    """Of a request that made several tasks, the first."""
    execution_id: str | None = None
    """The execution that it started."""


class IdempotencyStore(Protocol):
    """The requests of one memory graph."""

    async def find(self, mark: IdempotencyKey) -> IdempotencyRecord | None:
        """Return what was done under the mark's key, be it for this request or for another."""
        ...

    async def execution(self, execution_id: str) -> Execution:
        """Return one execution, as it stands now. Raises ExecutionNotFound."""
        ...
