"""The tasks that an agent manages: those that it made, and those that their runs made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput, TaskNotFound, TaskUnreadable
from remembrancer.surfaces.tools.calling_context import SURFACE

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.tools.calling_context import CallingContext

_DEEPEST: Final = 100
"""Generations that are followed back."""


async def refuse_foreign(scheduler: SchedulerService, context: CallingContext, task_id: str) -> None:
    """Refuse a task that is not the agent's own.

    Its own are those that it made, that of the run in which it calls, and all that runs of these have made.

    Raises:
        InvalidInput: It is another's; the message names that one.
        TaskNotFound: There is none.
    """
    asked = await scheduler.get_task(task_id)
    current = await _current(scheduler, context)
    task: ScheduledTask | None = asked
    for _ in range(_DEEPEST):
        if task is None:
            break
        if task.task_id == current or (task.created_via, task.created_by) == (SURFACE, context.agent):
            return
        task = await _parent(scheduler, task)
    maker = ": ".join(each for each in (asked.created_via, asked.created_by) if each) or "another"
    allowed = (
        f"a task that {context.agent} made, or a run of such a task; this one, “{asked.name}”, is another's ({maker}), "
        "which only they, or a person, can change"
    )
    raise InvalidInput("task_id", task_id, allowed, None)


async def _current(scheduler: SchedulerService, context: CallingContext) -> str | None:
    """Return the task of the run in which the agent calls."""
    if context.firing is not None:
        return context.firing.task.task_id
    execution_id = context.execution_id
    return None if execution_id is None else (await scheduler.get_execution(execution_id)).task_id


async def _parent(scheduler: SchedulerService, task: ScheduledTask) -> ScheduledTask | None:
    """Return the task whose run made this one; None without one, or if its record is gone."""
    try:
        return None if task.parent_id is None else await scheduler.get_task(task.parent_id)
    except (TaskNotFound, TaskUnreadable):
        return None
