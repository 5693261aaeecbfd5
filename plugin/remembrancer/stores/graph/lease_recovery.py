"""Recovery of expired leases, in one write; in several, if another replica has recovered a part already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.ports.writes import Recovery
from remembrancer.stores.commits.statement import UniqueKeyTaken, rows_of
from remembrancer.stores.graph.outcomes import recovery_statements
from remembrancer.stores.rows.lease_rows import acquire_leases, release_leases, with_fence
from remembrancer.stores.rows.priority_rows import note_changes
from remembrancer.stores.rows.slot_rows import freed_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Lease, Settlement
    from remembrancer.stores.graph.parts import GraphParts


async def recover(
    parts: GraphParts, ended_leases: Sequence[str], lost: Sequence[Recovery], lease: Lease, written: set[str]
) -> Sequence[Execution]:
    """Fail each lost execution and start its retry where one is given; return the retries started.

    Those that were not settled in between, by their holder or by another replica, are added to *written*.
    """
    retries = [each.retry for each in lost if each.retry]
    held = () if any(each.draw for each in lost) else ended_leases
    try:
        started = await _write(parts, held, lost, lease if retries else None, written)
    except UniqueKeyTaken:
        started = await _singly(parts, held, lost, lease, written)
    if held is not ended_leases:
        await _write(parts, ended_leases, _not_admitted(lost, started), None, written)
    if retries and not started:
        await parts.connection.write([release_leases([lease.lease_id])])
    return started


async def _write(
    parts: GraphParts,
    ended_leases: Sequence[str],
    lost: Sequence[Recovery],
    lease: Lease | None,
    written: set[str],
) -> list[Execution]:
    """Write all of it in one commit; without *lease*, the retries are leased already."""
    retries = [each.retry for each in lost if each.retry]
    statements = recovery_statements(ended_leases, lost)
    if lease:
        statements.append(acquire_leases(lease, retries))
    answers = await parts.index.write_armed([_armed_ms(each) for each in lost], statements)
    for row in rows_of("fail_lost_executions", statements, answers):
        written.add(lost[int(row["row"])].settlement.execution.execution_id)
    note_changes(parts.priorities, statements, answers)
    parts.slots.tell(freed_keys(statements, answers))
    started = rows_of("retry_executions", statements, answers)
    return [with_fence(retries[int(row["row"])], row) for row in started]


async def _singly(
    parts: GraphParts, ended_leases: Sequence[str], lost: Sequence[Recovery], lease: Lease, written: set[str]
) -> list[Execution]:
    """Recover one by one, since one of the retries exists already: that one without a retry; end the leases last."""
    await parts.connection.write([acquire_leases(lease, [each.retry for each in lost if each.retry])])
    started: list[Execution] = []
    for each in lost:
        try:
            started += await _write(parts, [], [each], None, written)
        except UniqueKeyTaken:
            await _write(parts, [], [replace(each, retry=None)], None, written)
    if ended_leases:
        await parts.connection.write([release_leases(ended_leases)])
    return started


def _armed_ms(each: Recovery) -> int | None:
    """Return the time for which the end of a lost execution arms its task; None if it does not."""
    return None if each.settlement.next_check is None else each.settlement.next_check.at_ms


def _not_admitted(lost: Sequence[Recovery], started: Sequence[Execution]) -> list[Recovery]:
    """Return how those executions are settled for whose further attempts the budgets have nothing left.

    The refusal has moved their fences, so that nothing of them was written before.
    """
    begun = {each.execution_id for each in started}
    return [
        Recovery(_refenced(each.without_retry), None)
        for each in lost
        if each.retry is not None and each.without_retry is not None and each.retry.execution_id not in begun
    ]


def _refenced(settlement: Settlement) -> Settlement:
    fence = settlement.execution.fence + 2
    return replace(settlement, execution=settlement.execution.model_copy(update={"fence": fence}))
