"""Statements that settle executions, and that recover the executions of expired leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.graph.element_ids import with_element_ids
from remembrancer.stores.rows import deferral_rows, node_rows, outcome_rows
from remembrancer.stores.rows.budget_rows import charging, reserving_retries
from remembrancer.stores.rows.dead_letter_rows import dead_letter_rows
from remembrancer.stores.rows.due_key import due_key
from remembrancer.stores.rows.failure_rows import counting, counting_circuits
from remembrancer.stores.rows.lease_rows import release_leases
from remembrancer.stores.rows.priority_rows import noting
from remembrancer.stores.rows.slot_rows import releasing, returning, without_overlap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Claim, Recovery, Settlement
    from remembrancer.stores.commits.row_types.executions import FencedRow, NextCheckRow, RetryRow
    from remembrancer.stores.commits.row_types.tasks import RetireRow, SettledDeferralRow


def settle_statements(
    settlements: Sequence[Settlement], element_ids: Sequence[str | None], ended_leases: Sequence[str]
) -> list[Statement]:
    """Return the statements that settle executions and end leases; those after the first check the fence again."""
    settled = with_element_ids([outcome_rows.settle_row(settlement) for settlement in settlements], element_ids)
    parts: dict[str, list[Mapping[str, object]]] = {"settle_executions": [*settled]}
    for settlement in settlements:
        held: FencedRow = {"execution_id": settlement.execution.execution_id, "fence": settlement.execution.fence}
        if settlement.thought:
            parts.setdefault("link_created_thoughts", []).append(outcome_rows.thought_row(settlement))
        if reschedule := settlement.reschedule:
            again: SettledDeferralRow = {**deferral_rows.reschedule_row(reschedule), **held}
            if reschedule.outstanding:
                for statement in outstanding_statements([reschedule.outstanding]):
                    parts.setdefault(statement.name, []).extend(statement.rows)
            parts.setdefault("defer_settled", []).append(again)
            parts.setdefault("record_deferrals", []).append(dict(again))
            parts.setdefault("link_chains", []).append(dict(again))
            if reschedule.deferral.requested_by:
                parts.setdefault("link_requests", []).append(dict(again))
        elif settlement.ends_task:
            parts.setdefault("retire_tasks", []).append(_retire_row(settlement, settlement.execution.fence))
    statements = [Statement(name, written) for name, written in parts.items()]
    statements[1:1] = charging(settlements)
    statements += _next_checks([(each, each.execution.fence) for each in settlements if each.next_check])
    statements += _dead_letters([(each, each.execution.fence) for each in settlements])
    statements += _noted(settlements)
    released = releasing(_freed(settlements))
    statements = [*released, *counting_circuits(settlements), *counting(settlements), *statements]
    return [*statements, release_leases(ended_leases)] if ended_leases else statements


def outstanding_statements(claims: Sequence[Claim | None]) -> list[Statement]:
    """Return the statements for occurrences that are due before tasks change or end; none without any."""
    outstanding = [claim for claim in claims if claim is not None]
    caused = [claim.execution for claim in outstanding if claim.execution.cause is not None]
    statements = [Statement("record_outcomes", [node_rows.outcome_row(claim) for claim in outstanding])]
    return [
        *(statements if outstanding else ()),
        *([Statement("record_causes", [node_rows.cause_row(each) for each in caused])] if caused else ()),
    ]


def deferral_statements(deferral: Deferral) -> list[Statement]:
    """Return the statements that write a deferral to which its task already points."""
    row = deferral_rows.deferral_row(deferral)
    recorded = [Statement("record_deferrals", [row]), Statement("link_chains", [dict(row)])]
    return [*recorded, Statement("link_requests", [dict(row)])] if deferral.requested_by else recorded


def recovery_statements(ended_leases: Sequence[str], lost: Sequence[Recovery]) -> list[Statement]:
    """Return the statements that fail lost executions, retry or retire their tasks, and end their leases."""
    retries = [each.retry for each in lost if each.retry]
    statements = releasing((each.settlement.execution for each in lost), retries)
    statements += counting(each.settlement for each in lost)
    if lost:
        statements.append(
            Statement("fail_lost_executions", [outcome_rows.settle_row(each.settlement) for each in lost])
        )
    statements += charging(each.settlement for each in lost)
    if retried := [_retry_row(each) for each in lost if each.retry]:
        statements.append(Statement("retry_executions", retried))
    statements += following([each.settlement for each in lost], [each.settlement for each in lost if not each.retry])
    statements += returning(retries)
    if ended_leases:
        statements.append(release_leases(ended_leases))
    return reserving_retries(lost, statements)


def following(settlements: Sequence[Settlement], final: Sequence[Settlement] | None = None) -> list[Statement]:
    """Return the statements of what follows from failures whose fence the statement before has moved on by one.

    *final* are those that no attempt follows; all of them unless given.
    """
    statements: list[Statement] = []
    ending = [each for each in settlements if each.ends_task]
    if ended := [_retire_row(settlement, settlement.execution.fence + 1) for settlement in ending]:
        statements += [Statement("retire_tasks", ended), *_noted(ending)]
    statements += _next_checks([(each, each.execution.fence + 1) for each in settlements if each.next_check])
    given_up = settlements if final is None else final
    return [*statements, *_dead_letters([(each, each.execution.fence + 1) for each in given_up])]


def _freed(settlements: Sequence[Settlement]) -> Iterator[Execution]:
    """Yield the executions whose slots become free; one that waits for its next attempt keeps its overlap key."""
    for each in settlements:
        if each.retry_due_ms is None or each.execution.limit_keys is None:
            yield each.execution
        else:
            yield from without_overlap([each.execution])


def _dead_letters(settled: Sequence[tuple[Settlement, int]]) -> list[Statement]:
    """Return the statement that counts failures which no attempt follows; none without any."""
    rows = dead_letter_rows(settled)
    return [Statement("record_dead_letters", rows)] if rows else []


def _noted(settlements: Sequence[Settlement]) -> list[Statement]:
    """Return the statement for the tasks that those depend on which may have ended; none without any."""
    ending = [each for each in settlements if each.depends and each.ends_task]
    if not ending:
        return []
    return [noting({each.execution.task_id for each in ending}, to_ms(ending[0].completed_at))]


def _next_checks(paced: Sequence[tuple[Settlement, int]]) -> list[Statement]:
    """Return the statement that arms agent-paced tasks, by their settlements and the fences of these; if any."""
    rows = [_next_check_row(settlement, fence) for settlement, fence in paced]
    return [Statement("arm_next_checks", rows)] if rows else []


def _next_check_row(settlement: Settlement, fence: int) -> NextCheckRow:
    check, task_id = settlement.next_check, settlement.execution.task_id
    assert check  # noqa: S101 (the caller has looked)
    return {
        "execution_id": settlement.execution.execution_id,
        "fence": fence,
        "at_ms": check.at_ms,
        "is_answer": check.is_answer,
        "own_digits": due_key(0, task_id) or 0,
        "of_task": task_id,
    }


def _retry_row(each: Recovery) -> RetryRow:
    assert each.retry  # noqa: S101 (the caller has looked)
    lost = each.settlement.execution
    return {
        **node_rows.start_row(each.retry),
        "lost_execution_id": lost.execution_id,
        "lost_fence": lost.fence + 1,
    }


def _retire_row(settlement: Settlement, fence: int) -> RetireRow:
    """Return the row that ends the task of an execution, which has *fence* by then."""
    return {
        "execution_id": settlement.execution.execution_id,
        "fence": fence,
        "status": settlement.ends_task,
        "of_task": settlement.execution.task_id,
        "additions": settlement.additions,
        "task_type": settlement.execution.task_type,
        "at_ms": to_ms(settlement.completed_at),
    }
