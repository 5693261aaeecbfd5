"""Changes of tasks that callers ask for, in one write: cancel one, edit some, or run one now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import DuplicateTask, QueryFailed, RemembrancerError
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.writes import Change
from remembrancer.stores.commits.statement import Statement, UniqueKeyTaken, rows_of
from remembrancer.stores.graph.outcomes import outstanding_statements
from remembrancer.stores.records.dependencies import GraphDependencies, changed_dependencies, edition_guards
from remembrancer.stores.records.idempotency import rejecting_reuse
from remembrancer.stores.rows import audit_rows, node_rows
from remembrancer.stores.rows.budget_rows import reserving_one
from remembrancer.stores.rows.edit_rows import edit_row
from remembrancer.stores.rows.lease_rows import acquire_leases, release_leases, with_fence
from remembrancer.stores.rows.lineage_rows import changed_lineages
from remembrancer.stores.rows.priority_rows import changed_priorities, note_changes, noting
from remembrancer.stores.rows.reference_rows import changed_links
from remembrancer.stores.rows.slot_rows import note_refusals, returning, taking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.dead_letter import DeadLetter
    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Claim, Draw, Edit, Lease
    from remembrancer.stores.commits.row_types.executions import EndedRetriesRow
    from remembrancer.stores.graph.armed_times import GraphArmedTimes
    from remembrancer.stores.graph.parts import GraphParts

_EDITING: Final = frozenset({"edit_tasks", "cancel_tasks"})
"""The statements whose answers say which tasks an edit has changed."""


async def cancel(parts: GraphParts, task_id: str, change: Change, outstanding: Claim | None) -> bool:
    """End an open task, together with what *outstanding* accounts for; return whether this call ended it."""
    row = audit_rows.change_row(task_id, change, outstanding)
    with rejecting_reuse(change.idempotency_key):
        try:
            statements = [*outstanding_statements([outstanding]), *_cancelling(row)]
            answers = await parts.connection.write(statements)
        except UniqueKeyTaken:
            if outstanding is None:
                raise
            # The occurrence has an outcome already, as in a graph restored from half a backup.
            row |= {"task_fence": outstanding.execution.fence - 1, "if_fence": change.if_fence}
            statements = _cancelling(row)
            answers = await parts.connection.write(statements)
    note_changes(parts.priorities, statements, answers)
    return bool(rows_of("cancel_tasks", statements, answers))


def _cancelling(row: Mapping[str, object]) -> list[Statement]:
    """Return the statements that end one task, and the attempts that wait for their time."""
    ending = [Statement("cancel_tasks", [row]), Statement("end_retries", [_retries_row(row)])]
    return [*ending, noting([str(row["task_id"])], cast("int", row["at_ms"]))]


def _retries_row(changed: Mapping[str, object]) -> EndedRetriesRow:
    """Return the row for the waiting attempts of a task that a row changes."""
    return {"task_id": str(changed["task_id"]), "change_id": str(changed["change_id"])}


def _attempts(edit: Edit) -> str | None:
    """Return the statement for the waiting attempts of a task that an edit concerns; None if it concerns none.

    It ends or moves a pause, which may hold attempts, or it takes retries away.
    """
    if not edit.after.is_open:
        return None
    if edit.before.paused_at is not None and edit.change.action in {"pause", "resume"}:
        return "release_retries"
    return "recall_retries" if edit.before.retry is not None and edit.after.retry is None else None


async def edit(parts: GraphParts, edits: Sequence[Edit], armed_times: GraphArmedTimes) -> list[bool]:
    """Make edits of different tasks in one commit; return of each whether its task was as it was read."""
    zones = armed_times.begin_zones([each.after for each in edits])
    statements = [*_edit_statements(edits), *zones]
    keys = [each.change.idempotency_key for each in edits if each.change.idempotency_key]
    with rejecting_reuse(keys[0] if keys else None):
        try:
            looked_at = [to_ms(each.change.at) for each in edits if _attempts(each)]
            parts.retries.arm(looked_at)
            times = [*(each.after.next_run_ms for each in edits), *looked_at]
            answers = await parts.index.write_armed(times, statements)
            parts.retries.arm(looked_at)
        except UniqueKeyTaken as taken:
            if await _is_outdated(parts, edits):
                return [False] * len(edits)
            if fault := _explained(taken, edits):
                raise fault from taken
            raise
    note_changes(parts.priorities, statements, answers)
    armed_times.have_begun(zones)
    if any(each.before.runs_after_id != each.after.runs_after_id for each in edits):
        parts.signals.tell()
    written: set[object] = {
        statement.rows[row["row"]]["task_id"]
        for statement, rows in zip(statements, answers, strict=True)
        if statement.name in _EDITING
        for row in rows
    }
    for each in edits:
        next_ms = each.after.next_run_ms
        if each.task_id in written and next_ms is not None and next_ms != each.before.next_run_ms:
            parts.time_links.record(each.task_id, next_ms)
    return [each.task_id in written for each in edits]


async def _is_outdated(parts: GraphParts, edits: Sequence[Edit]) -> bool:
    """Return whether dependencies have changed since edits that need them as they were read."""
    editions = {each.dependency_edition for each in edits if each.dependency_edition is not None}
    return bool(editions) and editions != {await GraphDependencies(parts.connection, parts.records).edition()}


def _edit_statements(edits: Sequence[Edit]) -> list[Statement]:
    """Return the statements of edits: what is accounted for, then the tasks that change and those that end."""
    ending = [each for each in edits if not each.after.is_open]
    parts: dict[str, list[Mapping[str, object]]] = {
        "edit_tasks": [edit_row(each) for each in edits if each.after.is_open],
        "cancel_tasks": [audit_rows.change_row(each.task_id, each.change, each.outstanding) for each in ending],
    }
    parts["end_retries"] = [_retries_row(row) for row in parts["cancel_tasks"]]
    for each, row in zip((each for each in edits if each.after.is_open), parts["edit_tasks"], strict=True):
        if name := _attempts(each):
            parts.setdefault(name, []).append({**_retries_row(row), "at_ms": to_ms(each.change.at)})
        for link in changed_links(each.before, each.after, str(row["change_id"])):
            parts.setdefault(link.name, []).extend(link.rows)
        for link in changed_dependencies(each, str(row["change_id"])):
            parts.setdefault(link.name, []).extend(link.rows)
    changed = [Statement(name, rows) for name, rows in parts.items() if rows]
    changed += [*changed_lineages(edits), *changed_priorities(edits)]
    return [
        *edition_guards(edits),
        *_key_returns(edits),
        *outstanding_statements([each.outstanding for each in edits]),
        *changed,
    ]


def _key_returns(edits: Sequence[Edit]) -> list[Statement]:
    """Return the statement that frees the dedup keys which edits take from ended tasks."""
    rows = [
        audit_rows.key_return_row(
            each.returned, Change("return_key", each.change.at, each.change.surface, each.change.actor)
        )
        for each in edits
        if each.returned is not None
    ]
    return [Statement("return_dedup_keys", rows)] if rows else []


def _explained(taken: UniqueKeyTaken, edits: Sequence[Edit]) -> RemembrancerError | None:
    """Return the error of edits that would have made a unique key twice; None if that is one of a request."""
    keys = [each.after.dedup_key for each in edits if each.after.dedup_key not in {None, each.before.dedup_key}]
    if keys and taken.property_name in {None, "dedup_key"}:
        return DuplicateTask(", ".join(filter(None, keys)))
    if any(each.change.idempotency_key for each in edits):
        return None
    return QueryFailed(f"The graph has a record of this change already; nothing was written: {taken}")


async def start_now(  # noqa: PLR0913 (what holds for the execution)
    parts: GraphParts,
    execution: Execution,
    lease: Lease,
    change: Change,
    letter: DeadLetter | None,
    *,
    force: bool,
    draw: Draw | None,
) -> Execution | None:
    """Write a running execution outside the schedule; None if the task is not as required.

    Also if a limit has no free slot, which is noted; with *force*, it takes one more than there are.
    """
    keys = execution.limit_keys or ()
    audit = audit_rows.change_row(execution.task_id, change)
    again = {} if letter is None else {"dead_letter_id": letter.dead_letter_id}
    after = node_rows.to_json({"execution_id": execution.execution_id, **again})
    row = {**node_rows.start_row(execution), **audit, "change_reason": change.reason, "after": after}
    row |= {"limit_keys": list(keys), "again": letter is not None, "rerun_input": execution.rerun_input}
    if draw is not None:  # the refusal of a budget moves the fence
        row["if_fence"] = change.if_fence if change.if_fence is not None else execution.fence
    wanted = {key: [execution.execution_id] for key in keys}
    taken = taking(wanted, to_ms(execution.triggered_at), force=force) if keys else []
    starting = [*taken, Statement("start_executions", [row])]
    if letter is not None:
        link = {"execution_id": execution.execution_id, "former_execution_id": letter.execution_id}
        starting.append(Statement("link_reruns", [link]))
    starting.append(acquire_leases(lease, [execution]))
    statements = [*reserving_one(draw, execution, starting), *returning([execution])]
    with rejecting_reuse(change.idempotency_key):
        answers = await parts.connection.write(statements)
    if started := rows_of("start_executions", statements, answers):
        return with_fence(execution, started[0])
    note_refusals(parts.slots.refused, statements, answers)
    await parts.connection.write([release_leases([lease.lease_id])])
    return None
