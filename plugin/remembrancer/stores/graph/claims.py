"""Claim a batch of occurrences: which statements do it, and which of them their answers say were won."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from remembrancer.errors import ForeignConstraint, GraphBusy, GraphUnavailable
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken
from remembrancer.stores.graph.element_ids import with_element_ids
from remembrancer.stores.graph.lock_backoff import LockBackoff
from remembrancer.stores.rows import node_rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Claim, Lease
    from remembrancer.stores.graph.parts import GraphParts

_LOG: Final = logging.getLogger("remembrancer")
_IN_THE_WAY: Final = (GraphBusy, ForeignConstraint)
"""What refuses a whole batch because of some of its tasks."""
_PARTS: Final = 8
"""Into so many a refused batch is cut: it takes four steps to find one locked task among a thousand."""
_AT_A_TIME: Final = 4
_PARTING_SECONDS: Final = 3.0
"""For so long a batch is cut into parts; what is left then is left alone for a moment, as a whole."""


class ClaimWriter:
    """Takes occurrences for one replica: a batch in one commit, or one by one where one of them exists already.

    Where tasks are locked by others, or a constraint that is not ours is against them, the batch is cut until they
    are found; they are left alone for a while, and the others are taken.

    Args:
        parts: Of the open graph. It learns where the executions are that it claims.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._connection = parts.connection
        self._index = parts.index
        self._time_links = parts.time_links
        self._tasks = parts.tasks
        self._executions = parts.executions
        self._backoff = LockBackoff()

    async def claim(self, claims: Sequence[Claim], lease: Lease) -> list[Execution]:
        """Write the executions of those claims whose task still stands as read; return them."""
        fresh, refused = self._backoff.divide(claims)
        parts = [part for part in (fresh, *_cut(refused)) if part]
        if not parts:
            return []
        try:
            won = await (self._claim(parts[0], lease) if len(parts) == 1 else self._claim_apart(parts, lease))
        except UniqueKeyTaken:
            won = await self._claim_singly(parts[0], lease)
        except _IN_THE_WAY as error:
            if len(parts[0]) == 1 and self._backoff.knows(parts[0][0]):
                self._backoff.note(parts[0], error)
                return []
            won = await self._claim_apart(_cut(parts[0]), lease)
        if any(map(running_of, parts)) and not running_of(won):
            await self._connection.write([release_leases([lease.lease_id])])
        return [claim.execution for claim in won]

    async def _claim_apart(self, parts: Sequence[Sequence[Claim]], lease: Lease) -> list[Claim]:
        """Some of the tasks are in the way: hold all that is to run under the one lease, then claim part by part."""
        if running := running_of([claim for part in parts for claim in part]):
            await self._connection.write([acquire_leases(lease, running)])
        give_up_at = asyncio.get_running_loop().time() + _PARTING_SECONDS
        gate = asyncio.Semaphore(_AT_A_TIME)
        return await _gathered([self._claim_part(part, gate, give_up_at) for part in parts if part])

    async def _claim_part(self, claims: Sequence[Claim], gate: asyncio.Semaphore, give_up_at: float) -> list[Claim]:
        """Claim a part of a batch that is held already, in parts of its own where some of it is in the way."""
        try:
            async with gate:
                if asyncio.get_running_loop().time() > give_up_at:
                    self._backoff.keep(claims)
                    return []
                return await self._claim(claims, None)
        except UniqueKeyTaken:
            return await self._claim_each(claims)
        except _IN_THE_WAY as error:
            if len(claims) == 1:
                self._backoff.note(claims, error)
                return []
            return await _gathered([self._claim_part(part, gate, give_up_at) for part in _cut(claims)])

    async def _claim(self, claims: Sequence[Claim], lease: Lease | None) -> list[Claim]:
        """Write claims in one commit; return those that were won. Without *lease*, what runs is held already."""
        task_ids = [execution.task_id for execution in running_of(claims)]
        elements = await self._tasks.take(task_ids)
        statements = claim_statements(claims, elements, lease)
        try:
            answers = await self._index.arming([claim.next_run_ms for claim in claims], statements)
        except _IN_THE_WAY:
            for task_id, element_id in zip(task_ids, elements, strict=True):
                if element_id:
                    self._tasks.note(task_id, element_id)  # the next try asks where they are no more than this one
            raise
        self._backoff.forget(claims)
        won = won_claims(claims, statements, answers)
        for claim, row in zip(won, rows_of("claim_executions", statements, answers), strict=False):  # those that run
            self._executions.note(claim.execution.execution_id, row["element_id"])
        self._note_moves(won)
        return won

    async def _claim_singly(self, claims: Sequence[Claim], lease: Lease) -> list[Claim]:
        """One of the occurrences exists: hold all that is to run under the one lease, then claim one by one."""
        if running := running_of(claims):
            await self._connection.write([acquire_leases(lease, running)])
        return await self._claim_each(claims)

    async def _claim_each(self, claims: Sequence[Claim]) -> list[Claim]:
        """Claim one by one what is held already, and move on what stands at an occurrence that exists."""
        won: list[Claim] = []
        for claim in claims:
            try:
                won += await self._claim([claim], None)
            except UniqueKeyTaken:
                await self._step_over(claim)
            except _IN_THE_WAY as error:
                self._backoff.note([claim], error)
        return won

    async def _step_over(self, claim: Claim) -> None:
        """Move a task on that stands at an occurrence which exists: claimed again and again, it would never go on."""
        stepping = [Statement("step_over", [node_rows.claim_row(claim)])]
        (stepped,) = await self._index.arming([claim.next_run_ms], stepping)
        if stepped:
            self._note_moves([claim])
            _LOG.error(
                "Task %s stood at a moment that has its execution already (%s), and goes on behind it: "
                "it seems that a part of the graph was put back from a copy.",
                claim.execution.task_id,
                claim.execution.execution_id,
            )

    def _note_moves(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            if claim.next_run_ms is not None:
                self._time_links.note(claim.execution.task_id, claim.next_run_ms)


def claim_statements(claims: Sequence[Claim], elements: Sequence[str | None], lease: Lease | None) -> list[Statement]:
    """Return the statements of one claim: what runs is leased, what will not run is terminal at once.

    *elements* are of the tasks of what is to run. Without *lease*, what runs is held already.
    """
    running, dropped = _split(claims)
    statements: list[Statement] = []
    if running:
        claimed = with_element_ids([node_rows.claim_row(claim) for claim in running], elements)
        statements.append(Statement("claim_executions", claimed))
        if lease:
            statements.append(acquire_leases(lease, running_of(claims)))
    if dropped:
        statements.append(Statement("record_outcomes", [node_rows.outcome_row(claim) for claim in dropped]))
    if ended := [{"execution_id": claim.execution.execution_id} for claim in claims if claim.ends_deferral]:
        statements.append(Statement("end_deferrals", ended))
    return statements


def won_claims(claims: Sequence[Claim], statements: Sequence[Statement], answers: Sequence[list[Row]]) -> list[Claim]:
    """Return the claims that were written."""
    won: list[Claim] = []
    for name, mine in zip(("claim_executions", "record_outcomes"), _split(claims), strict=True):
        won += [mine[row["row"]] for row in rows_of(name, statements, answers)]
    return won


def rows_of(name: str, statements: Sequence[Statement], answers: Sequence[list[Row]]) -> list[Row]:
    """Return the rows that answer the statement *name*; none if it was not among them."""
    for statement, answer in zip(statements, answers, strict=True):
        if statement.name == name:
            return answer
    return []


def with_fence(execution: Execution, row: Row) -> Execution:
    """Return *execution* with the fence that its task had when it was written."""
    return execution.model_copy(update={"fence": row["fence"]})


def acquire_leases(lease: Lease, executions: Sequence[Execution]) -> Statement:
    """Return the statement that leases *executions*."""
    row: Row = {
        "lease_id": lease.lease_id,
        "replica_id": lease.replica_id,
        "until_ms": to_ms(lease.until),
        "execution_ids": [execution.execution_id for execution in executions],
    }
    return Statement("hold_leases", [row])


def release_leases(lease_ids: Sequence[str]) -> Statement:
    """Return the statement that ends leases."""
    return Statement("release_leases", [{"lease_id": lease_id} for lease_id in lease_ids])


def running_of(claims: Sequence[Claim]) -> list[Execution]:
    """Return the executions of those claims that are to run."""
    return [claim.execution for claim in claims if claim.execution.status is ExecutionStatus.RUNNING]


def _split(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Tell what is to run from what is not."""
    running = [claim for claim in claims if claim.execution.status is ExecutionStatus.RUNNING]
    return running, [claim for claim in claims if claim.execution.status is not ExecutionStatus.RUNNING]


def _cut(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """Cut a batch into parts of about the same size."""
    size = max(1, -(-len(claims) // _PARTS))
    return [claims[start : start + size] for start in range(0, len(claims), size)]


async def _gathered(parts: Sequence[Awaitable[list[Claim]]]) -> list[Claim]:
    """Return what the parts have won; raise what went wrong only if nothing was: what is won has to run."""
    ended = await asyncio.gather(*parts, return_exceptions=True)
    won = [claim for each in ended if not isinstance(each, BaseException) for claim in each]
    failed = next((each for each in ended if isinstance(each, BaseException)), None)
    if failed and not (won and isinstance(failed, GraphUnavailable)):
        raise failed
    return won
