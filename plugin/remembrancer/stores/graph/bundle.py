"""An open graph of an engine that runs the query catalogue: all ports, over one connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphBusy, GraphUnavailable
from remembrancer.model.query_limits import QueryLimits
from remembrancer.ports.graph import Graph
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.cypher.read_only import refuse_powers
from remembrancer.stores.graph.armed_times import GraphArmedTimes
from remembrancer.stores.graph.concurrency.limits import GraphLimits
from remembrancer.stores.graph.concurrency.priorities import GraphPriorities
from remembrancer.stores.graph.concurrency.retries import GraphRetries
from remembrancer.stores.graph.concurrency.waits import GraphWaits
from remembrancer.stores.graph.health import GraphHealthProbe
from remembrancer.stores.graph.parts import GraphParts
from remembrancer.stores.graph.task_store import GraphTaskStore
from remembrancer.stores.graph.watches import GraphWatches
from remembrancer.stores.graph.work_queue import GraphWorkQueue
from remembrancer.stores.named_queries import named_queries
from remembrancer.stores.records.audit_log import GraphAuditLog
from remembrancer.stores.records.calendars import GraphCalendarStore
from remembrancer.stores.records.dead_letters import GraphDeadLetters
from remembrancer.stores.records.dependencies import GraphDependencies
from remembrancer.stores.records.event_log import GraphEventLog
from remembrancer.stores.records.halts import GraphHalts
from remembrancer.stores.records.idempotency import GraphIdempotencyStore
from remembrancer.stores.records.lineages import GraphLineages
from remembrancer.stores.records.named_nodes import NamedNodes
from remembrancer.stores.records.questions import GraphQuestions
from remembrancer.stores.records.replicas import GraphReplicaRegistry
from remembrancer.stores.records.retention import GraphRetention
from remembrancer.stores.records.statistics import GraphStatistics
from remembrancer.stores.records.templates import TEMPLATES
from remembrancer.stores.records.tokens import GraphTokenStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.connection import GraphConnection

_BULK: Final = 1000
_IDLE_WORK_SECONDS: Final = 2.0  # closing does not wait for what a reader can do without


class ConnectedGraph(Graph):
    """A graph over one connection. The contract and its laws: `remembrancer.ports.graph.Graph`.

    Args:
        connection: An open graph.
        watermark_lifetime_ms: How long a run armed by others may stay unseen; without effect on a shared graph.
        limits: Of a user's query.
    """

    def __init__(
        self, connection: GraphConnection, watermark_lifetime_ms: int, limits: QueryLimits | None = None
    ) -> None:
        self._connection = connection
        self._limits = limits or QueryLimits()
        parts = GraphParts.of(connection, watermark_lifetime_ms)
        armed_times = GraphArmedTimes(parts)
        self._time_links = parts.time_links
        self.exclusive = connection.exclusive
        self.tasks = GraphTaskStore(parts, armed_times)
        self.queue = GraphWorkQueue(parts)
        self.retries = GraphRetries(parts)
        self.armed_times = armed_times
        self.events = GraphEventLog(connection, parts.records)
        self.audit = GraphAuditLog(connection, parts.records)
        self.statistics = GraphStatistics(connection, parts.records)
        self.tokens = GraphTokenStore(connection, parts.records)
        self.calendars = GraphCalendarStore(connection, parts.records)
        self.templates = NamedNodes(connection, parts.records, TEMPLATES)
        self.dead_letters = GraphDeadLetters(connection, parts.records)
        self.lineages = GraphLineages(connection, parts.records)
        self.idempotency = GraphIdempotencyStore(connection)
        self.retention = GraphRetention(connection, parts.records)
        self.replicas = GraphReplicaRegistry(connection)
        self.health = GraphHealthProbe(connection, parts.index, parts.records)
        self.watches = GraphWatches(parts)
        self.questions = GraphQuestions(connection, parts.records, parts.index.write_armed, parts.time_links.record)
        self.dependencies = GraphDependencies(connection, parts.records)
        self.waits = GraphWaits(parts)
        self.limits = GraphLimits(parts)
        self.halts = GraphHalts(connection)
        self.priorities = GraphPriorities(parts)
        self.named_queries = named_queries()

    async def query(self, cypher: str, parameters: dict[str, object] | None = None) -> Sequence[dict[str, object]]:
        """Answer a reading query that a user wrote. Raises InvalidInput."""
        refuse_powers(cypher)
        return await self._connection.ask(cypher, dict(parameters or {}), self._limits)

    async def idle_work(self, limit: int) -> int:
        """Move the SCHEDULED_FOR edges of tasks that moved on; without any, write the counts that wait."""
        moved = self._time_links.take(limit)
        if moved:
            linked = [dict(row) for row in moved]
            try:
                await self._connection.write([Statement("unlink_times", moved), Statement("link_times", linked)])
            except GraphBusy:
                self._time_links.give_back(moved)  # only readers need the edges: not worth a wait
                return 0
        elif self._connection.pending_counts:
            await self._connection.write([])
        return len(moved)

    async def close(self) -> None:
        """Finish the writes under way and release the graph, even one that does not answer."""
        with suppress(GraphUnavailable, TimeoutError):  # after a crash these edges are missing too
            async with asyncio.timeout(_IDLE_WORK_SECONDS):
                while await self.idle_work(_BULK):
                    pass
        await self._connection.close()
