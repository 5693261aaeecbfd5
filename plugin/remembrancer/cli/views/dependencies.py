"""Tables of dependencies, and of what they block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.cli.grid import Grid
from remembrancer.cli.output import status_cell, when

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.model.blocked import BlockedTask, RelatedTask


def related_table(tasks: Iterable[RelatedTask]) -> Grid:
    """Return tasks at the other end of dependencies, one per row."""
    table = Grid(("task", "name", "status", "on failure"))
    for each in tasks:
        table.add(each.task_id, each.name, status_cell(each.status or "gone"), each.on_failure)
    return table


def blocked_lines(blocked: BlockedTask) -> Iterable[str]:
    """Yield a blocked task for people: what it waits for, down to the root, and what would let it run."""
    times = f"due at {when(blocked.nominal_at)}, waits since {when(blocked.waits_since)}"
    yield f"{blocked.name} ({blocked.task_id}), {times}"
    yield f"  {blocked.reason}"
    for depth, step in enumerate(blocked.path, 1):
        yield f"{'  ' * depth}  {step.name} ({step.task_id}): {step.reason}"
    for each in blocked.unblock:
        yield f"  to let it run: {each}"
