"""Calls of the service's methods whose arguments are not those of their operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from remembrancer.model.task_status import TaskType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Sequence

    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduleResult
    from remembrancer.model.task_status import TaskStatus
    from remembrancer.operations import parameters
    from remembrancer.operations.statistics import TaskPage


class _Tasks(Protocol):
    """The service's methods that take other arguments than their operation."""

    def schedule_tasks(self, requests: Sequence[ScheduleRequest]) -> Awaitable[list[ScheduleResult]]:
        """Schedule tasks."""
        ...

    def page_of_tasks(
        self, cursor: str | None, *, statuses: Collection[TaskStatus], recurring: bool | None, limit: int
    ) -> Awaitable[TaskPage]:
        """Return a page of tasks."""
        ...


async def schedule_task(service: object, params: parameters.ScheduleTask) -> ScheduleResult:
    """Schedule one task."""
    (made,) = await cast("_Tasks", service).schedule_tasks([params.request])
    return made


async def page_of_tasks(service: object, params: parameters.PageOfTasks) -> TaskPage:
    """Return a page of tasks."""
    recurring = None if params.task_type is None else params.task_type is TaskType.RECURRING
    return await cast("_Tasks", service).page_of_tasks(
        params.cursor, statuses=params.statuses, recurring=recurring, limit=params.limit
    )
