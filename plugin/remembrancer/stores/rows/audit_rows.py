"""Rows of the audit log: of changes, and of entries that are read from a task or from the graph's marker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.audit import AuditEntry
from remembrancer.model.ids import new_id
from remembrancer.model.json_bounds import read_stored
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.stores.rows.node_rows import fence_after, to_json

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change, Claim
    from remembrancer.stores.commits.row_types.tasks import ChangeRow, KeyReturnRow
    from remembrancer.stores.commits.statement import Row

_OF_A_CREATION: Final = ("name", "task_type", "schedule_cron", "timezone", "dedup_key", "deferred_task_id")
"""The properties of a creation's entry: those that never change afterwards."""


def change_row(task_id: str | None, change: Change, outstanding: Claim | None = None) -> ChangeRow:
    """Return the row that writes a change's audit node, once *outstanding* has moved the fence of its task.

    Without a task, it is a change of the graph.
    """
    at_ms = to_ms(change.at)
    return {
        "task_id": task_id,
        "change_id": new_id("change", at_ms),
        "action": change.action,
        "at_ms": at_ms,
        "surface": change.surface,
        "actor": change.actor,
        "reason": change.reason,
        "thought_id": change.thought_id,
        "if_fence": None if change.if_fence is None else change.if_fence + (outstanding is not None),
        "task_fence": fence_after(outstanding),
        "idempotency_key": change.idempotency_key and change.idempotency_key.key,
        "request_digest": change.idempotency_key and change.idempotency_key.digest,
    }


def key_return_row(task: ScheduledTask, change: Change) -> KeyReturnRow:
    """Return the row by which an ended task gives its dedup_key back."""
    before = to_json({"dedup_key": task.dedup_key})
    row = change_row(task.task_id, change)
    return {**row, "dedup_key": task.dedup_key, "before": before, "after": to_json({"dedup_key": None})}


def change_from(node: Row) -> AuditEntry:
    """Read a change from its node."""
    values = {name: read_stored(node[name]) for name in ("before", "after") if node.get(name)}
    return AuditEntry.model_validate({**node, **values})


def creation_from(node: Row) -> AuditEntry:
    """Read the creation of a task from its node: an entry without a node of its own."""
    return AuditEntry(
        change_id=node["task_id"],
        task_id=node["task_id"],
        action="create",
        at=node["created_at"],
        surface=node.get("created_via"),
        actor=node.get("created_by"),
        thought_id=node["origin_thought_id"],
        after={name: node[name] for name in _OF_A_CREATION if node.get(name) is not None},
    )


def copy_from(row: Row) -> AuditEntry:
    """Read the copy that made a graph from its marker: an entry without a node of its own."""
    return AuditEntry(
        change_id=row["copy_id"],
        action="copy",
        at=from_ms(row["copied_ms"]),
        surface=row["copied_via"],
        actor=row["copied_by"],
        after={"copied_from": row["copied_from"]},
    )
