"""Changes of a task that callers ask for, in one write: cancel it, edit it, or run it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import DuplicateTask
from remembrancer.stores.commits.statement import Statement, UniqueKeyTaken
from remembrancer.stores.graph.claims import acquire_leases, release_leases, rows_of, with_fence
from remembrancer.stores.graph.outcomes import outstanding_statements
from remembrancer.stores.records.idempotency import rejecting_reuse
from remembrancer.stores.rows import audit_rows, node_rows
from remembrancer.stores.rows.edit_rows import edit_row
from remembrancer.stores.rows.reference_rows import changed_links

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change, Claim, Lease
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.graph.armed_times import GraphArmedTimes
    from remembrancer.stores.graph.parts import GraphParts


async def cancel(connection: GraphConnection, task_id: str, change: Change, outstanding: Claim | None) -> bool:
    """End an open task, together with what *outstanding* accounts for; return whether this call ended it."""
    row = audit_rows.change_row(task_id, change, outstanding)
    with rejecting_reuse(change.idempotency_key):
        try:
            answers = await connection.write([*outstanding_statements(outstanding), Statement("cancel_tasks", [row])])
        except UniqueKeyTaken:
            if outstanding is None:
                raise
            # The occurrence has an outcome already, as in a graph restored from half a backup.
            row |= {"task_fence": outstanding.execution.fence - 1, "if_fence": change.if_fence}
            answers = await connection.write([Statement("cancel_tasks", [row])])
    return bool(answers[-1])


async def edit(  # noqa: PLR0917 (a change has two sides)
    parts: GraphParts,
    before: ScheduledTask,
    after: ScheduledTask,
    change: Change,
    outstanding: Claim | None,
    armed_times: GraphArmedTimes,
) -> bool:
    """Turn a task that is still as it was read into *after*; return whether it was."""
    zones = armed_times.begin_zones([after]) if after.timezone != before.timezone else []
    row = edit_row(before, after, change, outstanding)
    statements = [
        *outstanding_statements(outstanding),
        Statement("edit_tasks", [row]),
        *changed_links(before, after, row["change_id"]),
    ]
    with rejecting_reuse(change.idempotency_key):
        try:
            answers = await parts.index.write_armed([after.next_run_ms], [*statements, *zones])
        except UniqueKeyTaken as taken:
            if after.dedup_key and after.dedup_key != before.dedup_key and taken.property_name in {None, "dedup_key"}:
                raise DuplicateTask(after.dedup_key) from taken
            raise
    armed_times.have_begun(zones)
    edited = bool(rows_of("edit_tasks", [*statements, *zones], answers))
    if edited and after.next_run_ms is not None and after.next_run_ms != before.next_run_ms:
        parts.time_links.record(after.task_id, after.next_run_ms)
    return edited


async def start_now(
    connection: GraphConnection, execution: Execution, lease: Lease, change: Change
) -> Execution | None:
    """Write a running execution of an open task outside the schedule; None if the task is not as required."""
    audit = audit_rows.change_row(execution.task_id, change)
    after = node_rows.to_json({"execution_id": execution.execution_id})
    row = {**node_rows.start_row(execution), **audit, "change_reason": change.reason, "after": after}
    with rejecting_reuse(change.idempotency_key):
        answers = await connection.write([Statement("start_executions", [row]), acquire_leases(lease, [execution])])
    if answers[0]:
        return with_fence(execution, answers[0][0])
    await connection.write([release_leases([lease.lease_id])])
    return None
