"""Which statements claim a batch of occurrences, and which of them their answers say were won."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.moment import to_ms
from remembrancer.stores import rows
from remembrancer.stores.session import Row, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.task_store import Claim, Lease


def claim_statements(claims: Sequence[Claim], lease: Lease | None) -> list[Statement]:
    """Return the statements of one claim: what runs is leased, what will not run is terminal at once.

    Without *lease*, what runs is held already.
    """
    running, dropped = _split(claims)
    statements: list[Statement] = []
    if running:
        statements.append(Statement("claim_executions", [rows.claim_row(claim) for claim in running]))
        if lease:
            statements.append(hold(lease, running_of(claims)))
    if dropped:
        statements.append(Statement("record_outcomes", [rows.outcome_row(claim) for claim in dropped]))
    if ended := [{"execution_id": claim.execution.execution_id} for claim in claims if claim.ends_deferral]:
        statements.append(Statement("end_deferrals", ended))
    return statements


def won_claims(claims: Sequence[Claim], statements: Sequence[Statement], answers: Sequence[list[Row]]) -> list[Claim]:
    """Return the claims that were written."""
    won: list[Claim] = []
    for name, mine in zip(("claim_executions", "record_outcomes"), _split(claims), strict=True):
        won += [mine[row["row"]] for row in answer_to(name, statements, answers)]
    return won


def answer_to(name: str, statements: Sequence[Statement], answers: Sequence[list[Row]]) -> list[Row]:
    """Return the rows that answer the statement *name*; none if it was not among them."""
    for statement, answer in zip(statements, answers, strict=True):
        if statement.name == name:
            return answer
    return []


def fenced(execution: Execution, row: Row) -> Execution:
    """Return *execution* with the fence that its task had when it was written."""
    return execution.model_copy(update={"fence": row["fence"]})


def hold(lease: Lease, executions: Sequence[Execution]) -> Statement:
    """Return the statement that leases *executions*."""
    row: Row = {
        "lease_id": lease.lease_id,
        "replica_id": lease.replica_id,
        "until_ms": to_ms(lease.until),
        "execution_ids": [execution.execution_id for execution in executions],
    }
    return Statement("hold_leases", [row])


def let_go(lease_ids: Sequence[str]) -> Statement:
    """Return the statement that ends leases."""
    return Statement("release_leases", [{"lease_id": lease_id} for lease_id in lease_ids])


def running_of(claims: Sequence[Claim]) -> list[Execution]:
    """Return the executions of those claims that are to run."""
    return [claim.execution for claim in claims if claim.execution.status is ExecutionStatus.RUNNING]


def _split(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Tell what is to run from what is not."""
    running = [claim for claim in claims if claim.execution.status is ExecutionStatus.RUNNING]
    return running, [claim for claim in claims if claim.execution.status is not ExecutionStatus.RUNNING]
