"""The replica registry port: the identity of a graph, and the replicas that work on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from remembrancer.model.replica import Replica


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """The identity of the graph and its replicas, at one time."""

    graph_id: str | None
    """None: the graph has no marker, because it was wiped."""
    now: datetime
    """The time by the clock of the graph's own server."""
    replicas: tuple[Replica, ...]
    """By `replica_id`; among them those that died without deregistering."""
    next_run_at: datetime | None = None
    """On a shared graph, the earliest time for which any task is armed."""
    next_of_shards_at: datetime | None = None
    """The same for the requested shards."""
    rules_edition: int = 0
    """The edition of the time zone rules that the graph keeps."""


class ReplicaRegistry(Protocol):
    """The replicas of one graph."""

    async def snapshot(self, shards: Collection[int] | None = None) -> ClusterSnapshot:
        """Return the identity of the graph, its replicas and, on a shared graph, the next run: in one query."""
        ...

    async def size(self) -> int:
        """Return how many tasks and executions there are, by the engine's own count."""
        ...

    async def heartbeat(self, replica: Replica) -> None:
        """Write that *replica* is alive."""
        ...

    async def deregister(self, replica_ids: Sequence[str]) -> None:
        """Remove these replicas."""
        ...

    async def ensure_schema(self) -> None:
        """Declare the schema that a wiped graph lacks, and mark it again. Raises GraphTooNew for a newer schema."""
        ...

    async def warm_up(self) -> None:
        """Let the engine prepare for the writes of a replica; the graph does not change. Raises GraphUnavailable."""
        ...
