"""Claim a batch of occurrences: which statements do it, and which of them their answers say were won."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.moment import to_ms
from remembrancer.stores import rows
from remembrancer.stores.elements import placed
from remembrancer.stores.session import Row, Statement, UniqueKeyTaken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.task_store import Claim, Lease
    from remembrancer.stores.elements import Elements
    from remembrancer.stores.looking import DueIndex
    from remembrancer.stores.moved import Moved
    from remembrancer.stores.session import Session

_LOG: Final = logging.getLogger("remembrancer")


class Claiming:
    """Takes occurrences for one replica: a batch in one commit, or one by one where one of them exists already.

    Args:
        session: An open graph.
        index: Its armed tasks.
        moved: Remembers which tasks have moved on.
        tasks: Where tasks are.
        executions: Where executions are, of which it learns here.
    """

    def __init__(self, session: Session, index: DueIndex, moved: Moved, tasks: Elements, executions: Elements) -> None:
        self._session = session
        self._index = index
        self._moved = moved
        self._tasks = tasks
        self._executions = executions

    async def claim(self, claims: Sequence[Claim], lease: Lease) -> list[Execution]:
        """Write the executions of those claims whose task still stands as read; return them."""
        try:
            won = await self._claim(claims, lease)
        except UniqueKeyTaken:
            won = await self._claim_singly(claims, lease)
        if running_of(claims) and not running_of(won):
            await self._session.write([let_go([lease.lease_id])])
        return [claim.execution for claim in won]

    async def _claim(self, claims: Sequence[Claim], lease: Lease | None) -> list[Claim]:
        """Write claims in one commit; return those that were won. Without *lease*, what runs is held already."""
        elements = await self._tasks.take([execution.task_id for execution in running_of(claims)])
        statements = claim_statements(claims, elements, lease)
        answers = await self._index.arming([claim.next_run_ms for claim in claims], statements)
        won = won_claims(claims, statements, answers)
        for claim, row in zip(won, answer_to("claim_executions", statements, answers), strict=False):  # those that run
            self._executions.note(claim.execution.execution_id, row["element_id"])
        self._note_moved(won)
        return won

    async def _claim_singly(self, claims: Sequence[Claim], lease: Lease) -> list[Claim]:
        """One of the occurrences exists: hold all that is to run under the one lease, then claim one by one."""
        won: list[Claim] = []
        if running := running_of(claims):
            await self._session.write([hold(lease, running)])
        for claim in claims:
            try:
                won += await self._claim([claim], None)
            except UniqueKeyTaken:
                await self._step_over(claim)
        return won

    async def _step_over(self, claim: Claim) -> None:
        """Move a task on that stands at an occurrence which exists: claimed again and again, it would never go on."""
        stepping = [Statement("step_over", [rows.claim_row(claim)])]
        (stepped,) = await self._index.arming([claim.next_run_ms], stepping)
        if stepped:
            self._note_moved([claim])
            _LOG.error(
                "Task %s stood at a moment that has its execution already (%s), and goes on behind it: "
                "it seems that a part of the graph was put back from a copy.",
                claim.execution.task_id,
                claim.execution.execution_id,
            )

    def _note_moved(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            if claim.next_run_ms is not None:
                self._moved.note(claim.execution.task_id, claim.next_run_ms)


def claim_statements(claims: Sequence[Claim], elements: Sequence[str | None], lease: Lease | None) -> list[Statement]:
    """Return the statements of one claim: what runs is leased, what will not run is terminal at once.

    *elements* are of the tasks of what is to run. Without *lease*, what runs is held already.
    """
    running, dropped = _split(claims)
    statements: list[Statement] = []
    if running:
        claimed = placed([rows.claim_row(claim) for claim in running], elements)
        statements.append(Statement("claim_executions", claimed))
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
