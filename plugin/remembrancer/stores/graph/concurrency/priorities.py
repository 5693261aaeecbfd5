"""The tasks of a graph that have a priority."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from remembrancer.errors import GraphBusy
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.graph.concurrency.inheritance import inherit
from remembrancer.stores.graph.quarantine import quarantine_all
from remembrancer.stores.rows import node_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.graph.parts import GraphParts


class GraphPriorities:
    """The contract and its laws: `remembrancer.ports.priorities.Priorities`.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._parts = parts
        self.known = parts.priorities

    async def due(self, now: datetime, limit: int, shards: Collection[int] | None = None) -> Sequence[ScheduledTask]:
        """Return the first due tasks of each served priority, at most *limit* of each."""
        nodes = await self._parts.index.due_with_priority(to_ms(now), limit, shards)
        tasks, unreadable = self._parts.records.sort("task_id", self._task, nodes)
        with suppress(GraphBusy):  # locked by another write: the next read finds it again
            await quarantine_all(self._parts.connection, unreadable, to_ms(now))
        return tasks

    async def find(self) -> None:
        """Look whether any task has a priority, and whether served priorities are to be worked out again."""
        if not self.known.any:
            self.known.any = bool(await self._parts.connection.read(query("any_priority"), {}))
        if self.known.any and not self.known.changed:
            found = await self._parts.connection.read(query("changed_priorities"), {"limit": 1})
            self.known.changed = bool(found)

    async def inherit(self, now: datetime) -> int:
        """Serve all tasks whose dependents have changed as these ask for; return the number of changes."""
        return await inherit(self._parts, now)

    def _task(self, node: Row) -> ScheduledTask:
        """Read a due task, and remember where its node is."""
        task = node_rows.task_from(node)
        if task.next_run_ms is None:
            raise ValueError("It is in the due index, but has no next_run_ms.")
        self._parts.tasks.record(task.task_id, node["element_id"])
        return task
