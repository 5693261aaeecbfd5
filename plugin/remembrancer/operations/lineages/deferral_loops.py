"""Deferral loops: a task is brought back, its run defers another one, and the run of that one defers the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.context import executing
from remembrancer.errors import InvalidInput, TaskNotFound, TaskUnreadable

if TYPE_CHECKING:
    from remembrancer.ports.graph import Graph

_LONGEST: Final = 100
"""Deferrals that are followed back."""
_SHOWN: Final = 5
"""Tasks at each end of a path that an error names."""


async def refuse_loop(store: Graph, task_id: str) -> None:
    """Refuse the deferral of *task_id* by a run that is there because a run of that task deferred another one.

    The own run of the task is no loop. What is followed back never changes, so nothing can come between this and the
    write. Only handlers can close a loop: for other callers nothing is read.

    Raises InvalidInput: it names the path.
    """
    execution_id = executing()
    origin = None if execution_id is None else await store.lineages.origin_of(execution_id)
    if origin is None:
        return
    path, parent_id = [task_id], origin.parent_id
    for _ in range(_LONGEST):
        try:
            task = await store.tasks.get(parent_id)
        except (TaskNotFound, TaskUnreadable):  # it was pruned, or its record is damaged
            return
        brought_back = task.deferred_task_id or task.task_id
        if brought_back == task_id:
            if len(path) > 1:
                raise InvalidInput("task_id", task_id, _allowed([task_id, *reversed(path)]), None)
            return
        if brought_back != path[-1]:
            path.append(brought_back)
        if task.deferred_task_id is None or task.parent_id is None:
            return
        parent_id = task.parent_id


def _allowed(path: list[str]) -> str:
    """Return what is allowed, in view of the path of a loop."""
    shown = path if len(path) <= 2 * _SHOWN else [*path[:_SHOWN], "…", *path[-_SHOWN:]]
    return (
        f"a task whose deferral did not lead to this run, since these would go round in a loop: {' > '.join(shown)}; "
        f"defer the task that this run brings back, or schedule a new one"
    )
