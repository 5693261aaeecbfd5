"""Priority: how urgent a task is among tasks that wait together. Pure functions.

Laws: a task of a higher priority is served as if it had waited longer, by `LEVEL_MS` for each level. So among tasks
of one priority the first due is served first, and no task waits without end: a task can be overtaken only by those
that are due less than nine levels after it. Priority never makes a task run before its time.

A task is served with the highest priority among its own and those of the open tasks that depend on it, through others
too: what is urgent never waits behind what is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.priority import USUAL, served_ms

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask


def place_in_line(task: ScheduledTask) -> tuple[int, str]:
    """Return the place of an armed task among those that wait for the same."""
    return served_ms(task.next_run_ms or 0, task.served_priority), task.task_id


def with_priority(task: ScheduledTask, before: ScheduledTask | None = None) -> ScheduledTask:
    """Return a task that is served as its own priority says, or as that which it has inherited *before*."""
    served = task.priority
    if before is not None and inherits(before) and _level(before.served_priority) > _level(served):
        served = before.served_priority
    return task if task.served_priority == served else task.model_copy(update={"served_priority": served})


def inherits(task: ScheduledTask) -> bool:
    """Return whether a task is served with the priority of one that depends on it."""
    return task.served_priority != task.priority


def _level(priority: int | None) -> int:
    return USUAL if priority is None else priority
