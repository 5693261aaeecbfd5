"""Recovery of expired leases, in one write; in several, if another replica has recovered a part already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.stores.commits.statement import UniqueKeyTaken
from remembrancer.stores.graph.claims import acquire_leases, release_leases, rows_of, with_fence
from remembrancer.stores.graph.outcomes import recovery_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Lease, Recovery
    from remembrancer.stores.commits.connection import GraphConnection


async def recover(
    connection: GraphConnection, ended_leases: Sequence[str], lost: Sequence[Recovery], lease: Lease, written: set[str]
) -> Sequence[Execution]:
    """Fail each lost execution and start its retry where one is given; return the retries started.

    Those that were not settled in between, by their holder or by another replica, are added to *written*.
    """
    retries = [each.retry for each in lost if each.retry]
    try:
        started = await _write(connection, ended_leases, lost, lease if retries else None, written)
    except UniqueKeyTaken:
        started = await _singly(connection, ended_leases, lost, lease, written)
    if retries and not started:
        await connection.write([release_leases([lease.lease_id])])
    return started


async def _write(
    connection: GraphConnection,
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
    answers = await connection.write(statements)
    for row in rows_of("fail_lost_executions", statements, answers):
        written.add(lost[int(row["row"])].settlement.execution.execution_id)
    started = rows_of("retry_executions", statements, answers)
    return [with_fence(retries[int(row["row"])], row) for row in started]


async def _singly(
    connection: GraphConnection, ended_leases: Sequence[str], lost: Sequence[Recovery], lease: Lease, written: set[str]
) -> list[Execution]:
    """Recover one by one, since one of the retries exists already: that one without a retry; end the leases last."""
    await connection.write([acquire_leases(lease, [each.retry for each in lost if each.retry])])
    started: list[Execution] = []
    for each in lost:
        try:
            started += await _write(connection, [], [each], None, written)
        except UniqueKeyTaken:
            await _write(connection, [], [replace(each, retry=None)], None, written)
    if ended_leases:
        await connection.write([release_leases(ended_leases)])
    return started
