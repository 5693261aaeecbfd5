"""Open tasks as commands read them, and their changes by the current actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.context import IDEMPOTENCY_KEY, current_actor
from remembrancer.errors import GraphUnavailable, InvalidInput, TaskChanged, TaskEnded, TaskNotFound, TaskUnreadable
from remembrancer.model.constraints import read_id
from remembrancer.model.task import Disposition
from remembrancer.operations.validation import reply
from remembrancer.ports.writes import Change

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask, ScheduleResult
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.idempotency import IdempotencyRecord
    from remembrancer.ports.task_store import TaskStore

ROUNDS: Final = 20
"""Attempts of a command on a node that changes each time between being read and being written."""


class OpenTasks:
    """The open tasks of one graph, for commands of the current actor.

    Args:
        store: The graph.
        clock: The time.
    """

    def __init__(self, store: Graph, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def open(self, task_id: str, act: str, fence: int | None = None) -> ScheduledTask:
        """Return an open task. Raises TaskNotFound, TaskChanged, TaskEnded, TaskUnreadable."""
        task = await self._store.tasks.get(read_id("task_id", task_id))
        check_fence(task, fence)
        if not task.is_open:
            raise TaskEnded(task_id, task.status, act)
        check_readable(task)
        return task

    async def kept(self, written: ScheduledTask) -> ScheduledTask:
        """Return a task as it is after a write; as *written*, if the graph cannot be read at that time.

        An error would say that nothing was written.
        """
        try:
            return await self._store.tasks.get(written.task_id)
        except (GraphUnavailable, TaskUnreadable, TaskNotFound):
            return written

    async def as_it_stands(self, handled: IdempotencyRecord) -> ScheduleResult:
        """Return the answer to a request that was acted on before."""
        return reply(await self._store.tasks.get(handled.task_id), self._clock.now(), Disposition.EXISTING)

    def change(
        self, action: str, reason: str | None, thought_id: str | None = None, *, fence: int | None = None
    ) -> Change:
        """Return a change by the current actor, for the current request."""
        author = current_actor()
        return Change(
            action,
            self._clock.now(),
            author.surface,
            author.actor,
            reason,
            thought_id,
            if_fence=fence,
            idempotency_key=IDEMPOTENCY_KEY.get(),
        )


def check_readable(task: ScheduledTask) -> None:
    """Refuse a task that can only be shown: a part that its handler needs cannot be read."""
    if task.unreadable is not None:
        raise TaskUnreadable(task.task_id, task.unreadable)


def check_fence(task: ScheduledTask, fence: int | None) -> None:
    """Refuse a task that was claimed, moved or ended since it was read with *fence*."""
    if fence is not None and fence != task.fence:
        raise TaskChanged(task.task_id, task.fence, task.status, fence)


def check_not_paused(task: ScheduledTask, now: datetime) -> None:
    """Refuse to defer a task while it is paused."""
    if task.is_paused(now):
        raise InvalidInput("task_id", task.task_id, "a task that is not paused", "resume it before")


async def check_followed(store: TaskStore, followed_ids: Iterable[str | None]) -> None:
    """Refuse tasks to follow that are not there, or have ended; None stands for none.

    A task can only follow one that was made before it: there are no circles.
    """
    for followed in {each for each in followed_ids if each is not None}:
        try:
            other = await store.get(followed)
        except (TaskNotFound, TaskUnreadable):
            raise InvalidInput(
                "task_id", followed, "the id of a task in this graph", "task_1723644600.123_9f3k2a"
            ) from None
        if not other.is_open:
            raise InvalidInput("task_id", followed, f"a task that is open; this one is {other.status}", "another task")
