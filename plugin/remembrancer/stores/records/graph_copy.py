"""The nodes and edges of one graph as a copy reads and writes them: in pages, over any connection."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.ports.graph_copy import CopyProgress, Segment, SegmentPage
from remembrancer.stores.commits.counters import summed
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.records.counter_check import refuse_loss
from remembrancer.stores.records.replicas import GraphReplicaRegistry
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer_schema.catalog import query
from remembrancer_schema.kinds import APART, EDGES, KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.row_types.upkeep import CopyCompletionRow

PAGE: Final = 1000
"""The nodes of a page: a commit costs little compared with a thousand, and they take little memory."""
_THOUGHTS: Final = Segment("thought", KEYS["thought"])
_COUNTERS: Final = Segment("lifetime_statistics", KEYS["lifetime_statistics"])
_STREAMS: Final = Segment("event_stream", KEYS["event_stream"])
_LABELS: Final = tuple(Segment(label, key) for label, key in KEYS.items() if label not in APART)
_EDGES: Final = {edge.kind: edge for edge in EDGES}
_COPIED: Final = "copied"
_HALT: Final = {
    "halted_ms": "halted_ms",
    "released_ms": "released_ms",
    "halt_reason": "reason",
    "halted_by": "actor",
    "halt_stops_runs": "stops_runs",
}
"""The properties of the record of a halt, by their names in answers."""
_MISSING: Final = "missing"
_QUIET: Final = timedelta(minutes=1)
"""A scheduler without a heartbeat for this time counts as dead; one that is stopped deregisters."""


class GraphCopyEndpoint:
    """A graph to be copied, or to be written by a copy. The contract: `remembrancer.ports.graph_copy.CopyEndpoint`.

    The agent's own thoughts are no part of the schedule. An edge to one is copied, and creates the thought where it is
    missing, with its id alone. Counters are copied as their sum, as every reader adds them up. Of the event log only
    the end is copied: a reader with a cursor of the source learns which events the copy does not hold.

    Args:
        connection: An open graph.
        name: The name of the graph in messages, without secrets.
    """

    segments: Sequence[Segment] = (*_LABELS, _THOUGHTS, *(Segment(kind, "source") for kind in _EDGES))

    def __init__(self, connection: GraphConnection, name: str) -> None:
        self._connection = connection
        self.name = name

    async def active_replicas(self) -> Sequence[str]:
        """Return the schedulers that work on a shared graph at present; a directory has its lock for that."""
        if self._connection.exclusive:
            return ()
        cluster = await GraphReplicaRegistry(self._connection).snapshot()
        at_work = [each for each in cluster.replicas if each.heartbeat_at > cluster.now - _QUIET]
        return [f"{each.replica_id} (process {each.pid} on {each.host})" for each in at_work]

    async def refuse_loss(self) -> None:
        """Raise GraphDamaged if the graph lacks nodes that its own statistics count."""
        await refuse_loss(self._connection, self.name)

    async def size(self, segment: Segment) -> int:
        """Return how many nodes reading *segment* takes."""
        label = _EDGES[segment.name].source if segment.name in _EDGES else segment.name
        name = "size_of_own_thoughts" if segment == _THOUGHTS else f"size_of_{label}"
        return (await self._connection.read(query(name), {}))[0]["size"]

    async def page(self, segment: Segment, after: str) -> SegmentPage:
        """Return the page of *segment* after the key *after*."""
        if segment == _COUNTERS:
            return await self._counters()
        if segment == _STREAMS:
            return await self._streams()
        name = "own_thoughts" if segment == _THOUGHTS else f"{_kind(segment)}_of_{segment.name}".lower()
        rows = await self._connection.read(query(name), {"after": after, "limit": PAGE})
        if segment.name in _EDGES:
            walked = len({row["source"] for row in rows})
            edges = [row for row in rows if row["target"] is not None]
            return SegmentPage(edges, walked, rows[-1]["source"] if walked == PAGE else None)
        nodes: list[Row] = [row["n"] for row in rows]
        return SegmentPage(nodes, len(nodes), nodes[-1][segment.key] if len(nodes) == PAGE else None)

    async def write(self, segment: Segment, page: SegmentPage, source: str) -> None:
        """Write a page of the graph called *source*, and the progress of the copy, in one commit."""
        mark: Row = {"source": source, "part": segment.name, "after": page.after}
        await self._connection.write([*self._statements(segment, page), Statement("write_copy_progress", [mark])])

    async def halt(self) -> Mapping[str, object]:
        """Return the record of the last halt, as it is stored; of one that is missing, what is no record either."""
        rows = await self._connection.read(query("halt_record"), {})
        return rows[0] if rows else {"halted_ms": _MISSING}

    async def complete(self, change: Change, halt: Mapping[str, object]) -> None:
        """Mark the copy as whole, with the halt of its source and an entry of the audit log."""
        stored = {name: halt.get(told) for name, told in _HALT.items()}
        row: CopyCompletionRow = {**change_row(None, change), "halt": stored}
        await self._connection.write([Statement("complete_copy", [row])])

    async def progress(self) -> CopyProgress | None:
        """Return the mark of the copy that writes this graph, or has written it."""
        for row in await self._connection.read(query("copy_progress"), {}):
            if source := row["copy_source"] or row["copied_from"]:
                return CopyProgress(source, row["copy_source"] is None, row["part"], row["after"])
        return None

    async def foreign_keys(self, segment: Segment, keys: Sequence[str]) -> frozenset[str]:
        """Return those of *keys* that are thoughts of the agent's own here."""
        if segment != _THOUGHTS or not keys:
            return frozenset()
        rows = await self._connection.read(query("foreign_thoughts"), {"thought_ids": list(keys)})
        return frozenset(row["thought_id"] for row in rows)

    async def close(self) -> None:
        """Release the graph."""
        await self._connection.close()

    async def _counters(self) -> SegmentPage:
        rows = await self._connection.read(query("counters"), {})
        total = summed([row["c"] for row in rows])
        return SegmentPage([{_COUNTERS.key: _COPIED, **total}] if any(total.values()) else [], len(rows), None)

    async def _streams(self) -> SegmentPage:
        rows = await self._connection.read(query("event_streams"), {})
        ends: list[Row] = [{_STREAMS.key: row["stream"], "newest": row["newest"]} for row in rows]
        return SegmentPage([{**end, "oldest": end["newest"] + 1} for end in ends], len(rows), None)

    def _statements(self, segment: Segment, page: SegmentPage) -> list[Statement]:
        if not page.rows:
            return []
        if segment.name in _EDGES:
            return [Statement(f"put_edges_of_{segment.name}".lower(), [dict(row) for row in page.rows])]
        name = "put_own_thoughts" if segment == _THOUGHTS else f"put_nodes_of_{segment.name}"
        return [Statement(name, [node_row(segment, node) for node in page.rows])]


def _kind(segment: Segment) -> str:
    return "edges" if segment.name in _EDGES else "nodes"


def node_row(segment: Segment, node: Mapping[str, object]) -> Row:
    """Return the row that writes a node: each of its times as text under its own name, for the query to read."""
    times: Row = {name: value.isoformat() for name, value in node.items() if isinstance(value, datetime)}
    plain: Row = {name: value for name, value in node.items() if name not in times}
    return {"key": node[segment.key], "properties": plain, **times}
