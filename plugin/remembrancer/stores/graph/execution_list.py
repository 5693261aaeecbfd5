"""Lists of executions, newest first: read page by page, without unreadable ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.ids import LAST_ID
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.node_rows import outcome_key
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.ports.filters import ExecutionFilter
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

    async def find(
        self, task_id: str | None, limit: int, before: str | None, within: ExecutionFilter | None = None
    ) -> list[Execution]:
        """Return executions of one task, or of all, the latest nominal time first; those below *before* if given."""
        before_id = LAST_ID if before is None else before
        if within is None or not within.statuses:
            if task_id is None:
                return await self._all("latest_executions", {"after_id": "", "before_id": before_id}, limit)
            return await self._all("executions_of_task", {"task_id": task_id, "before_id": before_id}, limit)
        asked: Row = {"after_id": within.first, "before_id": before_id, "statuses": sorted(within.statuses)}
        if task_id is not None:
            return await self._all("executions_of_task_with_status", {**asked, "task_id": task_id}, limit)
        if within.statuses & _WITHOUT_KEY:
            return await self._all("executions_with_status", asked, limit)
        found: list[Execution] = []
        for status in within.statuses:
            between = {"above": outcome_key(status, within.first), "below": outcome_key(status, before_id)}
            found += await self._all("executions_by_outcome", between, limit)
        return sorted(found, key=lambda each: each.execution_id, reverse=True)[:limit]

    async def _all(self, name: str, asked: Row, limit: int) -> list[Execution]:
        """Return the executions that a query finds, read page by page: an unreadable one takes no other's place."""
        found: list[Execution] = []
        while room := max(0, limit - len(found)):
            page = await self._connection.read(query(name), {**asked, "limit": room})
            # On a shared graph one may be pruned while it is read: its node comes back empty.
            nodes = [row["e"] for row in page if row["e"]]
            found += self._records.read("execution_id", node_rows.execution_from, nodes)
            if len(page) < room or not nodes:
                break
            if "below" in asked:
                asked = {**asked, "below": nodes[-1]["outcome_key"]}
            else:
                asked = {**asked, "before_id": nodes[-1]["execution_id"]}
        return found


_WITHOUT_KEY: Final = frozenset((ExecutionStatus.COMPLETED, ExecutionStatus.RUNNING))
"""The statuses of executions that have no outcome key: most executions, and those under way."""
