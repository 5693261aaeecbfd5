"""The replica registry: the marker of a graph, and its replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.replica import Replica
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.replicas import ClusterSnapshot
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.commits.writes import RECURRENT
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from remembrancer.stores.commits.connection import GraphConnection

NO_KEY: Final = (1 << 63) - 1
"""Above all due keys: a range that begins here costs nothing."""


class GraphReplicaRegistry:
    """The replicas of a graph. The contract: `remembrancer.ports.replicas.ReplicaRegistry`.

    Args:
        connection: An open graph.
    """

    def __init__(self, connection: GraphConnection) -> None:
        self._connection = connection

    async def snapshot(self, shards: Collection[int] | None = None) -> ClusterSnapshot:
        """Return the identity of the graph, its replicas and, on a shared graph, the next run."""
        asked: Row = {
            "floor_key": NO_KEY if self._connection.exclusive else 0,
            "shards_floor_key": NO_KEY if self._connection.exclusive or shards is None else 0,
            "shards": list(shards or ()),
        }
        found = await self._connection.read(query("cluster_snapshot"), asked)
        replicas = {each.replica_id: each for row in found for each in _replicas(row)}
        by_id = tuple(replicas[replica_id] for replica_id in sorted(replicas))
        first = found[0]
        times = [_time(first["next_run_ms"]), _time(first["next_run_of_shards_ms"])]
        return ClusterSnapshot(
            first["graph_id"], from_ms(first["now_ms"]), by_id, *times, rules_edition=first["rules_edition"] or 0
        )

    async def size(self) -> int:
        """Return how many tasks and executions there are."""
        (found,) = await self._connection.read(query("graph_size"), {})
        return found["tasks"] + found["executions"]

    async def heartbeat(self, replica: Replica) -> None:
        """Write that *replica* is alive."""
        row: Row = {
            "replica_id": replica.replica_id,
            "started_ms": to_ms(replica.started_at),
            "heartbeat_ms": to_ms(replica.heartbeat_at),
            "host": replica.host,
            "pid": replica.pid,
            "version": replica.version,
        }
        await self._connection.write([Statement("write_heartbeats", [row])])

    async def deregister(self, replica_ids: Sequence[str]) -> None:
        """Remove these replicas."""
        gone: list[Row] = [{"replica_id": replica_id} for replica_id in replica_ids]
        await self._connection.write([Statement("deregister_replicas", gone)])

    async def ensure_schema(self) -> None:
        """Declare the schema that a wiped graph lacks, and mark it again."""
        await self._connection.ensure_schema()

    async def warm_up(self) -> None:
        """Let the engine plan the writes of a replica."""
        await self._connection.warm_up(RECURRENT)


def _time(time_ms: object) -> datetime | None:
    """Return the time of a next run; an unreadable one is left to the due query."""
    return from_ms(time_ms) if isinstance(time_ms, int) else None


def _replicas(row: Row) -> list[Replica]:
    """Return the replica in *row*, if there is one; an unreadable node counts as none."""
    try:
        return [Replica.model_validate(row["p"])] if row["p"] is not None else []
    except ValueError:  # pydantic's ValidationError is one
        return []
