"""The commands of tasks that fall due next, under a handler that runs none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.engine.commands.task_command import has_command
from remembrancer.engine.execution.default_handler import create_thought
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.ports.filters import TaskFilter

if TYPE_CHECKING:
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import Handler

LOOKED_AT: Final = 1000
"""So many tasks are looked at, the next to run first."""


def runs_no_commands(handler: Handler) -> bool:
    """Return whether a handler is the default one; any other may do with a command what it likes."""
    return getattr(handler, "__wrapped__", handler) is create_thought


async def unrun_commands(graph: Graph, handler: Handler) -> int:
    """Return how many of the next tasks have a command that the handler does not run."""
    if not runs_no_commands(handler):
        return 0
    tasks = await graph.tasks.find(TaskFilter(frozenset(OPEN_STATUSES), None, LOOKED_AT))
    return sum(has_command(task.context) for task in tasks)
