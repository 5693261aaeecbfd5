"""The tasks of a graph that wait for something: read from their index, parked and woken in batches."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from remembrancer.policies.dependencies.policy import task_in
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.due_key import due_key, time_ms_of
from remembrancer.stores.rows.wait_keys import begin_of, due_key_of, wait_index_key
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.waits import NewWait
    from remembrancer.stores.commits.row_types.tasks import ParkRow, WakeRow
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.graph.parts import GraphParts

_END: Final = "\uffff"
"""After all wait index keys."""


class GraphWaits:
    """The contract and its laws: `remembrancer.ports.waits.Waits`.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._parts = parts
        self._floors = parts.wait_floors

    async def park(self, waits: Sequence[NewWait]) -> Sequence[bool]:
        """Let those tasks wait that are still as they were read; return for each whether it was."""
        parking = [_park_row(each) for each in waits]
        times = [time_ms_of(key) for row in parking if (key := row.get("due_key")) is not None]
        begins = {begin_of(each.wait_key) for each in waits}
        self._floors.lower(begins)
        try:
            answers = await self._parts.index.write_armed(times, [Statement("park_tasks", parking)])
        finally:
            self._floors.lower(begins)
        written = {row["row"] for row in answers[0]}
        self._parts.signals.watch(filter(None, (task_in(each.wait_key) for each in waits)))
        return [place in written for place in range(len(waits))]

    async def first(self, wait_key: str, limit: int) -> Sequence[ScheduledTask]:
        """Return the first tasks that wait for one thing, *limit* at most."""
        begin = begin_of(wait_key)
        end = node_rows.after_all(begin)
        if not self._parts.connection.exclusive:
            return self._tasks(await self._between(begin, end, limit))
        read = self._floors.begin_read(begin, monotonic())
        nodes = await self._between(read.above, end, limit)
        self._floors.end_read(read, str(nodes[0]["wait_index_key"]) if nodes else None, end, monotonic())
        return self._tasks(nodes)

    async def heads(self, after: str, limit: int) -> tuple[Sequence[ScheduledTask], str]:
        """Return the first tasks that wait for each thing after *after*, and the place to go on after."""
        nodes = await self._between(after, _END, limit)
        if len(nodes) < limit:
            return self._tasks(nodes), ""
        return self._tasks(nodes), node_rows.after_all(begin_of(str(nodes[-1]["wait_key"])))

    async def wake(self, wait_key: str, limit: int = 1000) -> int:
        """Let the first tasks that wait for one thing be due again; return how many were woken."""
        tasks = await self.first(wait_key, limit)
        if not tasks:
            return 0
        rows: list[WakeRow] = [
            {**_read_row(each), "due_key": due_key(each.next_run_ms, each.task_id)} for each in tasks
        ]
        times = [each.next_run_ms for each in tasks]
        return len((await self._parts.index.write_armed(times, [Statement("wake_tasks", rows)]))[0])

    async def _between(self, above: str, below: str, limit: int) -> list[Row]:
        asked: Row = {"above": above, "below": below, "limit": limit}
        rows = await self._parts.connection.read(query("waits_between"), asked)
        return [{**row["t"], "element_id": row["element_id"]} for row in rows if row["t"]]

    def _tasks(self, nodes: Sequence[Row]) -> list[ScheduledTask]:
        """Return the tasks that can be read and still wait, and remember where their nodes are."""
        read = self._parts.records.read("task_id", _with_place, nodes)
        for task, element_id in read:
            self._parts.tasks.record(task.task_id, element_id)
        return [task for task, _ in read if task.wait_key is not None]


def _with_place(node: Row) -> tuple[ScheduledTask, str]:
    return node_rows.task_from(node), str(node["element_id"])


def _read_row(task: ScheduledTask) -> WakeRow:
    return {"task_id": task.task_id, "fence": task.fence, "next_run_ms": task.next_run_ms}


def _park_row(each: NewWait) -> ParkRow:
    task = each.task
    waited_ms = task.waits_since_ms if task.wait_key == each.wait_key else None
    waits = task.model_copy(update={"wait_key": each.wait_key})
    return {
        **_read_row(task),
        "wait_key": each.wait_key,
        "waits_since_ms": each.at_ms if waited_ms is None else waited_ms,
        "wait_reason": each.reason,
        "wait_index_key": wait_index_key(waits),
        "due_key": due_key_of(waits),
    }
