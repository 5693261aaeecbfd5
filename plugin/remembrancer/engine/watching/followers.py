"""Tasks that follow others: they gain an occurrence for each outcome of the other task, in one write for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.reactions import FollowedTask, place_of, reaction
from remembrancer.ports.watches import Sought, WatchChange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.reacting_schedules import After
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.reactions import Reaction
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.watches import FollowedExecution, Watch


class Followers:
    """The followers that one replica serves.

    Args:
        store: The graph.
    """

    def __init__(self, store: Graph) -> None:
        self._store = store
        self._settled: dict[str, tuple[str | None, int | None, str | None]] = {}
        """Followers that nothing can follow for until the other task has another fence or status."""

    async def check(self, watches: Sequence[Watch], now: datetime) -> bool:
        """Add the occurrences that are new; return False if some were, or a task changed meanwhile: check again.

        A task whose other one stands as it was when all its outcomes were served costs nothing here.
        """
        for known in self._settled.keys() - {each.task_id for each in watches}:
            del self._settled[known]
        changed = {each.task_id: each for each in watches if self._settled.get(each.task_id) != _state(each)}
        if not changed:
            return True
        tasks = await self._store.watches.tasks([*changed])
        sought = [Sought(task.follows_id or "", place_of(task).floor_ms, task.check_at_ms or 0) for task in tasks]
        executions = await self._store.watches.executions(sought)
        changes: list[WatchChange] = []
        settled: list[str] = []
        for task, found in zip(tasks, executions, strict=True):
            reacted = _reacted(task, changed[task.task_id], found, to_ms(now))
            if reacted.is_over and not await self._runs(task):
                changes.append(_end(task, changed[task.task_id], now))
            elif reacted.task is not task:
                changes.append(WatchChange(task, reacted.task, now))
            elif reacted.is_settled and changed[task.task_id].other_status in OPEN_STATUSES:
                settled.append(task.task_id)
        self._settled |= {each: _state(changed[each]) for each in settled}
        if changes:
            await self._store.watches.write(changes)
        return not changes

    async def _runs(self, task: ScheduledTask) -> bool:
        """Return whether an execution of *task* is under way."""
        return any(
            each.status is ExecutionStatus.RUNNING for each in await self._store.tasks.history(task.task_id, 100)
        )


def _state(watch: Watch) -> tuple[str | None, int | None, str | None]:
    return watch.follows_id, watch.other_fence, watch.other_status


def _reacted(task: ScheduledTask, watch: Watch, executions: Sequence[FollowedExecution], now_ms: int) -> Reaction:
    is_open = watch.other_status in OPEN_STATUSES
    return reaction(task, cast("After", task.schedule), FollowedTask(is_open, watch.other_ahead_ms, executions), now_ms)


def _end(task: ScheduledTask, watch: Watch, now: datetime) -> WatchChange:
    """Return the end of a follower: complete, unless the other task was cancelled or is gone."""
    is_done = watch.other_status in {TaskStatus.COMPLETE, TaskStatus.FAILED}
    status = TaskStatus.COMPLETE if is_done else TaskStatus.FAILED
    reason = f"Task {task.follows_id}, which it follows, has ended as {watch.other_status}."
    return WatchChange(task, task, now, status, reason if watch.other_status else "The task that it follows is gone.")
