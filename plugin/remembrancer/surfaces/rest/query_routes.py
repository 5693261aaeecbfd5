"""The API's other half: what became of tasks, who did what, how the scheduler is."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Query, Response

from remembrancer.engine.maintenance.retention import PruneResult
from remembrancer.model.audit import AuditEntry
from remembrancer.model.execution import Execution
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.model.summary import ExecutionSummary
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.diagnostics.checks import CheckResult
from remembrancer.schedules.parsing import read_moment
from remembrancer.schedules.preview import Fire, preview, read_expression
from remembrancer.service.service import SchedulerService
from remembrancer.service.telemetry.status import ServiceCapabilities, ServiceStatus
from remembrancer.surfaces.rest.bounded_responses import PREVIEW_THREADS, on_a_thread
from remembrancer.surfaces.rest.pages import page_within
from remembrancer.surfaces.rest.schemas import (
    AuditPage,
    ChangeCursor,
    ExecutionCursor,
    ExecutionId,
    ExecutionPage,
    HealthResult,
    Limit,
    PreviewedFire,
    PruneBody,
    QueryBody,
    Since,
    TaskId,
)

_PREVIEWED: Final = 5
PREVIEW_SECONDS: Final = 10.0
"""How long the fires of a preview may take to find."""


class QueryRoutes:
    """The routes over one service that only look, and two for who keeps the graph.

    Args:
        service: Answers.
    """

    def __init__(self, service: SchedulerService) -> None:
        self._service = service

    async def executions_of(self, task_id: TaskId, limit: Limit = 100, cursor: ExecutionCursor = None) -> ExecutionPage:
        """Return what became of a task's occurrences, newest first."""
        await self._service.get_task(task_id)
        return await self._executions(task_id, limit, cursor)

    async def executions(self, limit: Limit = 100, cursor: ExecutionCursor = None) -> ExecutionPage:
        """Return what became of all tasks' occurrences, newest first."""
        return await self._executions(None, limit, cursor)

    async def execution(self, execution_id: ExecutionId) -> Execution:
        """Return one execution: under way, or with its outcome."""
        return await self._service.get_execution(execution_id)

    async def running(self, limit: Limit = 100) -> list[Execution]:
        """Return what is under way, on all replicas, with the progress that was reported."""
        return await self._service.running_executions(limit)

    async def changes_of(
        self, task_id: TaskId, since: Since = None, limit: Limit = 100, cursor: ChangeCursor = None
    ) -> AuditPage:
        """Return what was done to a task and by whom, oldest first."""
        await self._service.get_task(task_id)
        return await self._changes(task_id, since, limit, cursor)

    async def changes(self, since: Since = None, limit: Limit = 100, cursor: ChangeCursor = None) -> AuditPage:
        """Return what was done to all tasks and by whom, oldest first."""
        return await self._changes(None, since, limit, cursor)

    async def timeline(self, task_id: TaskId, limit: Limit = 100) -> list[Execution | AuditEntry]:
        """Return what became of a task and what was done to it, among each other in time, newest first."""
        await self._service.get_task(task_id)
        return await self._service.timeline(task_id, limit)

    async def summaries_of(self, task_id: TaskId, limit: Limit = 100) -> list[ExecutionSummary]:
        """Return what of a task's executions was rolled up, the latest day first."""
        await self._service.get_task(task_id)
        return await self._service.summaries(task_id, limit)

    async def summaries(self, limit: Limit = 100) -> list[ExecutionSummary]:
        """Return what of all executions was rolled up, the latest day first."""
        return await self._service.summaries(None, limit)

    async def preview(  # noqa: PLR0913, PLR0917 (a query parameter each)
        self,
        expression: Annotated[str, Query(max_length=256)],
        timezone: str = "UTC",
        after: str | None = None,
        count: Limit = _PREVIEWED,
        gap: Gap = Gap.RUN_AFTER,
        fold: Fold = Fold.FIRST,
        seconds: SecondsField | None = None,
    ) -> list[PreviewedFire]:
        """Show the next fires of a cron expression, and what clock changes do to them."""
        now = datetime.now(UTC)
        begin = now if after is None else read_moment(after, "after", now=now, timezone=timezone)
        over = threading.Event()
        until = time.monotonic() + PREVIEW_SECONDS

        def work() -> list[Fire]:
            cron = read_expression(expression, timezone=timezone, gap=gap, fold=fold, seconds=seconds)
            return preview(cron, to_ms(begin), count, lambda: over.is_set() or time.monotonic() > until)

        try:
            fires = await on_a_thread(work, PREVIEW_THREADS)
        finally:
            over.set()  # its caller may have gone
        return [PreviewedFire(at=fire.at, local=fire.local.isoformat(), note=fire.note) for fire in fires]

    async def status(self) -> ServiceStatus:
        """Return how the scheduler is, with its metrics."""
        return self._service.get_status()

    async def capabilities(self) -> ServiceCapabilities:
        """Return what the scheduler can do."""
        return self._service.get_capabilities()

    async def doctor(self) -> list[CheckResult]:
        """Look at ten things that go wrong with schedulers: what it saw, why it matters, what to do."""
        return await self._service.examine()

    async def cypher(self, asked: QueryBody) -> list[dict[str, object]]:
        """Answer a reading question in Cypher over the live graph."""
        return await self._service.cypher(asked.query, asked.parameters)

    async def retain(self, asked: PruneBody) -> PruneResult:
        """Roll up every execution that is over and began more than `keep_days` ago; with `dry_run`, only say which."""
        return await self._service.retain(asked.keep_days, dry_run=asked.dry_run)

    async def health(self, response: Response) -> HealthResult:
        """Say whether the scheduler is well; this alone needs no token. 503: it is not."""
        healthy = await self._service.is_healthy()
        response.status_code = 200 if healthy else 503
        return HealthResult(healthy=healthy)

    async def _executions(self, task_id: str | None, limit: int, cursor: str | None) -> ExecutionPage:
        async def read(number: int, before: str | None) -> tuple[list[Execution], str | None]:
            found = await self._service.history(task_id, number + 1, before)
            return found[:number], found[number - 1].execution_id if len(found) > number else None

        executions, next_cursor = await page_within(limit, cursor, read)
        return ExecutionPage(executions=executions, next_cursor=next_cursor)

    async def _changes(self, task_id: str | None, since: str | None, limit: int, cursor: str | None) -> AuditPage:
        async def read(number: int, after: str | None) -> tuple[list[AuditEntry], str | None]:
            found = await self._service.changes(task_id, since=since, after=after, limit=number + 1)
            return found[:number], found[number - 1].change_id if len(found) > number else None

        changes, next_cursor = await page_within(limit, cursor, read)
        return AuditPage(changes=changes, next_cursor=next_cursor)
