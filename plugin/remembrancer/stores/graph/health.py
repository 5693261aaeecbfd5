"""How a graph stands: its due index above the floor, its leases, its clock, and the disk that it lies on."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphDamaged, GraphUnavailable, RemembrancerError
from remembrancer.model.timestamps import to_ms
from remembrancer.model.words import count_of
from remembrancer.ports.health import MOST_COUNTED, GraphHealth
from remembrancer.stores.commits.counters import summed
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.embedded.index_bypass import way_out
from remembrancer.stores.private_files import exposure
from remembrancer.stores.records.replicas import GraphReplicaRegistry
from remembrancer.stores.rows.due_key import last_key
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
    """The contract: `remembrancer.ports.health.GraphHealths`.

    Args:
        session: An open graph.
        index: Its due index.
        records: Knows what could not be read.
    """

    def __init__(self, session: GraphConnection, index: DueIndex, records: ReadableRecords) -> None:
        self._session = session
        self._index = index
        self._records = records

    async def sound(self, now: datetime) -> GraphHealth:
        """Return how the graph stands at *now*."""
        now_ms = to_ms(now)
        graph_now_ms, alive_ms = None, None
        if not self._session.exclusive:
            roster = await GraphReplicaRegistry(self._session).roster()
            graph_now_ms = to_ms(roster.now)
            alive_ms = max((to_ms(each.heartbeat_at) for each in roster.replicas), default=None)
        floor_key = last_key(min(self._index.floor.height_ms, now_ms))
        between = {"floor_key": floor_key, "now_key": last_key(now_ms), "limit": MOST_COUNTED}
        backlog = (await self._session.read(query("due_backlog"), between))[0]
        leases = (await self._session.read(query("lease_state"), {"now_ms": now_ms}))[0]
        await self._session.verify()
        disk_free, disk_size = _disk(self._session.folder)
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
            exposure=exposure(self._session.folder.parents[1]) if self._session.folder else None,
            damage=await self.damage(),
        )

    async def damage(self) -> str | None:
        """Return what is missing: indexes, and nodes that the books count, as far as a bounded look tells."""
        missing = [f"the index of {name}" for name in await self._session.missing_indexes()]
        try:
            books = summed([row["c"] for row in await self._session.read(query("counters"), {})])
        except FAULTS:
            return "the books cannot be read"
        nodes = await self._sizes()  # after the books: they only grow
        if (lost := books["tasks_created"] - nodes["tasks"]) > 0:
            missing.append(count_of(lost, "task"))
        if (lost := books["executions_started"] - nodes["executions"]) > 0:
            (rolled,) = await self._session.read(query("rolled_up"), {})
            if (lost := lost - (rolled["runs"] or 0)) > 0:
                missing.append(count_of(lost, "execution"))
        return f"missing: {', '.join(missing)}" if missing else None

    async def refuse_void(self) -> None:
        """Raise GraphDamaged if tasks were made in a graph in a folder, and none can be read: nothing would fire."""
        if not self._session.exclusive or self._session.folder is None:
            return
        folder = self._session.folder.parents[1]
        if damage := await self.damage():
            if not (await self._sizes())["tasks"]:
                raise GraphDamaged(f"No task of the graph {folder} can be read ({damage}). {way_out(folder)}")
            _LOG.error("The graph %s is damaged: %s. %s", folder, damage, way_out(folder))

    async def _sizes(self) -> Row:
        """Return how many tasks and executions there are: counted one by one, while they are few."""
        (sizes,) = await self._session.read(query("graph_size"), {})
        if not self._session.exclusive:  # a server's own counts are those of its records
            return sizes
        (counted,) = await self._session.read(query("counted_size"), {"limit": MOST_COUNTED})
        return {name: counted[name] if sizes[name] <= MOST_COUNTED else sizes[name] for name in counted}

    async def refusal(self) -> str | None:
        """Return why the graph cannot be written, None if it can: learnt by a write that changes nothing."""
        try:
            await self._session.write([Statement("probe_write", [{}])])
        except RemembrancerError as refused:
            return str(refused)
        return None

    async def snapshot(self, target: Path) -> None:
        """Copy the graph's files, as they are at one moment, into the empty folder *target*."""
        await self._session.snapshot(target)


def _disk(folder: Path | None) -> tuple[int | None, int | None]:
    """Return how much of the folder's disk is free, and its size; None for a graph without a folder."""
    if folder is None:
        return None, None
    try:
        usage = shutil.disk_usage(folder)
    except OSError as fault:
        raise GraphUnavailable(f"The disk of the graph's folder does not answer: {fault}") from fault
    return usage.free, usage.total
