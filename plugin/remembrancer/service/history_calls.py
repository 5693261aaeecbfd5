"""History calls: the part of the service that reads executions and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from remembrancer.errors import InvalidInput
from remembrancer.model.audit import AuditEntry
from remembrancer.model.constraints import read_limit
from remembrancer.model.execution import Execution, ExecutionStatus
from remembrancer.ports.audit_log import AuditRange
from remembrancer.schedules.parsing import read_moment
from remembrancer.service.calls import carried, public
from remembrancer.service.status_calls import StatusCalls

MOST_AT_ONCE: Final = 10_000


class HistoryCalls(StatusCalls):
    """Executions and changes."""

    @public
    async def history(
        self, task_id: str | None = None, limit: int = 100, before: str | None = None, *, status: str | None = None
    ) -> list[Execution]:
        """Return executions, newest first: of one task, or of all; older than the execution *before* if given.

        Old and new go by their nominal times. The *status* may be `running`: then only those under way, on all
        replicas, with the progress that was reported. Raises InvalidInput.
        """
        read_limit(limit)
        if status is None:
            return list(await self._graph().tasks.history(task_id, limit, before))
        if status != ExecutionStatus.RUNNING:
            raise InvalidInput("status", status, "running; or none, for all", ExecutionStatus.RUNNING.value)
        running = await self._graph().events.running(MOST_AT_ONCE)
        return [
            each
            for each in running
            if task_id in {None, each.task_id} and (before is None or each.execution_id < before)
        ][:limit]

    @public
    async def audit_entries(
        self,
        task_id: str | None = None,
        *,
        since: str | datetime | None = None,
        after: str | None = None,
        limit: int = 1000,
    ) -> list[AuditEntry]:
        """Return what was done and by whom, oldest first: to one task, or to all and to the graph.

        Args:
            task_id: Only what was done to this task; none for one that is not there.
            since: Only from this moment on, aware or ISO-8601 with a zone.
            after: Only behind this change: the `change_id` of the last one that an earlier answer gave.
            limit: At most so many, 1 to 10,000.

        Raises:
            InvalidInput: One of them is wrong.
        """
        if not 1 <= read_limit(limit) <= MOST_AT_ONCE:
            raise InvalidInput("limit", limit, f"1 to {MOST_AT_ONCE:,}", 1000)
        now = self._time_service.now()
        begin = None if since is None else read_moment(since, "since", now=now)
        if task_id is None:
            return list(await self._graph().audit.entries(AuditRange(begin, after, limit)))
        behind = "" if after is None else after.partition("_")[2]
        found = [
            each
            for each in await self._graph().audit.of_task(task_id)
            if each.place > behind and (begin is None or each.at >= begin)
        ]
        return found[:limit]

    @carried
    async def timeline(self, task_id: str, limit: int = 100) -> list[Execution | AuditEntry]:
        """Return what became of a task and what was done to it, among each other in time, newest first."""
        executions = await self.history(task_id, limit)
        changes = await self.audit_entries(task_id, limit=MOST_AT_ONCE)
        entries: list[tuple[datetime, Execution | AuditEntry]] = [(each.triggered_at, each) for each in executions]
        entries += [(each.at, each) for each in reversed(changes)]
        return [each for _, each in sorted(entries, key=lambda pair: pair[0], reverse=True)][:limit]
