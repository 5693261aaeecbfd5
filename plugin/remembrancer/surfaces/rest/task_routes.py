"""The task API: what a person can do to tasks in Python and on the command line, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Response

from remembrancer.model.execution import Execution
from remembrancer.model.request import ScheduleRequest
from remembrancer.model.task import Disposition, ScheduledTask, ScheduleResult
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.service.service import SchedulerService
from remembrancer.surfaces.rest.conditional_requests import IfMatch, fence_of
from remembrancer.surfaces.rest.pages import page_within
from remembrancer.surfaces.rest.problems import etag
from remembrancer.surfaces.rest.schemas import (
    CancelBody,
    CancelResult,
    Cursor,
    DeferBody,
    DeferredTaskBody,
    Limit,
    RunNowBody,
    ScheduleTasksBody,
    TaskId,
    TaskPage,
)


class TaskRoutes:
    """The routes over one service; their docstrings are the OpenAPI document's descriptions.

    Args:
        service: Answers.
    """

    def __init__(self, service: SchedulerService) -> None:
        self._service = service

    async def schedule(self, request: ScheduleRequest, response: Response) -> ScheduleResult:
        """Schedule one task: at `defer_until`, by `schedule_cron`, or by the cron held back until that moment."""
        (reply,) = await self._service.schedule_tasks([request])
        response.headers["Location"] = f"tasks/{reply.task_id}"  # beside this route, below whatever path
        return _told(reply, response)

    async def schedule_batch(self, batch: ScheduleTasksBody, response: Response) -> list[ScheduleResult]:
        """Schedule many tasks in one commit: all of them, or none if one is refused."""
        replies = await self._service.schedule_tasks(batch.requests)
        response.status_code = 200 if all(reply.disposition is Disposition.EXISTING for reply in replies) else 201
        return replies

    async def schedule_deferred(self, asked: DeferredTaskBody, response: Response) -> ScheduleResult:
        """Bring a task back at `defer_until`: put off one of ours, or schedule one that brings back the agent's own."""
        reply = await self._service.schedule_deferred_task(
            asked.thought_id, asked.task_id, asked.defer_until, asked.reason, asked.context
        )
        response.headers["ETag"] = etag(reply.fence, reply.status)
        return reply

    async def tasks(
        self,
        status: Annotated[list[TaskStatus] | None, Query()] = None,
        type: Annotated[TaskType | None, Query()] = None,  # noqa: A002 (the parameter's name in the URL)
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> TaskPage:
        """List tasks, status after status, the newest of each first; `next_cursor` leads on, also from a short page."""
        recurring = None if type is None else type is TaskType.RECURRING

        async def read(number: int, after: str | None) -> tuple[Sequence[ScheduledTask], str | None]:
            page = await self._service.page_of_tasks(after, statuses=status or (), recurring=recurring, limit=number)
            return page.tasks, page.cursor

        tasks, next_cursor = await page_within(limit, cursor, read)
        return TaskPage(tasks=tasks, next_cursor=next_cursor)

    async def task(self, task_id: TaskId, response: Response) -> ScheduledTask:
        """Return one task with its deferral history; its ETag goes into `If-Match`."""
        task = await self._service.get_task(task_id)
        response.headers["ETag"] = etag(task.fence, task.status)
        return task

    async def cancel(self, task_id: TaskId, asked: CancelBody | None = None, if_match: IfMatch = None) -> CancelResult:
        """End a task and ask what runs of it to stop; its record stays."""
        reason, fence = asked.reason if asked else None, fence_of(if_match)
        done = await self._service.cancel(task_id, reason, fence=fence)
        if not done.ended:
            await self._service.get_task(task_id)  # one that is not there has not ended either
        return CancelResult(task_id=task_id, cancelled=done.ended, stopping=done.stopping)

    async def defer(
        self, task_id: TaskId, asked: DeferBody, response: Response, if_match: IfMatch = None
    ) -> ScheduleResult:
        """Put a task's next run off."""
        fence = fence_of(if_match)
        reply = await self._service.defer_task(task_id, asked.until, asked.reason, asked.thought_id, fence=fence)
        response.headers["ETag"] = etag(reply.fence, reply.status)
        return reply

    async def run(self, task_id: TaskId, _: RunNowBody | None = None, if_match: IfMatch = None) -> Execution:
        """Start one execution beside the schedule; what becomes of it is found by its id."""
        return await self._service.run_now(task_id, fence=fence_of(if_match))


def _told(reply: ScheduleResult, response: Response) -> ScheduleResult:
    """Say in the answer's head how the task stands, and whether this request has made it."""
    response.status_code = 200 if reply.disposition is Disposition.EXISTING else 201
    response.headers["ETag"] = etag(reply.fence, reply.status)
    return reply
