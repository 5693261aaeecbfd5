"""The task store over a graph: it speaks the query catalogue, through any session."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.errors import DuplicateTask, GraphBusy, GraphUnavailable, OutcomeUnknown, TaskNotFound, TaskUnreadable
from remembrancer.model.query_limits import QueryLimits
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.recovery import ExpiredLease
from remembrancer.ports.statistics import LIFELONG
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken
from remembrancer.stores.cypher.read_only import refuse_powers
from remembrancer.stores.graph.armed_times import GraphArmedTimes
from remembrancer.stores.graph.claims import ClaimWriter, rows_of
from remembrancer.stores.graph.due_index import DueIndex
from remembrancer.stores.graph.element_ids import ElementIdCache
from remembrancer.stores.graph.execution_list import ExecutionList
from remembrancer.stores.graph.health import GraphHealthProbe
from remembrancer.stores.graph.lease_recovery import recover
from remembrancer.stores.graph.outcomes import deferral_statements, unserved_statements
from remembrancer.stores.graph.quarantine import fail_unreadable, quarantine, quarantine_all
from remembrancer.stores.graph.settlements import Settlements
from remembrancer.stores.graph.task_changes import cancel, start_now
from remembrancer.stores.graph.task_list import TaskList
from remembrancer.stores.graph.time_links import PendingTimeLinks
from remembrancer.stores.named_queries import named_queries
from remembrancer.stores.records.audit_log import GraphAuditLog
from remembrancer.stores.records.event_log import GraphEventLog
from remembrancer.stores.records.idempotency import GraphIdempotencyStore, rejecting_reuse
from remembrancer.stores.records.replicas import GraphReplicaRegistry
from remembrancer.stores.records.retention import GraphRetention
from remembrancer.stores.records.statistics import GraphStatistics
from remembrancer.stores.records.tokens import GraphTokenStore
from remembrancer.stores.rows import audit_rows, node_rows
from remembrancer.stores.rows.readable_records import FAULTS, ReadableRecords
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.execution import Execution
    from remembrancer.model.request import IdempotencyKey
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import ArmedTimes
    from remembrancer.ports.filters import TaskFilter
    from remembrancer.ports.recovery import Recovery
    from remembrancer.ports.retention import ExecutionRetention
    from remembrancer.ports.writes import Change, Claim, Lease, Reschedule, Settlement
    from remembrancer.stores.commits.connection import GraphConnection

_BULK: Final = 1000
_TIDY_SECONDS: Final = 2.0  # closing is not held up by what can be missing
_KEYS_OF_A_REQUEST: Final = (None, "dedup_key", "request_key")
"""What a new task may share with one that is kept; None where the engine does not tell."""
_LOOKS: Final = 5


class GraphStore:
    """The tasks of one memory graph. The contract and its laws: `remembrancer.ports.task_store.TaskStore`.

    Args:
        session: An open graph.
        floor_lifetime_ms: How long a moment armed by others may stay unseen; none if the graph is shared.
        limits: Of a user's query.
    """

    def __init__(self, session: GraphConnection, floor_lifetime_ms: int, limits: QueryLimits | None = None) -> None:
        self._limits = limits or QueryLimits()
        self._session = session
        self._index = DueIndex(session, floor_lifetime_ms)
        self._records = ReadableRecords()
        self._list = TaskList(session, self._index, self._records)
        self._moved = PendingTimeLinks()
        self._tasks = ElementIdCache(session, "task_elements")
        self._executions = ElementIdCache(session, "execution_elements")
        self._claiming = ClaimWriter(session, self._index, self._moved, self._tasks, self._executions)
        self._settlements = Settlements(session, self._index, self._moved, self._executions)
        self._before: dict[str, float] = {}
        self.lost: set[str] = set()
        self.accounts = GraphStatistics(session, self._records)
        self.tokens = GraphTokenStore(session, self._records)
        self._history = ExecutionList(session, self._records)
        self.events = GraphEventLog(session, self._records)
        self.trail = GraphAuditLog(session, self._records)
        self.requests = GraphIdempotencyStore(session)
        self.named_queries = named_queries()
        self._schedules = GraphArmedTimes(session, self._index, self._moved, self._records)
        self.schedules: ArmedTimes = self._schedules
        self.soundings = GraphHealthProbe(session, self._index, self._records)
        self.on_armed = self._index.on_armed
        self.on_unreadable = self._records.listeners
        session.on_write.append(self._on_write)
        self.exclusive = session.exclusive
        self.commits = session.commits
        self.roll = GraphReplicaRegistry(session)
        self.past: ExecutionRetention = GraphRetention(session, self._records)

    async def create(
        self, tasks: Sequence[ScheduledTask], *, first: Deferral | None = None, mark: IdempotencyKey | None = None
    ) -> None:
        """Keep new tasks; all or none."""
        statements = [Statement("create_tasks", [node_rows.task_row(task, mark) for task in tasks])]
        if first:
            statements += deferral_statements(first)
        zones = self._schedules.begin_zones(tasks)
        try:
            await self._index.arming([task.next_run_ms for task in tasks], [*statements, *zones])
        except UniqueKeyTaken as taken:
            if not (keys := sorted(filter(None, (task.dedup_key for task in tasks)))) or (
                taken.property_name not in _KEYS_OF_A_REQUEST
            ):
                raise GraphUnavailable(f"An id of the task is taken already, and nothing was kept: {taken}") from taken
            raise DuplicateTask(", ".join(keys)) from taken
        except OutcomeUnknown as unknown:
            raise OutcomeUnknown(str(unknown), [task.task_id for task in tasks]) from unknown
        self._schedules.have_begun(zones)

    async def get(self, task_id: str) -> ScheduledTask:
        """Return the task with its deferral history. Raises TaskNotFound."""
        if task := await self._one("task_by_id", {"task_id": task_id}):
            return task
        raise TaskNotFound(task_id)

    async def find(self, wanted: TaskFilter) -> Sequence[ScheduledTask]:
        """Return tasks, the next to run first, those with nothing ahead last."""
        return await self._list.find(wanted)

    async def find_by_dedup_key(self, dedup_key: str) -> ScheduledTask | None:
        """Return the task kept under *dedup_key*, open or ended."""
        return await self._one("task_by_dedup_key", {"dedup_key": dedup_key})

    async def find_reactivation(self, deferred_task_id: str) -> ScheduledTask | None:
        """Return the open task that will bring back the agent's own task."""
        return await self._one("reactivation_of", {"deferred_task_id": deferred_task_id})

    async def due(
        self, now: datetime, limit: int, after: ScheduledTask | None = None, shares: Collection[int] | None = None
    ) -> Sequence[ScheduledTask]:
        """Return armed tasks due at *now*, oldest first; one that cannot be read is quarantined, loudly."""
        tasks: list[ScheduledTask] = []
        for _ in range(_LOOKS):  # a page of records that cannot be read hides none that follows
            nodes = await self._index.due(to_ms(now), limit, after, shares)
            tasks, unreadable = self._records.sort("task_id", self._due_task, nodes)
            try:
                await quarantine_all(self._session, unreadable, to_ms(now))
            except GraphBusy:
                break  # locked by another write: the next look finds it again
            if tasks or not unreadable:
                break
        return tasks

    async def next_run_at(self, shares: Collection[int] | None = None) -> datetime | None:
        """Return the earliest moment any task, or any of *shares*, is armed for."""
        return None if (moment := await self._index.next_run_ms(shares)) is None else from_ms(moment)

    async def claim(self, claims: Sequence[Claim], lease: Lease) -> Sequence[Execution]:
        """Write the executions of those claims whose task still stands as read; return them."""
        return await self._claiming.claim(claims, lease)

    async def start_now(self, execution: Execution, lease: Lease, change: Change) -> Execution | None:
        """Write a running execution of an open task outside the schedule."""
        return await start_now(self._session, execution, lease, change)

    async def renew(self, lease_ids: Sequence[str], until: datetime) -> None:
        """Let the leases hold until *until*."""
        renewed: list[Row] = [{"lease_id": lease_id, "until_ms": to_ms(until)} for lease_id in lease_ids]
        await self._session.write([Statement("renew_leases", renewed)])

    async def settle(self, settlements: Sequence[Settlement], over: Sequence[str] = ()) -> Sequence[bool]:
        """Write each outcome whose execution still runs under the same fence; say of each whether it was written."""
        return await self._settlements.settle(settlements, over)

    async def abandoned(self, now: datetime, mine: str) -> Sequence[ExpiredLease]:
        """Return the leases that are over, with those of their executions that still run."""
        self.lost.clear()
        abandoned: list[ExpiredLease] = []
        for over in await self._read("leases_over", {"now_ms": to_ms(now), "others": self.exclusive, "mine": mine}):
            asked: Row = {"execution_ids": over["execution_ids"]}
            nodes = [row["e"] for row in await self._read("still_running", asked)]
            executions, unreadable = self._records.sort("execution_id", node_rows.execution_from, nodes)
            with suppress(GraphBusy):  # as in `due`
                await fail_unreadable(self._session, unreadable, to_ms(now))
            if over["lease_id"]:
                abandoned.append(ExpiredLease(over["lease_id"], executions))
        return abandoned

    async def take_over(self, over: Sequence[str], lost: Sequence[Recovery], lease: Lease) -> Sequence[Execution]:
        """Fail each lost execution and start its retry where one is given; return the retries started."""
        return await recover(self._session, over, lost, lease, self.lost)

    async def quarantine(self, task_id: str, fault: str, now: datetime) -> None:
        """Disarm a task that cannot be read or planned, as FAILED, with the fault in its audit trail."""
        for row in await self._read("task_by_id", {"task_id": task_id}):
            await quarantine(self._session, row["t"], fault, to_ms(now))

    async def cancel(self, task_id: str, change: Change, unserved: Claim | None = None) -> bool:
        """End an open task, together with what *unserved* accounts for; say whether this call ended it."""
        return await cancel(self._session, task_id, change, unserved)

    async def defer(self, task_id: str, expected_next_run_ms: int | None, rearm: Reschedule, change: Change) -> bool:
        """Write the deferral and move the next run, if the task still stands as read; say whether it did."""
        changed = audit_rows.change_row(task_id, change, rearm.unserved)
        row: Row = {**node_rows.rearm_row(rearm), **changed, "expected_ms": expected_next_run_ms}
        statements = [*unserved_statements(rearm.unserved), Statement("defer_tasks", [row])]
        statements += deferral_statements(rearm.deferral)
        with rejecting_reuse(change.mark):
            answers = await self._index.arming([rearm.next_run_ms], statements)
        deferred = bool(rows_of("defer_tasks", statements, answers))
        if deferred:
            self._moved.note(task_id, rearm.next_run_ms)
        return deferred

    async def history(self, task_id: str | None, limit: int, before: str | None = None) -> Sequence[Execution]:
        """Return executions, newest first: of one task, or of all."""
        return await self._history.find(task_id, limit, before)

    def note(self, what: str, text: str) -> None:
        """Count something that changes no task, with the next write."""
        self._session.notes.add(what, text)

    @property
    def totals(self) -> Mapping[str, float]:
        """What was counted since the graph was made, as far as this replica knows."""
        counts = self._session.counts
        return {name: self._before.get(name, 0) + count for name, count in counts.items()}

    @property
    def trouble(self) -> str | None:
        """Why writes of this process fail just now, as the last of them said; None if they do not."""
        return self._session.notes.full

    async def recall_counters(self) -> None:
        """Learn what was counted beside this session."""
        counted, mine = await self.counters(), self._session.counts
        self._before = {name: counted.get(name, 0) - mine[name] for name in LIFELONG}

    async def counters(self) -> dict[str, float]:
        """Return what was counted since the graph was made, over all replicas."""
        return dict((await self.accounts.lifelong()).counts)

    async def tidy(self, limit: int) -> int:
        """Bring SCHEDULED_FOR of tasks that moved on up to date; return how many."""
        moved = self._moved.take(limit)
        if moved:
            linked = [dict(row) for row in moved]
            try:
                await self._session.write([Statement("unlink_times", moved), Statement("link_times", linked)])
            except GraphBusy:
                self._moved.give_back(moved)  # for people, and never worth waiting for
                return 0
        elif self._session.notes:
            await self._session.write([])
        return len(moved)

    async def query(self, cypher: str, parameters: dict[str, object] | None = None) -> Sequence[dict[str, object]]:
        """Answer a reading query of the user's own. Raises InvalidInput."""
        refuse_powers(cypher)
        return await self._session.ask(cypher, dict(parameters or {}), self._limits)

    async def verify(self) -> None:
        """Check that the open graph is still the one in its folder. Raises GraphUnavailable."""
        await self._session.verify()

    async def close(self) -> None:
        """Finish the writes under way and let the graph go, even one that does not answer any more."""
        with suppress(GraphUnavailable, TimeoutError):  # what is left is for people: after a crash it is missing too
            async with asyncio.timeout(_TIDY_SECONDS):
                while await self.tidy(_BULK):
                    pass
        await self._session.close()

    def _on_write(self) -> None:
        self._session.notes.full = None

    def _due_task(self, node: Row) -> ScheduledTask:
        """Read a task from its node, and remember where that is."""
        task = node_rows.task_from(node)
        if task.next_run_ms is None:
            raise ValueError("It is in the due index, and says nothing of when it runs.")
        self._tasks.note(task.task_id, node["element_id"])
        return task

    async def _read(self, name: str, parameters: Row) -> list[Row]:
        return await self._session.read(query(name), parameters)

    async def _one(self, name: str, parameters: Row) -> ScheduledTask | None:
        """Return the one task that the query finds, with its deferral history."""
        if not (found := await self._read(name, parameters)):
            return None
        node = found[0]["t"]
        try:
            task = node_rows.shown_task_from(node)
        except FAULTS as fault:
            raise TaskUnreadable(str(node.get("task_id")), str(fault)) from fault
        deferrals = await self._read("deferrals_of_task", {"task_id": task.task_id})
        readable = self._records.read("deferral_id", node_rows.deferral_from, [row["d"] for row in deferrals])
        entries = [deferral.history_entry(task.deferred_task_id) for deferral in readable]
        return task.model_copy(update={"deferral_history": entries})
