"""Rows of lineages: their bounds, and the admission of tasks that handlers schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.budget import LIMITS, micros_of
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.lineages import Admission
    from remembrancer.ports.writes import Edit
    from remembrancer.stores.commits.row_types.lineages import AdmissionRow, LineageRow
    from remembrancer.stores.commits.statement import Row


def lineage_row(lineage_id: str, budget: Mapping[str, object], at: datetime) -> LineageRow:
    """Return the row that gives a lineage the bounds that *budget* names."""
    kept = dict(budget)
    if isinstance(money := kept.get("money"), str):
        kept["money"] = micros_of("money", money)
    return {"lineage_id": lineage_id, "at_ms": to_ms(at), "limits": kept}


def drawing(lineage_ids: Iterable[str]) -> list[Statement]:
    """Return the statements that let open tasks draw on the budgets of their lineages, where these bound amounts."""
    ids = list(lineage_ids)
    return [Statement(name, [{"lineage_id": each} for each in ids]) for name in ("draw_on_budgets", "draw_as_roots")]


def begun_lineages(tasks: Sequence[ScheduledTask]) -> list[Statement]:
    """Return the statements that keep the lineages of new roots with a budget; none for others, which are most."""
    return _begun({task.origin_thought_id: task for task in tasks if task.budget is not None})


def changed_lineages(edits: Sequence[Edit]) -> list[Statement]:
    """Return the statements that give lineages other bounds where edits change the budget of a root."""
    changed = [each for each in edits if each.after.budget is not None and each.after.budget != each.before.budget]
    return _begun({each.after.origin_thought_id: each.after for each in changed})


def _begun(roots: Mapping[str, ScheduledTask]) -> list[Statement]:
    if not roots:
        return []
    rows = [lineage_row(lineage_id, task.budget or {}, task.created_at) for lineage_id, task in roots.items()]
    links: list[Row] = [{"lineage_id": lineage_id} for lineage_id in roots]
    return [Statement("begin_lineages", rows), Statement("link_lineages", links), *drawing(roots)]


def admission_row(admission: Admission, tasks: int) -> AdmissionRow:
    """Return the row that admits so many tasks to the lineage of the execution that schedules them."""
    origin, defaults = admission.origin, admission.limits
    limits = {**defaults, **origin.lineage.limits}
    lineage_id = origin.lineage.lineage_id
    return {
        "admission": admission.admission_id,
        "execution_id": origin.execution_id,
        "lineage_id": lineage_id,
        "generation": origin.generation + 1,
        "tasks": tasks,
        "counted_id": lineage_id if "max_open_tasks" in limits else None,
        "max_depth": defaults.get(LIMITS[0]),
        "max_fan_out": defaults.get(LIMITS[1]),
        "max_open_tasks": defaults.get(LIMITS[2]),
        "at_ms": to_ms(admission.at),
    }


def spawning(admission: Admission, tasks: Sequence[ScheduledTask], rows: Sequence[Row]) -> list[Statement]:
    """Return the statements that keep new tasks, as *rows* have them, if their lineage admits them."""
    origin = admission.origin
    lineage: Row = {"lineage_id": origin.lineage.lineage_id}
    links: list[Row] = [{"task_id": task.task_id, "execution_id": origin.execution_id} for task in tasks]
    return [
        Statement("admit_tasks", [admission_row(admission, len(tasks))]),
        *([Statement("link_lineages", [dict(lineage)])] if origin.is_new else []),
        Statement("spawn_tasks", [{**row, **lineage, "admission": admission.admission_id} for row in rows]),
        Statement("link_spawned", links),
    ]
