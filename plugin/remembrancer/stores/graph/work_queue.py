"""The work queue over a graph: due tasks, claims, leases, outcomes, recovery."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphBusy
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.writes import ExpiredLease
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.graph.claims import ClaimWriter
from remembrancer.stores.graph.lease_recovery import recover
from remembrancer.stores.graph.quarantine import fail_unreadable, quarantine_all
from remembrancer.stores.graph.settlements import Settlements
from remembrancer.stores.graph.task_changes import start_now
from remembrancer.stores.rows import node_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from remembrancer.model.dead_letter import DeadLetter
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change, Claim, Draw, Lease, Recovery, Settlement
    from remembrancer.stores.commits.row_types.executions import RenewalRow
    from remembrancer.stores.graph.parts import GraphParts

_LOOKS: Final = 5


class GraphWorkQueue:
    """The work queue of one graph. The contract and its laws: `remembrancer.ports.work_queue.WorkQueue`.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._parts = parts
        self._connection = parts.connection
        self._records = parts.records
        self._claims = ClaimWriter(parts)
        self._settlements = Settlements(parts)
        self.on_armed = parts.index.on_armed
        self.lost: set[str] = set()

    async def due(
        self,
        now: datetime,
        limit: int,
        after: ScheduledTask | None = None,
        shards: Collection[int] | None = None,
        *,
        without_priority: bool = False,
    ) -> Sequence[ScheduledTask]:
        """Return armed tasks due at *now*, oldest first; a task that cannot be read is logged and quarantined."""
        tasks: list[ScheduledTask] = []
        for _ in range(_LOOKS):  # a page of unreadable records must not hide the one that follows
            nodes = await self._parts.index.due(to_ms(now), limit, after, shards, without_priority=without_priority)
            tasks, unreadable = self._records.sort("task_id", self._due_task, nodes)
            try:
                await quarantine_all(self._connection, unreadable, to_ms(now))
            except GraphBusy:
                break  # locked by another write: the next read finds it again
            if tasks or not unreadable:
                break
        if not self._parts.priorities.any:
            self._parts.priorities.note(tasks)
        return tasks

    async def next_run_at(self, shards: Collection[int] | None = None) -> datetime | None:
        """Return the earliest time for which any task, or any task of *shards*, is armed."""
        return None if (next_run_ms := await self._parts.index.next_run_ms(shards)) is None else from_ms(next_run_ms)

    async def claim(self, claims: Sequence[Claim], lease: Lease) -> Sequence[Execution]:
        """Write the executions of those claims whose task is still as it was read; return them."""
        return await self._claims.claim(claims, lease)

    async def start_now(
        self,
        execution: Execution,
        lease: Lease,
        change: Change,
        letter: DeadLetter | None = None,
        *,
        force: bool = False,
        draw: Draw | None = None,
    ) -> Execution | None:
        """Write a running execution outside the schedule."""
        return await start_now(self._parts, execution, lease, change, letter, force=force, draw=draw)

    async def renew(self, lease_ids: Sequence[str], until: datetime) -> None:
        """Extend the leases to *until*."""
        renewed: list[RenewalRow] = [{"lease_id": lease_id, "until_ms": to_ms(until)} for lease_id in lease_ids]
        await self._connection.write([Statement("renew_leases", renewed)])

    async def settle(self, settlements: Sequence[Settlement], ended_leases: Sequence[str] = ()) -> Sequence[bool]:
        """Write each outcome whose execution still runs under the same fence; return which were written."""
        return await self._settlements.settle(settlements, ended_leases)

    async def expired_leases(self, now: datetime, mine: str) -> Sequence[ExpiredLease]:
        """Return the leases that have expired, with those of their executions that still run."""
        self.lost.clear()
        expired: list[ExpiredLease] = []
        others = self._connection.exclusive
        for ended_leases in await self._read("expired_leases", {"now_ms": to_ms(now), "others": others, "mine": mine}):
            nodes = [
                row["e"] for row in await self._read("still_running", {"execution_ids": ended_leases["execution_ids"]})
            ]
            executions, unreadable = self._records.sort("execution_id", node_rows.execution_from, nodes)
            with suppress(GraphBusy):  # as in `due`
                await fail_unreadable(self._connection, unreadable, to_ms(now))
            if ended_leases["lease_id"]:
                expired.append(ExpiredLease(ended_leases["lease_id"], executions))
        return expired

    async def recover(self, ended_leases: Sequence[str], lost: Sequence[Recovery], lease: Lease) -> Sequence[Execution]:
        """Fail each lost execution and start its retry where one is given; return the retries that were started."""
        return await recover(self._parts, ended_leases, lost, lease, self.lost)

    async def _read(self, name: str, parameters: Row) -> list[Row]:
        return await self._connection.read(query(name), parameters)

    def _due_task(self, node: Row) -> ScheduledTask:
        """Read a task from its node, and remember where the node is."""
        task = node_rows.task_from(node)
        if task.next_run_ms is None:
            raise ValueError("It is in the due index, but has no next_run_ms.")
        self._parts.tasks.record(task.task_id, node["element_id"])
        return task
