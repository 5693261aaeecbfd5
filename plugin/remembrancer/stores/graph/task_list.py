"""Lists of tasks, read page by page from their indexes: the cost is that of the tasks returned, not of all."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.due_key import last_key
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.filters import TaskFilter, TaskMatch, TaskPageQuery
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.graph.due_index import DueIndex
    from remembrancer.stores.rows.readable_records import ReadableRecords

PAGE: Final = 1000
"""The most tasks that one query returns."""

_AFTER_ALL: Final = "\uffff"
"""After all wait index keys."""


class TaskList:
    """The tasks of a graph as lists: those with a next run from the due index, all others by their status index keys.

    Args:
        connection: An open graph.
        index: Its due index.
        records: Reads the nodes.
    """

    def __init__(self, connection: GraphConnection, index: DueIndex, records: ReadableRecords) -> None:
        self._connection = connection
        self._index = index
        self._records = records

    async def find(self, task_filter: TaskFilter) -> list[ScheduledTask]:
        """Return tasks: the next to run first, those with no next run last, the newest first among them."""
        with self._records.reported_together():
            if task_filter.dedup_prefix is not None:
                return await self._under(task_filter.dedup_prefix, task_filter)
            if task_filter.waiting:
                return await self._waiting(task_filter)
            if task_filter.ids is not None:
                return await self._of_ids(sorted(task_filter.ids), task_filter)
            return await self._find(task_filter, task_filter.statuses or frozenset(TaskStatus))

    async def page(self, page: TaskPageQuery) -> list[ScheduledTask]:
        """Return tasks of one status and type, the newest first."""
        begin = node_rows.status_index_key(page.status, page.task_type, "")
        below = begin + page.before if page.before is not None else node_rows.after_all(begin)
        found: list[ScheduledTask] = []
        with self._records.reported_together():
            asked = page.limit
            while len(found) < page.limit:
                between = {"above": begin, "below": below, "limit": asked}
                rows = await self._read("listed_tasks", between, page.match)
                nodes: Sequence[Row] = [row["t"] for row in rows if row["t"]]
                found += self._records.read("task_id", node_rows.shown_task_from, nodes)
                if len(nodes) < asked:
                    break
                asked, below = PAGE, nodes[-1]["status_index_key"]  # an unreadable task takes no other's place
        return found[: page.limit]

    async def _find(self, task_filter: TaskFilter, statuses: frozenset[TaskStatus]) -> list[ScheduledTask]:
        found: dict[str, ScheduledTask] = {}
        if statuses & OPEN_STATUSES:
            async for page in self._armed(task_filter, statuses & OPEN_STATUSES):
                found |= {task.task_id: task for task in page if task.task_id not in found}
                if len(found) >= task_filter.limit:
                    return list(found.values())[: task_filter.limit]
        unarmed = await self._unarmed(task_filter, statuses, task_filter.limit - len(found))
        # On a shared graph a task may be claimed between the two reads: it keeps its first place.
        return [*found.values(), *(task for task in unarmed if task.task_id not in found)][: task_filter.limit]

    async def _under(self, prefix: str, task_filter: TaskFilter) -> list[ScheduledTask]:
        """Return tasks whose dedup_key begins with *prefix*, by dedup_key."""
        found: list[ScheduledTask] = []
        between: Row = {"above": prefix, "below": node_rows.after_all(prefix), "limit": PAGE}
        while len(found) < task_filter.limit:
            page = await self._connection.read(query("tasks_under_dedup_keys"), between)
            nodes: Sequence[Row] = [row["t"] for row in page if row["t"]]
            read = self._records.read("task_id", node_rows.shown_task_from, nodes)
            found += filter(task_filter.takes, read)
            if len(page) < PAGE or not nodes:
                break
            between["above"] = nodes[-1]["dedup_key"]
        return found[: task_filter.limit]

    async def _waiting(self, task_filter: TaskFilter) -> list[ScheduledTask]:
        """Return tasks that wait, by what they wait for."""
        found: list[ScheduledTask] = []
        between: Row = {"above": "", "below": _AFTER_ALL, "limit": PAGE}
        while len(found) < task_filter.limit:
            page = await self._connection.read(query("waits_between"), between)
            nodes: Sequence[Row] = [row["t"] for row in page if row["t"] and row["t"].get("wait_index_key")]
            found += filter(task_filter.takes, self._records.read("task_id", node_rows.shown_task_from, nodes))
            if len(page) < PAGE or not nodes:
                break
            between["above"] = nodes[-1]["wait_index_key"]
        return found[: task_filter.limit]

    async def _of_ids(self, ids: Sequence[str], task_filter: TaskFilter) -> list[ScheduledTask]:
        """Return those of the tasks of *ids* that are there and match, in this order."""
        found: list[ScheduledTask] = []
        for start in range(0, len(ids), PAGE):
            rows = await self._connection.read(query("tasks_by_ids"), {"ids": ids[start : start + PAGE]})
            read = self._records.read("task_id", node_rows.shown_task_from, [row["t"] for row in rows if row["t"]])
            found += sorted(filter(task_filter.takes, read), key=lambda task: task.task_id)
            if len(found) >= task_filter.limit:
                break
        return found[: task_filter.limit]

    async def _armed(
        self, task_filter: TaskFilter, statuses: frozenset[TaskStatus]
    ) -> AsyncIterator[list[ScheduledTask]]:
        """Yield tasks with a next run, in the order of their due keys; one that shares its key may come twice."""
        asked: Row = {
            "statuses": list(statuses),
            "types": task_filter.types,
            "limit": min(PAGE, max(2, task_filter.limit)),
        }
        from_key = last_key(self._index.watermark.value_ms) + 1
        while True:
            page = await self._read("armed_tasks", {**asked, "floor_key": from_key - 1}, task_filter.match)
            nodes = [row["t"] for row in page if row["t"] and row["t"].get("due_key") is not None]
            yield self._records.read("task_id", node_rows.shown_task_from, nodes)
            if len(page) < asked["limit"] or not nodes:
                return
            asked["limit"] = PAGE
            highest = max(node["due_key"] for node in nodes)
            from_key = highest if highest > from_key else highest + 1

    async def _unarmed(
        self, task_filter: TaskFilter, statuses: frozenset[TaskStatus], limit: int
    ) -> list[ScheduledTask]:
        """Return the newest tasks with no next run, by the index keys of each status and type."""
        if limit <= 0:
            return []
        found: list[ScheduledTask] = []
        for status in TaskStatus:
            for task_type in task_filter.types if status in statuses else ():
                begin = node_rows.status_index_key(status, task_type, "")
                found += await self._with_key(begin, limit, task_filter.match)
        return sorted(found, key=lambda task: task.task_id, reverse=True)[:limit]

    async def _with_key(self, begin: str, limit: int, match: TaskMatch | None) -> list[ScheduledTask]:
        """Return tasks with no next run whose status index key begins with *begin*, the newest first."""
        found: list[ScheduledTask] = []
        below = node_rows.after_all(begin)
        asked = min(PAGE, limit)
        while len(found) < limit:
            between = {"above": begin, "below": below, "limit": asked}
            page = await self._read("unarmed_tasks", between, match)
            nodes: Sequence[Row] = [row["t"] for row in page if row["t"] and row["t"].get("status_index_key")]
            found += self._records.read("task_id", node_rows.shown_task_from, nodes)
            if len(page) < asked or not nodes:
                break
            asked, below = PAGE, nodes[-1]["status_index_key"]
        return found[:limit]

    async def _read(self, name: str, parameters: Row, match: TaskMatch | None) -> list[Row]:
        """Answer a query of tasks, or that of those that match."""
        if match is None:
            return await self._connection.read(query(name), parameters)
        return await self._connection.read(query(name.replace("tasks", "matches")), {**parameters, **asdict(match)})
