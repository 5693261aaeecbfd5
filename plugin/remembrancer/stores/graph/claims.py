"""Claims of occurrences: their statements, and the claims that the answers show to be won."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from remembrancer.errors import ForeignConstraint, GraphBusy, GraphUnavailable
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken, rows_of
from remembrancer.stores.graph.element_ids import with_element_ids
from remembrancer.stores.graph.lock_backoff import LockBackoff
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.budget_rows import reserving
from remembrancer.stores.rows.follow_up_rows import following_up
from remembrancer.stores.rows.lease_rows import acquire_leases, release_leases
from remembrancer.stores.rows.priority_rows import note_changes, noting
from remembrancer.stores.rows.slot_rows import limited_claims, note_refusals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Claim, Lease
    from remembrancer.stores.graph.parts import GraphParts

_LOG: Final = logging.getLogger("remembrancer")
_CLAIMING: Final = ("claim_executions", "claim_limited", "record_outcomes")
"""The statements whose answers say which claims were won, in the order of `_split`."""
_REFUSALS: Final = (GraphBusy, ForeignConstraint)
"""The errors that refuse a whole batch because of some of its tasks."""
_PARTS: Final = 8
"""The number of parts into which a refused batch is cut: four cuts find one locked task among a thousand."""
_AT_A_TIME: Final = 4
_CUTTING_SECONDS: Final = 3.0
"""The time for which a batch is cut into parts; the rest is then left alone for half a second, as a whole."""


class ClaimWriter:
    """Claims occurrences for one replica: a batch in one commit, or one by one if one of them exists already.

    If other transactions lock some tasks, or a foreign constraint rejects them, the batch is cut until these tasks are
    found. They are left alone for a while, and the others are claimed.

    Args:
        parts: Of the open graph; the places of new executions are remembered there.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._connection = parts.connection
        self._index = parts.index
        self._time_links = parts.time_links
        self._tasks = parts.tasks
        self._executions = parts.executions
        self._backoff = LockBackoff()
        self._refused = parts.slots.refused
        self._priorities = parts.priorities

    async def claim(self, claims: Sequence[Claim], lease: Lease) -> list[Execution]:
        """Write the executions of those claims whose task is still as it was read; return them."""
        fresh, refused = self._backoff.divide(claims)
        parts = [part for part in (fresh, *_cut(refused)) if part]
        if not parts:
            return []
        try:
            won = await (self._claim(parts[0], lease) if len(parts) == 1 else self._claim_apart(parts, lease))
        except UniqueKeyTaken:
            won = await self._claim_singly(parts[0], lease)
        except _REFUSALS as error:
            if len(parts[0]) == 1 and self._backoff.knows(parts[0][0]):
                self._backoff.record(parts[0], error)
                return []
            won = await self._claim_apart(_cut(parts[0]), lease)
        if any(map(running_of, parts)) and not running_of(won):
            await self._connection.write([release_leases([lease.lease_id])])
        return [claim.execution for claim in won]

    async def _claim_apart(self, parts: Sequence[Sequence[Claim]], lease: Lease) -> list[Claim]:
        """Lease all that is to run, then claim part by part, since some tasks of the batch refuse it."""
        if running := running_of([claim for part in parts for claim in part]):
            await self._connection.write([acquire_leases(lease, running)])
        give_up_at = asyncio.get_running_loop().time() + _CUTTING_SECONDS
        gate = asyncio.Semaphore(_AT_A_TIME)
        return await _gather([self._claim_part(part, gate, give_up_at) for part in parts if part])

    async def _claim_part(self, claims: Sequence[Claim], gate: asyncio.Semaphore, give_up_at: float) -> list[Claim]:
        """Claim a part of a batch that is leased already, cut again if some of its tasks refuse it."""
        try:
            async with gate:
                if asyncio.get_running_loop().time() > give_up_at:
                    self._backoff.keep(claims)
                    return []
                return await self._claim(claims, None)
        except UniqueKeyTaken:
            return await self._claim_each(claims)
        except _REFUSALS as error:
            if len(claims) == 1:
                self._backoff.record(claims, error)
                return []
            return await _gather([self._claim_part(part, gate, give_up_at) for part in _cut(claims)])

    async def _claim(self, claims: Sequence[Claim], lease: Lease | None) -> list[Claim]:
        """Write claims in one commit; return those that were won. Without *lease*, what runs is leased already."""
        free, limited, _ = _split(claims)
        task_ids = [claim.execution.task_id for claim in (*free, *limited)]
        element_ids = await self._tasks.take(task_ids)
        statements = claim_statements(claims, element_ids, lease)
        made = [claim.follow_up.task for claim in claims if claim.follow_up is not None]
        times = [*(claim.next_run_ms for claim in claims), *(task.next_run_ms for task in made)]
        try:
            answers = await self._index.write_armed(times, statements)
        except _REFUSALS:
            for task_id, element_id in zip(task_ids, element_ids, strict=True):
                if element_id:
                    self._tasks.record(task_id, element_id)  # so that the next try need not look them up
            raise
        self._backoff.forget(claims)
        won = won_claims(claims, statements, answers)
        began = [row for name in _CLAIMING[:2] for row in rows_of(name, statements, answers)]
        for claim, row in zip(won, began, strict=False):  # the running ones come first
            self._executions.record(claim.execution.execution_id, row["element_id"])
        if limited and len(won) < len(claims):
            note_refusals(self._refused, statements, answers)
        note_changes(self._priorities, statements, answers)
        self._note_moves(won)
        if made:
            self._priorities.note(made)
        return won

    async def _claim_singly(self, claims: Sequence[Claim], lease: Lease) -> list[Claim]:
        """Lease all that is to run, then claim one by one, since one of the occurrences exists already."""
        if running := running_of(claims):
            await self._connection.write([acquire_leases(lease, running)])
        return await self._claim_each(claims)

    async def _claim_each(self, claims: Sequence[Claim]) -> list[Claim]:
        """Claim leased executions one by one; advance each task past an occurrence that exists."""
        won: list[Claim] = []
        for claim in claims:
            try:
                won += await self._claim([claim], None)
            except UniqueKeyTaken:
                await self._advance_past_existing(claim)
            except _REFUSALS as error:
                self._backoff.record([claim], error)
        return won

    async def _advance_past_existing(self, claim: Claim) -> None:
        """Advance a task past an occurrence that has an execution already: its claims would always be refused."""
        stepping = [Statement("advance_past_existing", [node_rows.claim_row(claim)])]
        (stepped,) = await self._index.write_armed([claim.next_run_ms], stepping)
        if stepped:
            self._note_moves([claim])
            _LOG.error(
                "Task %s was due at an occurrence that already has an execution (%s); skipping it. "
                "The graph may have been partially restored from a backup.",
                claim.execution.task_id,
                claim.execution.execution_id,
            )

    def _note_moves(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            if claim.next_run_ms is not None:
                self._time_links.record(claim.execution.task_id, claim.next_run_ms)


def claim_statements(
    claims: Sequence[Claim], element_ids: Sequence[str | None], lease: Lease | None
) -> list[Statement]:
    """Return the statements of one batch: what runs is leased, what will not run is terminal at once.

    *element_ids* are the element ids of the tasks that run. Without *lease*, what runs is leased already.
    """
    free, limited, dropped = _split(claims)
    statements: list[Statement] = []
    returned: list[Statement] = []
    if limited:  # the locks of limits come first in every write
        *taken, back = limited_claims(limited, element_ids[len(free) :])
        statements += taken
        returned.append(back)
    if free:
        claimed = with_element_ids([node_rows.claim_row(claim) for claim in free], element_ids[: len(free)])
        statements.append(Statement("claim_executions", claimed))
    if lease and (free or limited):
        statements.append(acquire_leases(lease, running_of(claims)))
    if dropped:
        statements.append(Statement("record_outcomes", [node_rows.outcome_row(claim) for claim in dropped]))
        statements += following_up(dropped)
    if ended := [{"execution_id": claim.execution.execution_id} for claim in claims if claim.ends_deferral]:
        statements.append(Statement("end_deferrals", ended))
    if ending := [claim.execution.task_id for claim in dropped if _may_free_others(claim)]:
        statements.append(noting(ending, to_ms(dropped[0].execution.triggered_at)))
    if added := [node_rows.cause_row(claim.execution) for claim in claims if claim.execution.cause is not None]:
        statements.append(Statement("record_causes", added))
    return [*reserving(claims, statements), *returned]


def won_claims(claims: Sequence[Claim], statements: Sequence[Statement], answers: Sequence[list[Row]]) -> list[Claim]:
    """Return the claims that were written, the running ones first, those under limits last of them."""
    won: list[Claim] = []
    for name, mine in zip(_CLAIMING, _split(claims), strict=True):
        won += [mine[row["row"]] for row in rows_of(name, statements, answers)]
    return won


def running_of(claims: Sequence[Claim]) -> list[Execution]:
    """Return the executions of those claims that are to run."""
    return [claim.execution for claim in claims if claim.execution.status is ExecutionStatus.RUNNING]


def _may_free_others(claim: Claim) -> bool:
    """Return whether a claim ends a task that depends on others."""
    return claim.task_status not in OPEN_STATUSES and claim.gains is not None and "joined_ms" in claim.gains


def _split(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim], list[Claim]]:
    """Return the claims of executions that run, of those that run under limits, and all others."""
    running = [claim for claim in claims if claim.execution.status is ExecutionStatus.RUNNING]
    others = [claim for claim in claims if claim.execution.status is not ExecutionStatus.RUNNING]
    limited = [claim for claim in running if claim.execution.limit_keys is not None]
    if not limited:
        return running, limited, others
    return [claim for claim in running if claim.execution.limit_keys is None], limited, others


def _cut(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """Cut a batch into parts of about the same size."""
    size = max(1, -(-len(claims) // _PARTS))
    return [claims[start : start + size] for start in range(0, len(claims), size)]


async def _gather(parts: Sequence[Awaitable[list[Claim]]]) -> list[Claim]:
    """Return the claims that the parts have won; raise an error only if they won none, since won claims must run."""
    ended = await asyncio.gather(*parts, return_exceptions=True)
    won = [claim for each in ended if not isinstance(each, BaseException) for claim in each]
    failed = next((each for each in ended if isinstance(each, BaseException)), None)
    if failed and not (won and isinstance(failed, GraphUnavailable)):
        raise failed
    return won
