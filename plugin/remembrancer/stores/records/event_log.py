"""The event log as nodes: a stream is a counter under a lock, and each commit appends a batch."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Final

from remembrancer.model.event import Event, EventKind
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.event_log import SequencedEvent, StreamRange
from remembrancer.stores.commits.events import from_batch
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.rows import node_rows, outcome_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.ports.event_log import EventRetentionPolicy
    from remembrancer.ports.handler import Progress
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords

KEYS_OF_A_STREAM: Final = 1_000_000_000_000
"""The most events that a stream can number; the query `write_statistics` has the same number."""
UNREADABLE: Final = "The events here cannot be read."
_DELETED_AT_ONCE: Final = 50
_MOST_BATCHES: Final = 256
_LEASES: Final = 1000
_MOST_RUNNING: Final = 10_000
"""The most leased executions that are read: of those leased together for long, few still run."""


class GraphEventLog:
    """The contract and its laws: `remembrancer.ports.event_log.EventLog`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records
        self._oldest: dict[int, tuple[int, int]] = {}
        """By stream, the number of its oldest event when it was last read, and the time of that batch."""

    async def ranges(self) -> Mapping[int, StreamRange]:
        """Return the range of each stream."""
        found = await self._connection.read(query("event_streams"), {})
        return dict(self._records.read("stream", _range_from, found))

    async def read(self, stream: int, after: int, limit: int) -> Sequence[SequencedEvent]:
        """Return at least *limit* events of *stream* after the number *after*, if they exist."""
        events: list[SequencedEvent] = []
        some = 1  # a batch may hold one event or a thousand
        while len(events) < limit:
            some = min(2 * some, _MOST_BATCHES)
            batches = await self._connection.read(query("event_batches"), _span(stream, after, some))
            for node in (row["b"] for row in batches):
                newest = node["batch_key"] - stream * KEYS_OF_A_STREAM
                numbered = self._records.read("batch_key", _numbered, [node])
                events += (
                    [each for each in numbered[0] if each.number > after] if numbered else [_gap(node, after, newest)]
                )
                after = newest
                if len(events) >= limit:
                    break
            if len(batches) < some:
                break
        return events

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call *changed* after every write of this process; return a function that ends that."""
        self._connection.on_write.append(changed)
        return lambda: self._connection.on_write.remove(changed)

    async def record_progress(self, reports: Sequence[tuple[Execution, Progress]], at: datetime) -> None:
        """Write the progress of executions that still run under the same fence, with an event for each."""
        reported = [outcome_rows.progress_row(execution, progress, at) for execution, progress in reports]
        await self._connection.write([Statement("report_progress", reported)])

    async def running(self, limit: int) -> Sequence[Execution]:
        """Return running executions, of all replicas, the newest first."""
        leases = await self._connection.read(query("leases_held"), {"limit": _LEASES})
        held = [execution_id for lease in leases for execution_id in lease["execution_ids"]]
        found = await self._connection.read(query("still_running"), {"execution_ids": held[:_MOST_RUNNING]})
        running = self._records.read("execution_id", node_rows.execution_from, [row["e"] for row in found])
        return sorted(running, key=lambda execution: execution.execution_id, reverse=True)[:limit]

    async def prune(self, now: datetime, policy: EventRetentionPolicy) -> bool:
        """Delete some of the expired events; return whether there are more."""
        since_ms = to_ms(now) - int(policy.seconds * 1000)
        over: list[Row] = []
        for stream, held in (await self.ranges()).items():
            if not self._may_prune(stream, held, held.newest - policy.events, since_ms):
                continue
            oldest = await self._connection.read(query("batch_ages"), _span(stream, held.oldest - 1, _DELETED_AT_ONCE))
            oldest = [row for row in oldest if isinstance(row["newest"], int) and isinstance(row["at_ms"], int)]
            if oldest:
                self._oldest[stream] = (held.oldest, oldest[0]["at_ms"])
            if ends := _expired(oldest, held.newest - policy.events, since_ms):
                keys = [stream * KEYS_OF_A_STREAM + number for number in ends]
                over.append({"stream": stream, "oldest": ends[-1] + 1, "batch_keys": keys})
        if over:
            await self._connection.write([Statement("prune_events", over)])
        return any(len(row["batch_keys"]) == _DELETED_AT_ONCE for row in over)

    def _may_prune(self, stream: int, held: StreamRange, bound: int, since_ms: int) -> bool:
        """Return True if a stream may have events to delete, by its range and the age of its oldest batch."""
        if held.oldest > held.newest:
            return False
        number, at_ms = self._oldest.get(stream, (-1, 0))
        return number != held.oldest or at_ms < since_ms or held.oldest <= bound


def _range_from(row: Row) -> tuple[int, StreamRange]:
    """Read the range of a stream. Raises one of `readable_records.FAULTS`."""
    return int(row["stream"]), StreamRange(int(row["oldest"]), int(row["newest"]))


def _numbered(node: Row) -> list[SequencedEvent]:
    """Read the events of a batch with their numbers. Raises one of `readable_records.FAULTS`."""
    events = list(from_batch(node))
    if len(events) != node["count"]:
        raise ValueError(f"It holds {len(events)} events, and says {node['count']}.")
    return [SequencedEvent(number, event) for number, event in enumerate(events, node["newest"] - node["count"] + 1)]


def _gap(node: Row, after: int, newest: int) -> SequencedEvent:
    """Return the event in place of an unreadable batch: its last number, and how many events are missing."""
    at_ms = node.get("at_ms")
    at = from_ms(at_ms if isinstance(at_ms, int) else 0)
    return SequencedEvent(newest, Event(kind=EventKind.GAP, at=at, lost=newest - after, reason=UNREADABLE))


def _expired(oldest: Sequence[Row], bound: int, since_ms: int) -> list[int]:
    """Return the last numbers of the expired batches."""
    return [row["newest"] for row in takewhile(lambda row: row["newest"] <= bound or row["at_ms"] < since_ms, oldest)]


def _span(stream: int, after: int, limit: int) -> Row:
    first = stream * KEYS_OF_A_STREAM
    return {"after_key": first + after, "end_key": first + KEYS_OF_A_STREAM - 1, "limit": limit}
