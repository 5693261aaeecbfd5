"""Types of rows that write lineages."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from remembrancer.stores.commits.row_types.tasks import TaskRow

if TYPE_CHECKING:
    from collections.abc import Mapping


class LineageKey(TypedDict):
    """A lineage."""

    lineage_id: str


class LineageRow(LineageKey):
    """The bounds of a lineage, those that are given."""

    at_ms: int
    limits: Mapping[str, object]


class AdmissionRow(LineageKey):
    """Tasks that a handler schedules, and the bounds that hold where their lineage has none."""

    admission: str
    execution_id: str
    generation: int
    tasks: int
    counted_id: str | None
    max_depth: int | None
    max_fan_out: int | None
    max_open_tasks: int | None
    at_ms: int


class SpawnedRow(TaskRow, total=False):
    """A new task, and the admission that it needs."""

    lineage_id: str
    admission: str


class SpawnLinkRow(TypedDict):
    """A task, and the execution whose handler scheduled it."""

    task_id: str
    execution_id: str


class BudgetChangeRow(LineageRow):
    """Other bounds of a lineage, and who sets them."""

    change_id: str
    action: str
    surface: str
    actor: str | None
    reason: str | None
    after: str | None
