"""Which statements settle an execution, and which take over what a dead replica left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.stores import rows
from remembrancer.stores.session import Row, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.ports.task_store import Settlement, TakeOver


def settle_statements(settlement: Settlement) -> list[Statement]:
    """Return the statements of one settlement; all but the first check that the fence still holds."""
    row = rows.settle_row(settlement)
    held: Row = {"execution_id": row["execution_id"], "fence": row["fence"]}
    statements = [Statement("settle_executions", [row])]
    if thought := settlement.thought:
        made: Row = {
            "thought_id": thought.thought_id,
            "content": thought.content,
            "completed_ms": row["completed_ms"],
        }
        statements.append(Statement("link_created_thoughts", [{**held, **made}]))
    if rearm := settlement.rearm:
        again = {**rows.rearm_row(rearm), **held}
        statements += [Statement("defer_settled", [again]), Statement("record_deferrals", [again])]
        if rearm.deferral.requested_by:
            statements.append(Statement("link_requests", [again]))
    elif settlement.ends_task:
        statements.append(Statement("retire_tasks", [{**held, "status": settlement.ends_task}]))
    if settlement.lease_id:
        statements.append(Statement("release_leases", [{"lease_id": settlement.lease_id}]))
    return statements


def take_over_statements(over: Sequence[str], lost: Sequence[TakeOver]) -> list[Statement]:
    """Return the statements that fail lost executions, retry or retire their tasks, and end their leases."""
    statements: list[Statement] = []
    if lost:
        statements.append(Statement("lose_executions", [rows.settle_row(each.settlement) for each in lost]))
    if retried := [_retry_row(each) for each in lost if each.retry]:
        statements.append(Statement("retry_executions", retried))
    if ended := [_retire_row(each.settlement) for each in lost if each.settlement.ends_task]:
        statements.append(Statement("retire_tasks", ended))
    statements.append(Statement("release_leases", [{"lease_id": lease_id} for lease_id in over]))
    return statements


def _retry_row(each: TakeOver) -> Row:
    assert each.retry  # noqa: S101 (the caller has looked)
    row = rows.start_row(each.retry)
    lost = each.settlement.execution
    return {**row, "lost_execution_id": lost.execution_id, "lost_fence": lost.fence + 1}


def _retire_row(settlement: Settlement) -> Row:
    """The fence has moved on by one: losing the execution did that, in the statement before."""
    return {
        "execution_id": settlement.execution.execution_id,
        "fence": settlement.execution.fence + 1,
        "status": settlement.ends_task,
    }
