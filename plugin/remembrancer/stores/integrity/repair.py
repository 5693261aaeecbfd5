"""Repair of a damaged graph; unreadable records are saved to a file before they are deleted."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.model.ids import attempt_id, minute_of, new_id
from remembrancer.model.timestamps import to_ms
from remembrancer.model.words import count_of
from remembrancer.ports.graph_copy import Segment
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.graph.concurrency.inheritance import work_out
from remembrancer.stores.integrity.derived_counters import DerivedCounters
from remembrancer.stores.integrity.record_check import (
    PAGE,
    READERS,
    WALKED,
    RecordCheck,
    derived_of,
    is_derived_right,
)
from remembrancer.stores.integrity.slot_check import SlotCheck
from remembrancer.stores.integrity.stand_in import stand_in
from remembrancer.stores.integrity.stream_check import StreamCheck
from remembrancer.stores.integrity.unreadable_file import UnreadableFile
from remembrancer.stores.records.event_log import KEYS_OF_A_STREAM, UNREADABLE
from remembrancer.stores.records.graph_copy import node_row
from remembrancer.stores.rows.node_rows import time_id
from remembrancer.stores.rows.readable_records import FAULTS
from remembrancer_schema.catalog import query
from remembrancer_schema.kinds import EDGES, KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from pathlib import Path

    from remembrancer.ports.graph_check import CheckStep
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer_schema.kinds import Edge

_TASKS: Final = Segment("scheduled_task", KEYS["scheduled_task"])
_OF_TASKS: Final = frozenset(edge.source for edge in EDGES if edge.target == _TASKS.name)
_REPLICA_ID: Final = "repair"


class Repair:
    """Repairs the records, edges, leases and counters of one graph, whose engine and indexes are sound.

    Args:
        connection: An open graph, without other writers.
        unreadable_path: The file for unreadable records.
        counter_id: The counter that holds all counts afterwards.
        watch: Called with the progress.
    """

    def __init__(
        self,
        connection: GraphConnection,
        unreadable_path: Path,
        counter_id: str,
        watch: Callable[[CheckStep], None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._file = UnreadableFile(unreadable_path)
        self._counter_id = counter_id
        self._watch = watch
        self._counters = DerivedCounters()
        self._streams = StreamCheck()
        self._misderived: list[Row] = []
        self._minutes: dict[str, int] = {}
        """By task, the minute that it is scheduled for, or was last."""
        self._lost: dict[str, str] = {}
        """By retry, the attempt that it repeats."""
        self._slots = SlotCheck()
        self._leased: set[str] = set()
        self._task_ids: set[str] = set()
        """Tasks that are readable, or have a stand-in."""
        self._task_ids_named: set[str] = set()
        """Tasks that other records refer to."""
        self.done: list[str] = []
        """The repairs, as sentences."""
        self.apart: Counter[str] = Counter()
        """The number of records of each label that were removed from the graph, or replaced."""

    async def run(self, now_ms: int) -> None:
        """Make all repairs."""
        await self._set_apart()
        await self._stand_in()
        await self._count()
        for edge in EDGES:
            await self._link(edge)
        await self._serve(now_ms)
        await self._lease_running(now_ms)
        await self._free_slots()
        await self._number_on()
        await self._write_counters()

    async def _set_apart(self) -> None:
        """Save unreadable records to the file, and remove them from the graph; a task gets a stand-in."""
        walk = RecordCheck(self._connection, self._watch)
        for label in WALKED:
            async for node in walk.each(label):
                self._collect_names(label, node)
        by_label: defaultdict[str, list[tuple[Row, str]]] = defaultdict(list)
        for label, node, fault in walk.refused:
            by_label[label].append((node, fault))
        for label, refused in by_label.items():
            self._file.keep(label, refused)
            for node, _ in refused:
                statements = _replacing(label, node)
                if label == _TASKS.name and statements[0].name.startswith("put_"):
                    self._task_ids.add(node[_TASKS.key])
                await self._connection.write(statements)
            self.apart[label] = len(refused)
            what = "replaced by stand-ins" if label in {_TASKS.name, "event_batch"} else "removed from the graph"
            self.done.append(f"{count_of(len(refused), 'record')} labelled {label} could not be read: {what}.")

    def _collect_names(self, label: str, node: Row) -> None:
        if label == _TASKS.name:
            self._task_ids.add(node[_TASKS.key])
        elif label in _OF_TASKS and isinstance(task_id := node.get(_TASKS.key), str):
            self._task_ids_named.add(task_id)

    async def _stand_in(self) -> None:
        """Add stand-ins for missing tasks that other records refer to, so that these keep their task."""
        gone = sorted(self._task_ids_named - self._task_ids)
        nodes = [node_row(_TASKS, stand_in({_TASKS.key: task_id})) for task_id in gone]
        await self._write(f"put_nodes_of_{_TASKS.name}", nodes)
        if gone:
            self.done.append(f"{count_of(len(gone), 'task')} missing, with references: a FAILED stand-in for each.")

    async def _count(self) -> None:
        """Count every node, tasks first, and correct the derived properties of tasks."""
        walk = RecordCheck(self._connection, self._watch)
        collectors: dict[str, Callable[[Row], None]] = {
            "scheduled_task": self._collect_task,
            "task_execution": self._collect_execution,
            "execution_lease": lambda node: self._leased.update(node["execution_ids"]),
            "concurrency_limit": self._slots.add_limit,
            "event_batch": self._streams.add_batch,
            "event_stream": self._streams.add_stream,
        }
        for label in ("scheduled_task", *(each for each in WALKED if each != "scheduled_task")):
            async for node in walk.each(label):
                self._counters.add(label, node)
                if collect := collectors.get(label):
                    collect(node)
        await self._write("set_derived", self._misderived)
        if self._misderived:
            self.done.append(
                f"{count_of(len(self._misderived), 'task is', 'tasks are')} restored to the due index, and to lists."
            )

    def _collect_task(self, node: Row) -> None:
        self._minutes[node["task_id"]] = _minute(node)
        if not is_derived_right(node):
            self._misderived.append({"task_id": node["task_id"], **derived_of(node)})

    def _collect_execution(self, node: Row) -> None:
        self._slots.add_execution(node)
        if node["attempt"] > 1:
            self._lost[node["execution_id"]] = attempt_id(node["execution_id"], node["attempt"] - 1)

    async def _link(self, edge: Edge) -> None:
        """Create the missing edges of one type whose target exists."""
        made = dangling = 0
        after = ""
        while True:
            page = await self._connection.read(query(f"ends_of_{edge.kind}".lower()), {"after": after, "limit": PAGE})
            named = self._named(edge, [row for row in page if row["linked"] == 0])
            there = await self._there(edge, list(named.values()))
            ends = {source: target for source, target in named.items() if target in there}
            await self._put(edge, ends)
            made, dangling = made + len(ends), dangling + len(named) - len(ends)
            if len(page) < PAGE:
                break
            after = page[-1]["source"]
        if made:
            self.done.append(f"{count_of(made, 'edge was', 'edges were')} created again: {edge.kind}.")
        if dangling and edge.kind != "RETRY_OF":  # its other end may have been pruned
            self.done.append(
                f"{count_of(dangling, 'node lacks its', 'nodes lack their')} {edge.kind}: the other end is missing."
            )

    def _named(self, edge: Edge, lacking: Sequence[Row]) -> dict[str, str]:
        """Return the target of each of these nodes' edges, according to their properties."""
        if edge.kind == "SCHEDULED_FOR":
            return {row["source"]: time_id(self._minutes[row["source"]]) for row in lacking}
        if edge.kind == "RETRY_OF":
            return {row["source"]: self._lost[row["source"]] for row in lacking if row["source"] in self._lost}
        return {row["source"]: row["named"] for row in lacking if row["named"] is not None}

    async def _serve(self, now_ms: int) -> None:
        """Give tasks the priorities with which they should be served."""
        served, asked = 0, {"limit": PAGE}
        while rows := [
            row
            for name in ("misserved_tasks", "changed_priorities")
            for row in await self._connection.read(query(name), asked)
        ]:
            served += await work_out(self._connection, sorted({row["task_id"] for row in rows}), now_ms)
        if served:
            self.done.append(f"{count_of(served, 'task is', 'tasks are')} served with another priority now.")

    async def _there(self, edge: Edge, targets: Sequence[str]) -> Container[str]:
        """Return the targets that exist; missing minutes and thoughts are created."""
        if edge.target == "task_execution":
            found = await self._connection.read(query("execution_elements"), {"ids": list(targets)})
            return {row["id"] for row in found}
        return self._counters.types if edge.target == "scheduled_task" else targets

    async def _put(self, edge: Edge, ends: Mapping[str, str]) -> None:
        if edge.kind == "SCHEDULED_FOR":
            minutes = [(source, target, self._minutes[source]) for source, target in ends.items()]
            linked: list[Row] = [{"task_id": task, "time_id": end, "minute_ms": at} for task, end, at in minutes]
            await self._write("link_times", linked)
            return
        if edge.target == "thought":
            ours: list[Row] = [
                {"key": each, "properties": {"thought_id": each, "recorded_by": "remembrancer"}}
                for each in sorted(set(ends.values()))
            ]
            await self._write("put_own_thoughts", ours)
        rows: list[Row] = [{"source": source, "target": target, "properties": {}} for source, target in ends.items()]
        await self._write(f"put_edges_of_{edge.kind}".lower(), rows)

    async def _lease_running(self, now_ms: int) -> None:
        """Give running executions without a lease an expired one: the next scheduler recovers them."""
        if unheld := sorted(self._slots.running - self._leased):
            lease: Row = {"lease_id": new_id("lease", now_ms), "replica_id": _REPLICA_ID, "until_ms": 0}
            await self._write("acquire_leases", [{**lease, "execution_ids": unheld}])
            self.done.append(f"{count_of(len(unheld), 'execution')} without a lease: the next scheduler recovers them.")

    async def _free_slots(self) -> None:
        """Free the slots of limits that executions hold which do not run."""
        ended: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        for key, execution_id in sorted(self._slots.stray()):
            ended[key][execution_id] = True
        rows: list[Row] = [{"limit_key": key, "ended": ids, "begun": []} for key, ids in ended.items()]
        if rows:
            await self._write("release_slots", rows)
            stray_slots = sum(len(row["ended"]) for row in rows)
            self.done.append(f"{count_of(stray_slots, 'slot')} of limits freed: their executions do not run.")

    async def _number_on(self) -> None:
        """Set streams to the range of the stored events: otherwise the next commit's number could exist already."""
        if wrong := self._streams.wrong():
            holes = [
                gap_row({"batch_key": stream * KEYS_OF_A_STREAM + last, "count": last - first + 1})
                for stream, first, last in self._streams.holes()
            ]
            await self._write("replace_batches", holes)
            rows = self._streams.mended(wrong)
            await self._write("put_nodes_of_event_stream", [{"key": row["stream"], "properties": row} for row in rows])
            self.done.append(f"{count_of(len(rows), 'stream')} of events counted again.")

    async def _write_counters(self) -> None:
        before = [row["c"] for row in await self._connection.read(query("counters"), {})]
        readable = [node for node in before if _is_readable(node)]
        row = self._counters.row(self._counter_id, readable)
        await self._connection.write([Statement("delete_statistics", [{}]), Statement("write_statistics", [row])])
        self.done.append("The counters were recomputed from the nodes.")

    async def _write(self, name: str, rows: Sequence[Row]) -> None:
        for first in range(0, len(rows), PAGE):
            await self._connection.write([Statement(name, list(rows[first : first + PAGE]))])


def _minute(node: Row) -> int:
    if node.get("next_run_ms") is not None:
        return minute_of(node["next_run_ms"])
    return minute_of(to_ms(node.get("last_triggered_at") or node["created_at"]))


def _is_readable(counter: Row) -> bool:
    try:
        READERS["lifetime_statistics"](counter)
    except FAULTS:
        return False
    return True


def _replacing(label: str, node: Row) -> list[Statement]:
    """Return the statement that removes an unreadable record, or replaces it by a readable one."""
    key = node.get(KEYS[label])
    if label == "event_batch":
        return [Statement("replace_batches", [gap_row(node)])]
    if label == "access_token":
        return [Statement("delete_unreadable_tokens", [{"key": key}])]
    if label == _TASKS.name:
        with suppress(ValueError):
            return [Statement(f"put_nodes_of_{label}", [node_row(_TASKS, stand_in(node))])]
    return [Statement(f"delete_unreadable_{label}", [{"key": key}])]


def gap_row(node: Row) -> Row:
    """Return a batch whose events are all marked as unreadable; their places follow from its key."""
    stream, newest = divmod(node["batch_key"], KEYS_OF_A_STREAM)
    count, at_ms = node.get("count"), node.get("at_ms")
    count = count if isinstance(count, int) and 0 < count <= newest else 1
    at_ms = at_ms if isinstance(at_ms, int) else 0
    gap = {"count": count, "kind": "gap", "at": at_ms, "lost": 1, "reason": UNREADABLE}
    row: Row = {"key": node["batch_key"], "stream": stream, "newest": newest, "count": count, "at_ms": at_ms}
    return {**row, "events": json.dumps([gap])}
