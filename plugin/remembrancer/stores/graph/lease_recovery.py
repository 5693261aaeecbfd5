"""Take over what a dead replica left, in one write; where another replica was faster with a part, in several."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.stores.commits.statement import UniqueKeyTaken
from remembrancer.stores.graph.claims import answer_to, fenced, hold, let_go
from remembrancer.stores.graph.outcomes import take_over_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.recovery import TakeOver
    from remembrancer.ports.writes import Lease
    from remembrancer.stores.commits.connection import Session


async def take_over(
    session: Session, over: Sequence[str], lost: Sequence[TakeOver], lease: Lease, written: set[str]
) -> Sequence[Execution]:
    """Fail each lost execution and start its retry where one is given; return the retries started.

    Those that were not settled meanwhile, by their holder or by another replica, are added to *written*.
    """
    retries = [each.retry for each in lost if each.retry]
    try:
        started = await _write(session, over, lost, lease if retries else None, written)
    except UniqueKeyTaken:
        started = await _singly(session, over, lost, lease, written)
    if retries and not started:
        await session.write([let_go([lease.lease_id])])
    return started


async def _write(
    session: Session, over: Sequence[str], lost: Sequence[TakeOver], lease: Lease | None, written: set[str]
) -> list[Execution]:
    """Write it all in one commit; without *lease*, the retries are held already."""
    retries = [each.retry for each in lost if each.retry]
    statements = take_over_statements(over, lost)
    if lease:
        statements.append(hold(lease, retries))
    answers = await session.write(statements)
    for row in answer_to("lose_executions", statements, answers):
        written.add(lost[int(row["row"])].settlement.execution.execution_id)
    started = answer_to("retry_executions", statements, answers)
    return [fenced(retries[int(row["row"])], row) for row in started]


async def _singly(
    session: Session, over: Sequence[str], lost: Sequence[TakeOver], lease: Lease, written: set[str]
) -> list[Execution]:
    """One of the retries exists already: take over one by one, that one without a retry, and end the leases last."""
    await session.write([hold(lease, [each.retry for each in lost if each.retry])])
    started: list[Execution] = []
    for each in lost:
        try:
            started += await _write(session, [], [each], None, written)
        except UniqueKeyTaken:
            await _write(session, [], [replace(each, retry=None)], None, written)
    if over:
        await session.write([let_go(over)])
    return started
