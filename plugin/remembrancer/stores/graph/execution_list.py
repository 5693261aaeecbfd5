"""Lists of executions, newest first: read page by page, without unreadable ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.ids import LAST_ID
from remembrancer.stores.rows import node_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords


class ExecutionList:
    """The executions of a graph.

    Args:
        connection: An open graph.
        records: Reads executions.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def find(self, task_id: str | None, limit: int, before: str | None) -> list[Execution]:
        """Return executions of one task, or of all, the latest nominal time first; those below *before* if given."""
        found: list[Execution] = []
        before_id = LAST_ID if before is None else before
        while room := max(0, limit - len(found)):
            page = await self._page(task_id, {"before_id": before_id, "limit": room})
            # On a shared graph one may be pruned while it is read: its node comes back empty.
            nodes = [row["e"] for row in page if row["e"]]
            found += self._records.read("execution_id", node_rows.execution_from, nodes)
            if len(page) < room or not nodes:
                break
            before_id = nodes[-1]["execution_id"]
        return found

    async def _page(self, task_id: str | None, asked: Row) -> list[Row]:
        if task_id is None:
            return await self._connection.read(query("latest_executions"), {"after_id": "", **asked})
        return await self._connection.read(query("executions_of_task"), {"task_id": task_id, **asked})
