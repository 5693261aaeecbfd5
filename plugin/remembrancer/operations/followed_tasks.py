"""The tasks that new tasks follow: each must be there, and open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput, TaskNotFound, TaskUnreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.task_store import TaskStore


async def check_followed(store: TaskStore, tasks: Sequence[ScheduledTask]) -> None:
    """Refuse a task that follows one which is not there, or has ended.

    A task can only follow one that was made before it, and keeps to it: there are no circles.
    """
    for followed in {each.follows_id for each in tasks if each.follows_id is not None}:
        try:
            other = await store.get(followed)
        except (TaskNotFound, TaskUnreadable):
            raise InvalidInput("task_id", followed, "the id of a task in this graph", None) from None
        if not other.is_open:
            raise InvalidInput("task_id", followed, f"a task that is open; this one is {other.status}", None)
