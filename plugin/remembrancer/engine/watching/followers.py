"""Tasks that follow others: they gain an occurrence for each outcome of the other task, in one write for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.reactions import FollowedTask, gone_back, reaction, sought_by
from remembrancer.ports.watches import WatchChange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.engine.clock_steps import ClockSteps
    from remembrancer.model.reacting_schedules import After
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.reactions import Reaction
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.watches import FollowedExecution, Watch


class Followers:
    """The followers that one replica serves.

    Args:
        store: The graph.
        steps: The steps of the clock.
    """

    def __init__(self, store: Graph, steps: ClockSteps) -> None:
        self._store = store
        self._steps = steps
        self._back = steps.back
        self._settled: dict[str, tuple[str | None, int | None, str | None]] = {}
        """Followers that nothing can follow for until the other task has another fence or status."""

    async def check(self, watches: Sequence[Watch], now: datetime) -> bool:
        """Add the occurrences that are new; return False if some were, or a task changed meanwhile: check again.

        A task whose other one stands as it was when all its outcomes were served costs nothing here.
        """
        back = self._steps.back
        went_back = back != self._back
        changed = self._changed(watches, went_back=went_back)
        if not changed:
            return True
        tasks = await self._store.watches.tasks([*changed])
        placed = [gone_back(task, to_ms(now)) for task in tasks] if went_back else tasks
        executions = await self._store.watches.executions([sought_by(task, to_ms(now)) for task in placed])
        changes: list[WatchChange] = []
        settled: list[str] = []
        for task, moved, found in zip(tasks, placed, executions, strict=True):
            reacted = _reacted(moved, changed[task.task_id], found, to_ms(now))
            if reacted.is_over and not await self._runs(task):
                changes.append(_end(task, changed[task.task_id], now))
            elif reacted.task is not task:
                changes.append(WatchChange(task, reacted.task, now))
            elif reacted.is_settled and changed[task.task_id].other_status in OPEN_STATUSES:
                settled.append(task.task_id)
        self._settled |= {each: _state(changed[each]) for each in settled}
        if all(await self._store.watches.write(changes) if changes else ()):
            self._back = back
        return not changes

    def _changed(self, watches: Sequence[Watch], *, went_back: bool) -> dict[str, Watch]:
        """Return the followers to look at, by their ids: all, if the clock went back."""
        for known in self._settled.keys() - {each.task_id for each in watches if not went_back}:
            del self._settled[known]
        return {each.task_id: each for each in watches if self._settled.get(each.task_id) != _state(each)}

    async def _runs(self, task: ScheduledTask) -> bool:
        """Return whether an execution of *task* is under way."""
        return any(
            each.status is ExecutionStatus.RUNNING for each in await self._store.tasks.history(task.task_id, 100)
        )


def _state(watch: Watch) -> tuple[str | None, int | None, str | None]:
    return watch.runs_after_id, watch.other_fence, watch.other_status


def _reacted(task: ScheduledTask, watch: Watch, executions: Sequence[FollowedExecution], now_ms: int) -> Reaction:
    is_open = watch.other_status in OPEN_STATUSES
    other = FollowedTask(is_open, watch.other_ahead_ms, watch.other_fence or 0, executions)
    return reaction(task, cast("After", task.schedule), other, now_ms)


def _end(task: ScheduledTask, watch: Watch, now: datetime) -> WatchChange:
    """Return the end of a follower: complete, unless the other task was cancelled or is gone."""
    is_done = watch.other_status in {TaskStatus.COMPLETE, TaskStatus.FAILED}
    status = TaskStatus.COMPLETE if is_done else TaskStatus.FAILED
    reason = f"Task {task.runs_after_id}, which it follows, has ended as {watch.other_status}."
    return WatchChange(task, task, now, status, reason if watch.other_status else "The task that it follows is gone.")
