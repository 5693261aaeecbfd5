"""The audit log of a graph: changes from their nodes, creations from those of tasks, a copy from its mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.ids import LAST_ID, first_id
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.rows.audit_rows import change_from, copy_from, creation_from
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.audit import AuditEntry
    from remembrancer.ports.audit_log import AuditRange
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords


class GraphAuditLog:
    """The contract and its laws: `remembrancer.ports.audit_log.AuditLog`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def of_task(self, task_id: str) -> Sequence[AuditEntry]:
        """Return all changes of one task, its creation first."""
        asked = {"task_id": task_id}
        tasks = await self._connection.read(query("task_by_id"), dict(asked))
        changes = await self._connection.read(query("changes_of_task"), dict(asked))
        return [
            *self._records.read("task_id", creation_from, [row["t"] for row in tasks]),
            *self._records.read("change_id", change_from, [row["c"] for row in changes]),
        ]

    async def entries(self, audit_range: AuditRange) -> Sequence[AuditEntry]:
        """Return changes of all tasks; ids of changes and of tasks begin with their time, so one place serves both."""
        places = [audit_range.after.partition("_")[2]] if audit_range.after else []
        if audit_range.since:
            places.append(first_id("", to_ms(audit_range.since)).removeprefix("_"))
        place = max(places, default="")
        changes = await self._between("changes_between", "change_", place, audit_range)
        tasks = await self._between("tasks_between", "task_", place, audit_range)
        found = self._records.read("change_id", change_from, [row["c"] for row in changes])
        found += self._records.read("task_id", creation_from, [row["t"] for row in tasks])
        mark = await self._connection.read(query("copy_progress"), {})
        found += [copied for row in mark if row["copy_id"] and (copied := copy_from(row)).place > place]
        return sorted(found, key=lambda change: change.place)[: audit_range.limit]

    async def cancelled(self, task_ids: Sequence[str]) -> Sequence[str]:
        """Return those of *task_ids* that were cancelled."""
        found = await self._connection.read(query("cancelled_tasks"), {"task_ids": list(task_ids)})
        return [row["task_id"] for row in found]

    async def _between(self, name: str, kind: str, place: str, audit_range: AuditRange) -> list[Row]:
        between = {"after_id": kind + place, "before_id": kind + LAST_ID, "limit": audit_range.limit}
        return await self._connection.read(query(name), between)
