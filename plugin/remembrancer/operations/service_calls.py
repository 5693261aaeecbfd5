"""Calls of the service's methods whose arguments are not those of their operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Unpack, cast

from remembrancer.model.request import UPDATABLE
from remembrancer.model.task_status import TaskType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Sequence

    from remembrancer.model.request import ScheduleRequest, TaskChanges
    from remembrancer.model.service_status import ServiceStatus
    from remembrancer.model.task import ScheduleResult, TaskUpdate
    from remembrancer.model.task_status import TaskStatus
    from remembrancer.operations import parameters
    from remembrancer.operations.statistics import TaskPage


class _Tasks(Protocol):
    """The service's methods that take other arguments than their operation."""

    def schedule_tasks(self, requests: Sequence[ScheduleRequest], *, fires: int) -> Awaitable[list[ScheduleResult]]:
        """Schedule tasks."""
        ...

    def update_task(
        self, task_id: str, *, reason: str | None, fence: int | None, fires: int, **fields: Unpack[TaskChanges]
    ) -> Awaitable[TaskUpdate]:
        """Update a task."""
        ...

    def page_of_tasks(  # noqa: PLR0913 (one for each filter)
        self,
        cursor: str | None,
        *,
        statuses: Collection[TaskStatus],
        recurring: bool | None,
        limit: int,
        name: str | None,
        tags: Collection[str],
        group: str | None,
        text: str | None,
        next_fires: bool | int,
    ) -> Awaitable[TaskPage]:
        """Return a page of tasks."""
        ...


class _Gauges(Protocol):
    """The gauges of a service."""

    async def refresh_waiting(self) -> None:
        """Count what waits."""
        ...


class _Status(Protocol):
    """The status of a service, and what it is read from."""

    gauges: _Gauges

    def get_status(self) -> ServiceStatus:
        """Return the status, without asking the graph."""
        ...


async def get_status(service: object, params: parameters.NoParams) -> ServiceStatus:
    """Return the status, with counts of what waits that were read just now."""
    del params
    reached = cast("_Status", service)
    await reached.gauges.refresh_waiting()
    return reached.get_status()


async def schedule_task(service: object, params: parameters.ScheduleTask) -> ScheduleResult:
    """Schedule one task."""
    (made,) = await cast("_Tasks", service).schedule_tasks([params.request], fires=params.fires)
    return made


async def update_task(service: object, params: parameters.UpdateTask) -> TaskUpdate:
    """Update one task by the fields that were given."""
    given = params.model_fields_set.intersection(UPDATABLE)
    fields = cast("TaskChanges", {name: getattr(params, name) for name in UPDATABLE if name in given})
    return await cast("_Tasks", service).update_task(
        params.task_id, reason=params.reason, fence=params.fence, fires=params.fires, **fields
    )


async def page_of_tasks(service: object, params: parameters.PageOfTasks) -> TaskPage:
    """Return a page of tasks."""
    recurring = None if params.task_type is None else params.task_type is TaskType.RECURRING
    return await cast("_Tasks", service).page_of_tasks(
        params.cursor,
        statuses=params.statuses,
        recurring=recurring,
        limit=params.limit,
        name=params.name,
        tags=params.tags,
        group=params.group,
        text=params.text,
        next_fires=params.next_fires,
    )
