"""Changes as the graph keeps them: their parameters, and how they are read, also where another node tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.audit import AuditEntry
from remembrancer.model.ids import new_id
from remembrancer.model.json_bounds import read_kept
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.stores.rows.node_rows import fence_after

if TYPE_CHECKING:
    from remembrancer.ports.writes import Change, Claim
    from remembrancer.stores.commits.row_types.tasks import ChangeRow
    from remembrancer.stores.commits.statement import Row

_OF_A_CREATION: Final = ("name", "task_type", "schedule_cron", "timezone", "dedup_key", "deferred_task_id")
"""What is told of a task that was made: what nothing changes afterwards."""


def change_row(task_id: str | None, change: Change, unserved: Claim | None = None) -> ChangeRow:
    """Return the parameters that write a change's audit node, once *unserved* has moved the fence of its task.

    Without a task, it is one of the graph.
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
        "if_fence": None if change.if_fence is None else change.if_fence + (unserved is not None),
        "task_fence": fence_after(unserved),
        "request_key": change.mark and change.mark.key,
        "request_digest": change.mark and change.mark.digest,
    }


def change_from(node: Row) -> AuditEntry:
    """Read a change from its node."""
    told = {name: read_kept(node[name]) for name in ("before", "after") if node.get(name)}
    return AuditEntry.model_validate({**node, **told})


def creation_from(node: Row) -> AuditEntry:
    """Read from a task's node how it was made: a change that has no node of its own."""
    return AuditEntry(
        change_id=node["task_id"],
        task_id=node["task_id"],
        action="create",
        at=node["created_at"],
        surface=node.get("created_through"),
        actor=node.get("created_as"),
        thought_id=node["origin_thought_id"],
        after={name: node[name] for name in _OF_A_CREATION if node.get(name) is not None},
    )


def copy_from(row: Row) -> AuditEntry:
    """Read from a graph's mark which copy made it: a change that has no node of its own."""
    return AuditEntry(
        change_id=row["copy_id"],
        action="copy",
        at=from_ms(row["copied_ms"]),
        surface=row["copied_through"],
        actor=row["copied_as"],
        after={"copied_from": row["copied_from"]},
    )
