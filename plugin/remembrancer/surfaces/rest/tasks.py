"""The task API: what a person can do in Python and on the command line, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from remembrancer.engine.acts import KEPT
from remembrancer.engine.authorship import AUTHOR
from remembrancer.model.execution import Execution
from remembrancer.model.moment import to_ms
from remembrancer.model.policy import Fold, Gap, Seconds, TaskStatus, TaskType
from remembrancer.model.request import ScheduleRequest
from remembrancer.model.task import ScheduledReply, ScheduledTask
from remembrancer.ports.task_store import Wanted
from remembrancer.surfaces.reports import ServiceStatus
from remembrancer.surfaces.rest.problems import Refusal
from remembrancer.surfaces.service import SchedulerService
from remembrancer.timing.cron import parse_cron
from remembrancer.timing.preview import preview
from remembrancer.timing.reading import read_moment

TaskId = Annotated[str, Path(max_length=256)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=400)]
ExecutionCursor = Annotated[str | None, Query(pattern=r"^exec_[\w.-]{1,200}$")]
IfMatch = Annotated[str | None, Header(description="An ETag of the task: act only if it stands as it was read.")]
Key = Annotated[
    str | None, Header(max_length=128, description="The same key with the same body gets the task that is there.")
]


class Asked(BaseModel):
    """A body; nothing beside its fields is taken."""

    model_config = ConfigDict(extra="forbid")


class Batch(Asked):
    """Tasks to be scheduled in one commit: all of them or none."""

    requests: Annotated[list[ScheduleRequest], Field(min_length=1, max_length=1000)]


class Cancellation(Asked):
    """Why a task ends."""

    reason: str | None = None


class Postponement(Asked):
    """Until when a task's next run is put off, and why."""

    until: str
    reason: str
    thought_id: str | None = None


class Question(Asked):
    """A reading query."""

    query: str
    parameters: dict[str, object] | None = None


class TaskPage(BaseModel):
    """Some tasks, and where the next page begins; null at the end."""

    tasks: list[ScheduledTask]
    next_cursor: str | None


class ExecutionPage(BaseModel):
    """Some executions, newest first, and where the next page begins; null at the end."""

    executions: list[Execution]
    next_cursor: str | None


class CancelAnswer(BaseModel):
    """Whether this request ended the task; false if it had ended before."""

    task_id: str
    cancelled: bool


class PreviewedFire(BaseModel):
    """A fire to come."""

    at: datetime
    local: str
    note: str


class Health(BaseModel):
    """Whether the checker is alive and its last pass is recent."""

    healthy: bool


class TaskRoutes:
    """The routes over one service; their docstrings are the OpenAPI document's descriptions.

    Args:
        service: Answers.
    """

    def __init__(self, service: SchedulerService) -> None:
        self._service = service

    async def schedule(
        self, request: ScheduleRequest, response: Response, idempotency_key: Key = None
    ) -> ScheduledReply:
        """Schedule one task: at `defer_until`, by `schedule_cron`, or by the cron held back until that moment."""
        if idempotency_key is not None and request.dedup_key is None:
            request = replace(request, dedup_key=f"{AUTHOR.get()}|{idempotency_key}")
        (reply,) = await self._service.schedule_tasks([request])
        if KEPT in reply.notes:
            response.status_code = 200
            if idempotency_key is not None and any(getattr(reply, each) != getattr(request, each) for each in _SAME):
                raise Refusal(422, "idempotency-key", "The key was used for another task: take a new one.")
        response.headers["ETag"] = etag(reply)
        response.headers["Location"] = reply.task_id
        return reply

    async def schedule_batch(self, batch: Batch) -> list[ScheduledReply]:
        """Schedule many tasks in one commit: all of them, or none if one is refused."""
        return await self._service.schedule_tasks(batch.requests)

    async def tasks(
        self,
        status: Annotated[list[TaskStatus] | None, Query()] = None,
        type: Annotated[TaskType | None, Query()] = None,  # noqa: A002 (the parameter's name in the URL)
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> TaskPage:
        """List tasks, status after status, the newest of each first."""
        recurring = None if type is None else type is TaskType.RECURRING
        wanted = Wanted(statuses=frozenset(status or ()), recurring=recurring, limit=limit)
        page = await self._service.page_of_tasks(wanted, cursor)
        return TaskPage(tasks=list(page.tasks), next_cursor=page.cursor)

    async def task(self, task_id: TaskId, response: Response) -> ScheduledTask:
        """Return one task with its deferral history; its ETag goes into `If-Match`."""
        task = await self._service.get_task(task_id)
        response.headers["ETag"] = etag(task)
        return task

    async def cancel(
        self, task_id: TaskId, asked: Cancellation | None = None, if_match: IfMatch = None
    ) -> CancelAnswer:
        """End a task; its record stays."""
        await self._stands(task_id, if_match)
        cancelled = await self._service.cancel_task(task_id, asked.reason if asked else None)
        return CancelAnswer(task_id=task_id, cancelled=cancelled)

    async def defer(self, task_id: TaskId, asked: Postponement, if_match: IfMatch = None) -> ScheduledReply:
        """Put a task's next run off."""
        await self._stands(task_id, if_match)
        return await self._service.defer_task(task_id, asked.until, asked.reason, asked.thought_id)

    async def run(self, task_id: TaskId, if_match: IfMatch = None) -> Execution:
        """Start one execution beside the schedule; its outcome is in the task's executions."""
        await self._stands(task_id, if_match)
        return await self._service.run_now(task_id)

    async def executions_of(self, task_id: TaskId, limit: Limit = 100, cursor: ExecutionCursor = None) -> ExecutionPage:
        """Return what became of a task's occurrences, newest first."""
        await self._service.get_task(task_id)
        return await self._executions(task_id, limit, cursor)

    async def executions(self, limit: Limit = 100, cursor: ExecutionCursor = None) -> ExecutionPage:
        """Return what became of all tasks' occurrences, newest first."""
        return await self._executions(None, limit, cursor)

    async def preview(  # noqa: PLR0913, PLR0917 (a query parameter each)
        self,
        expression: Annotated[str, Query(max_length=256)],
        timezone: str = "UTC",
        after: str | None = None,
        count: Limit = 5,
        gap: Gap = Gap.RUN_AFTER,
        fold: Fold = Fold.FIRST,
        seconds: Seconds | None = None,
    ) -> list[PreviewedFire]:
        """Show the next fires of a cron expression, and what clock changes do to them."""
        now = datetime.now(UTC)
        begin = now if after is None else read_moment(after, "after", now=now, timezone=timezone)
        cron = parse_cron(expression, timezone=timezone, gap=gap, fold=fold, seconds=seconds)
        return [
            PreviewedFire(at=fire.at, local=fire.local.isoformat(), note=fire.note)
            for fire in preview(cron, to_ms(begin), count)
        ]

    async def status(self) -> ServiceStatus:
        """Return how the scheduler is, with its metrics."""
        return self._service.get_status()

    async def cypher(self, asked: Question) -> list[dict[str, object]]:
        """Answer a reading question in Cypher over the live graph."""
        return await self._service.cypher(asked.query, asked.parameters)

    async def health(self, response: Response) -> Health:
        """Say whether the scheduler is well; this alone needs no token. 503: it is not."""
        healthy = await self._service.is_healthy()
        response.status_code = 200 if healthy else 503
        return Health(healthy=healthy)

    async def _executions(self, task_id: str | None, limit: int, cursor: str | None) -> ExecutionPage:
        found = await self._service.history(task_id, limit + 1, cursor)
        more = len(found) > limit
        return ExecutionPage(executions=found[:limit], next_cursor=found[limit - 1].execution_id if more else None)

    async def _stands(self, task_id: str, if_match: str | None) -> None:
        """Refuse to act on a task that has changed since it was read, or that is not there."""
        task = await self._service.get_task(task_id)
        if if_match not in {None, "*", etag(task)}:
            raise Refusal(412, "changed", f"The task stands at {etag(task)} now: read it again.")


def etag(task: ScheduledTask) -> str:
    """Return the mark of a task's state: every claim, move or end of it makes another."""
    return f'"{task.fence}-{task.status}-{task.deferral_count}"'


_SAME: Final = ("name", "goal_description", "trigger_prompt", "origin_thought_id", "schedule_cron")
