"""The health of a graph: its due index, its leases, its clock, its counters against its nodes, its disk."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphDamaged, GraphUnavailable, RemembrancerError
from remembrancer.model.limit import OVERLAP, WAIT
from remembrancer.model.timestamps import to_ms
from remembrancer.model.words import count_of
from remembrancer.ports.health import MOST_COUNTED, WAITED_FOR, GraphHealth, WaitingCounts
from remembrancer.stores.commits.counters import summed
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.embedded.integrity.index_bypass import way_out
from remembrancer.stores.private_files import exposure
from remembrancer.stores.records.replicas import GraphReplicaRegistry
from remembrancer.stores.rows.due_key import last_key
from remembrancer.stores.rows.node_rows import after_all
from remembrancer.stores.rows.readable_records import FAULTS
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.graph.due_index import DueIndex
    from remembrancer.stores.rows.readable_records import ReadableRecords

_LOG: Final = logging.getLogger("remembrancer")


class GraphHealthProbe:
    """The contract: `remembrancer.ports.health.HealthProbe`.

    Args:
        connection: An open graph.
        index: Its due index.
        records: Counts the records that could not be read.
    """

    def __init__(self, connection: GraphConnection, index: DueIndex, records: ReadableRecords) -> None:
        self._connection = connection
        self._index = index
        self._records = records
        self.on_unreadable = records.listeners
        connection.on_write.append(self._written)

    @property
    def connections(self) -> int:
        """The number of connections to the graph that this process holds: the most that were in use at once."""
        return self._connection.connections

    @property
    def trouble(self) -> str | None:
        """Why writes of this process fail at present, by the last of them; None if they do not fail."""
        return self._connection.pending_counts.full

    async def verify(self) -> None:
        """Check that the open graph is still the one in its directory. Raises GraphUnavailable."""
        await self._connection.verify()

    async def probe(self, now: datetime) -> GraphHealth:
        """Return the state of the graph at *now*."""
        now_ms = to_ms(now)
        graph_now_ms, alive_ms = None, None
        if not self._connection.exclusive:
            cluster = await GraphReplicaRegistry(self._connection).snapshot()
            graph_now_ms = to_ms(cluster.now)
            alive_ms = max((to_ms(each.heartbeat_at) for each in cluster.replicas), default=None)
        floor_key = last_key(min(self._index.watermark.value_ms, now_ms))
        between = {"floor_key": floor_key, "now_key": last_key(now_ms), "limit": MOST_COUNTED}
        backlog = (await self._connection.read(query("due_backlog"), between))[0]
        leases = (await self._connection.read(query("lease_state"), {"now_ms": now_ms}))[0]
        await self._connection.verify()
        disk_free, disk_size = _disk(self._connection.folder)
        return GraphHealth(
            due=backlog["due"],
            oldest_due_ms=backlog["oldest_ms"],
            leases=leases["leases"],
            overdue_leases=leases["overdue"] or 0,
            oldest_overdue_ms=leases["oldest_ms"] if leases["overdue"] else None,
            graph_now_ms=graph_now_ms,
            disk_free=disk_free,
            disk_size=disk_size,
            unreadable=self._records.unreadable,
            alive_ms=alive_ms,
            exposure=exposure(self._connection.folder.parents[1]) if self._connection.folder else None,
            damage=await self.damage(),
        )

    async def waiting(self) -> WaitingCounts:
        """Return the counts of waiting attempts, dead letters and waiting tasks."""
        ask, most = self._connection.read, MOST_COUNTED
        tasks: dict[str, int] = {}
        begins: list[int] = []
        for kind in WAITED_FOR:
            tasks[kind] = 0
            for above, below in _ranges_of(kind):
                (found,) = await ask(query("parked_tasks"), {"above": above, "below": below, "limit": most})
                tasks[kind] = min(most, tasks[kind] + found["tasks"])
                if found["since_ms"] is not None:
                    begins.append(found["since_ms"])
        (retries,) = await ask(query("retries_ahead"), {"floor_ms": 0, "limit": most})
        (letters,) = await ask(query("open_dead_letters"), {"limit": most})
        return WaitingCounts(
            retries=retries["attempts"],
            dead_letters=letters["dead_letters"],
            dead_letter_failures=letters["failures"] or 0,
            tasks=tasks,
            since_ms=min(begins, default=None),
        )

    async def damage(self) -> str | None:
        """Describe missing parts: indexes, and nodes that were counted, as far as a bounded read shows."""
        missing = [f"the index of {name}" for name in await self._connection.missing_indexes()]
        try:
            counters = summed([row["c"] for row in await self._connection.read(query("counters"), {})])
        except FAULTS:
            return "the statistics cannot be read"
        nodes = await self._sizes()  # after the counters, which only grow
        if (lost := counters["tasks_created"] - nodes["tasks"]) > 0:
            missing.append(count_of(lost, "task"))
        if (lost := counters["executions_started"] - nodes["executions"]) > 0:
            (rolled,) = await self._connection.read(query("rolled_up"), {})
            if (lost := lost - (rolled["runs"] or 0)) > 0:
                missing.append(count_of(lost, "execution"))
        return f"missing: {', '.join(missing)}" if missing else None

    async def refuse_void(self) -> None:
        """Raise GraphDamaged if tasks were created in an embedded graph and none can be read: nothing would fire."""
        if not self._connection.exclusive or self._connection.folder is None:
            return
        folder = self._connection.folder.parents[1]
        if damage := await self.damage():
            if not (await self._sizes())["tasks"]:
                raise GraphDamaged(f"No task of the graph {folder} can be read ({damage}). {way_out(folder)}")
            _LOG.error("The graph %s is damaged: %s. %s", folder, damage, way_out(folder))

    async def _sizes(self) -> Row:
        """Return how many tasks and executions there are: counted one by one, while they are few."""
        (sizes,) = await self._connection.read(query("graph_size"), {})
        if not self._connection.exclusive:  # a server counts its records itself
            return sizes
        (counted,) = await self._connection.read(query("counted_size"), {"limit": MOST_COUNTED})
        return {name: counted[name] if sizes[name] <= MOST_COUNTED else sizes[name] for name in counted}

    async def refusal(self) -> str | None:
        """Return why the graph cannot be written, None if it can: the answer to a write that changes nothing."""
        try:
            await self._connection.write([Statement("probe_write", [{}])])
        except RemembrancerError as refused:
            return str(refused)
        return None

    async def snapshot(self, target: Path) -> None:
        """Copy the graph's files, as they are at one time, into the empty directory *target*."""
        await self._connection.snapshot(target)

    def _written(self) -> None:
        self._connection.pending_counts.full = None


def _ranges_of(kind: str) -> list[tuple[str, str]]:
    """Return the ranges of the wait index keys of tasks that wait for one kind of thing."""
    overlap = WAIT + OVERLAP
    if kind == "overlap":
        return [(overlap, after_all(overlap))]
    if kind == "slot":
        return [(WAIT, overlap), (after_all(overlap), after_all(WAIT))]
    return [(f"{kind}:", after_all(f"{kind}:"))]


def _disk(folder: Path | None) -> tuple[int | None, int | None]:
    """Return the free bytes and the size of the directory's disk; None for a graph without a directory."""
    if folder is None:
        return None, None
    try:
        usage = shutil.disk_usage(folder)
    except OSError as fault:
        raise GraphUnavailable(f"The disk of the graph's folder does not answer: {fault}") from fault
    return usage.free, usage.total
