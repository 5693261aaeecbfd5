"""The contract for telling which graph this is, and which replicas work on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from remembrancer.model.replica import Replica


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """Which graph this is and who has signed on, at one moment."""

    graph_id: str | None
    """None: the graph has no marker; somebody has wiped it."""
    now: datetime
    """What the clock of the graph's own server said."""
    replicas: tuple[Replica, ...]
    """By `replica_id`; also those that died without signing off."""
    next_run_at: datetime | None = None
    """On a shared graph, the earliest moment that any task is armed for."""
    next_of_shares_at: datetime | None = None
    """The same of the shares asked for."""


class ReplicaRegistry(Protocol):
    """Who works on one graph."""

    async def roster(self, shares: Collection[int] | None = None) -> ClusterSnapshot:
        """Return which graph this is, who has signed on and, on a shared graph, what comes next: in one statement."""
        ...

    async def size(self) -> int:
        """Return how many tasks and executions there are, by the engine's own count."""
        ...

    async def sign_on(self, replica: Replica) -> None:
        """Write that *replica* is alive, as it stands."""
        ...

    async def sign_off(self, replica_ids: Sequence[str]) -> None:
        """Forget these replicas."""
        ...

    async def renew_schema(self) -> None:
        """Declare what a wiped graph lacks, and mark it anew. Raises GraphTooNew for one that is ahead of us."""
        ...

    async def prepare(self) -> None:
        """Let the graph get ready for what a replica writes; nothing of it changes. Raises GraphUnavailable."""
        ...
