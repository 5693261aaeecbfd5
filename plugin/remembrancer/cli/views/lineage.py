"""Lineages in words: the budget of one, and its tasks as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.cli.output import screen
from remembrancer.model.budget import budget_words

if TYPE_CHECKING:
    from remembrancer.model.lineage import Lineage, LineageTask


def print_lineage(lineage: Lineage) -> None:
    """Print a lineage: its budget, and its tasks as a tree."""
    out = screen()
    out.print(f"Lineage of {lineage.lineage_id}", style="bold", markup=False, highlight=False)
    budget = budget_words(lineage.budget).replace(",", "  ") if lineage.budget else "none"
    out.print(f"  budget: {budget}", markup=False, highlight=False)
    for name, bound in lineage.left.items():
        used = f"{lineage.spent.get(name, 0)} spent, {lineage.reserved.get(name, 0)} reserved, {bound} left"
        out.print(f"  {name}: {used}", markup=False, highlight=False)
    counts = f"{len(lineage.tasks):,} tasks, {lineage.open_tasks:,} open, {lineage.spawned:,} scheduled by handlers"
    out.print(f"  {counts}{'' if lineage.is_whole else '; --limit shows more'}", markup=False, highlight=False)
    for each in _in_order(lineage):
        indent = "  " * (each.generation + 1)
        out.print(f"{indent}{each.task_id}  {each.status}  {each.name}", markup=False, highlight=False)


def _in_order(lineage: Lineage) -> list[LineageTask]:
    """Return the tasks of a lineage, each followed by those that came of it."""
    children: dict[str | None, list[LineageTask]] = {}
    shown = {each.task_id for each in lineage.tasks}
    for each in lineage.tasks:
        children.setdefault(each.parent_id if each.parent_id in shown else None, []).append(each)
    ordered: list[LineageTask] = []
    waiting = children.get(None, [])[::-1]
    while waiting:
        ordered.append(waiting.pop())
        waiting += children.get(ordered[-1].task_id, [])[::-1]
    return ordered
