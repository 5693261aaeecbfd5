"""The task store over a graph: it runs the queries of the catalogue, on any connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import (
    DuplicateTask,
    ExecutionNotFound,
    ExecutionUnreadable,
    GraphUnavailable,
    OutcomeUnknown,
    RemembrancerError,
    TaskNotFound,
    TaskUnreadable,
)
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken, rows_of
from remembrancer.stores.graph.concurrency.inheritance import inherited
from remembrancer.stores.graph.concurrency.quotas import refusal
from remembrancer.stores.graph.execution_list import ExecutionList
from remembrancer.stores.graph.outcomes import deferral_statements, outstanding_statements
from remembrancer.stores.graph.quarantine import quarantine
from remembrancer.stores.graph.task_changes import cancel, edit
from remembrancer.stores.graph.task_list import TaskList
from remembrancer.stores.graph.watches import follow_rows
from remembrancer.stores.records.dependencies import dependency_links
from remembrancer.stores.records.idempotency import rejecting_reuse
from remembrancer.stores.rows import audit_rows, deferral_rows, node_rows
from remembrancer.stores.rows.lineage_rows import begun_lineages, spawning
from remembrancer.stores.rows.priority_rows import asked_priorities, note_changes
from remembrancer.stores.rows.quota_rows import refusing
from remembrancer.stores.rows.readable_records import FAULTS, one_line
from remembrancer.stores.rows.reference_rows import first_links
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.execution import Execution
    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.model.quota import Quota
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.filters import ExecutionFilter, TaskFilter, TaskPageQuery
    from remembrancer.ports.lineages import Admission
    from remembrancer.ports.writes import Change, Claim, Edit, Reschedule
    from remembrancer.stores.graph.armed_times import GraphArmedTimes
    from remembrancer.stores.graph.parts import GraphParts

_REQUEST_KEYS: Final = (None, "dedup_key", "idempotency_key")
"""The keys that a new task may share with a stored one; None where the engine does not say which."""


class GraphTaskStore:
    """The tasks of one graph. The contract and its laws: `remembrancer.ports.task_store.TaskStore`.

    Args:
        parts: Of the open graph.
        armed_times: Stores the rules of time zones that a new task is the first to use.
    """

    def __init__(self, parts: GraphParts, armed_times: GraphArmedTimes) -> None:
        self._parts = parts
        self._connection = parts.connection
        self._records = parts.records
        self._armed_times = armed_times
        self._list = TaskList(parts.connection, parts.index, parts.records)
        self._history = ExecutionList(parts.connection, parts.records)

    async def create(
        self,
        tasks: Sequence[ScheduledTask],
        *,
        first: Deferral | None = None,
        idempotency_key: IdempotencyKey | None = None,
        returned: Sequence[tuple[ScheduledTask, Change]] = (),
        admission: Admission | None = None,
        quotas: Sequence[Quota] = (),
    ) -> bool:
        """Store new tasks, all or none; return False if their lineage does not admit them."""
        rows = [node_rows.task_row(task, idempotency_key) for task in tasks]
        statements = [Statement("create_tasks", rows)] if admission is None else spawning(admission, tasks, rows)
        if returned:
            statements.insert(
                0, Statement("return_dedup_keys", [audit_rows.key_return_row(*each) for each in returned])
            )
        if first:
            statements += deferral_statements(first)
        statements += [*first_links(tasks), *begun_lineages(tasks)]
        statements += [*dependency_links(tasks), *asked_priorities(tasks)]
        if following := follow_rows(tasks):
            statements.append(Statement("follow_tasks", following))
        statements += refusing(quotas, tasks)
        zones = self._armed_times.begin_zones(tasks)
        try:
            answers = await self._parts.index.write_armed([task.next_run_ms for task in tasks], [*statements, *zones])
        except UniqueKeyTaken as taken:
            raise await refusal(self._connection, quotas, tasks) or _taken(tasks, taken) from taken
        except OutcomeUnknown as unknown:
            raise OutcomeUnknown(str(unknown), [task.task_id for task in tasks]) from unknown
        self._armed_times.have_begun(zones)
        if admission is not None and not rows_of("spawn_tasks", statements, answers):
            return False
        self._parts.priorities.note(tasks)
        note_changes(self._parts.priorities, statements, answers)
        await inherited(self._parts, tasks[0].created_at)
        if any(task.check_at_ms is not None for task in tasks):
            self._parts.signals.tell()
        return True

    async def get(self, task_id: str) -> ScheduledTask:
        """Return the task with its deferral history. Raises TaskNotFound."""
        if task := await self._one("task_by_id", {"task_id": task_id}):
            return task
        raise TaskNotFound(task_id)

    async def find(self, task_filter: TaskFilter) -> Sequence[ScheduledTask]:
        """Return tasks: the next to run first, those with no next run last."""
        return await self._list.find(task_filter)

    async def page(self, page: TaskPageQuery) -> Sequence[ScheduledTask]:
        """Return tasks of one status and type, the newest first."""
        return await self._list.page(page)

    async def find_by_dedup_key(self, dedup_key: str) -> ScheduledTask | None:
        """Return the task with this *dedup_key*, open or ended."""
        return await self._one("task_by_dedup_key", {"dedup_key": dedup_key})

    async def find_reactivation(self, deferred_task_id: str) -> ScheduledTask | None:
        """Return the open task that will bring back the agent's own task."""
        return await self._one("reactivation_of", {"deferred_task_id": deferred_task_id})

    async def cancel(self, task_id: str, change: Change, outstanding: Claim | None = None) -> bool:
        """End an open task, together with what *outstanding* accounts for; return whether this call ended it."""
        ended = await cancel(self._parts, task_id, change, outstanding)
        self._parts.signals.tell_of([task_id])
        await inherited(self._parts, change.at)
        return ended

    async def defer(
        self, task_id: str, expected_next_run_ms: int | None, reschedule: Reschedule, change: Change
    ) -> bool:
        """Write the deferral and move the next run, if the task is still as it was read; return whether it did."""
        changed = audit_rows.change_row(task_id, change, reschedule.outstanding)
        row = {**deferral_rows.reschedule_row(reschedule), **changed, "expected_ms": expected_next_run_ms}
        statements = [*outstanding_statements([reschedule.outstanding]), Statement("defer_tasks", [row])]
        statements += deferral_statements(reschedule.deferral)
        with rejecting_reuse(change.idempotency_key):
            answers = await self._parts.index.write_armed([reschedule.next_run_ms], statements)
        deferred = bool(rows_of("defer_tasks", statements, answers))
        if deferred and reschedule.next_run_ms is not None:
            self._parts.time_links.record(task_id, reschedule.next_run_ms)
        return deferred

    async def edit(self, edits: Sequence[Edit]) -> Sequence[bool]:
        """Make edits in one commit; return of each whether its task was still as it was read, and open."""
        done = await edit(self._parts, edits, self._armed_times)
        self._parts.priorities.note([each.after for each in edits])
        await inherited(self._parts, edits[0].change.at)
        if any(each.after.reacts for each in edits):
            self._parts.signals.tell()
        return done

    async def quarantine(self, task_id: str, fault: str, now: datetime) -> None:
        """Disarm a task that cannot be read or planned, as FAILED, with the fault in its audit log."""
        for row in await self._read("task_by_id", {"task_id": task_id}):
            await quarantine(self._connection, row["t"], fault, to_ms(now))

    async def history(
        self, task_id: str | None, limit: int, before: str | None = None, within: ExecutionFilter | None = None
    ) -> Sequence[Execution]:
        """Return executions, newest first: of one task, or of all."""
        return await self._history.find(task_id, limit, before, within)

    async def execution(self, execution_id: str) -> Execution:
        """Return one execution. Raises ExecutionNotFound, ExecutionUnreadable."""
        found = await self._read("execution_by_id", {"execution_id": execution_id})
        if not found:
            raise ExecutionNotFound(execution_id)
        try:
            return node_rows.execution_from(found[0]["e"])
        except FAULTS as fault:
            raise ExecutionUnreadable(execution_id, one_line(fault)) from fault

    async def _read(self, name: str, parameters: Row) -> list[Row]:
        return await self._connection.read(query(name), parameters)

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


def _taken(tasks: Sequence[ScheduledTask], taken: UniqueKeyTaken) -> RemembrancerError:
    """Return the error for new tasks that would have made a unique key twice."""
    keys = sorted(filter(None, (task.dedup_key for task in tasks)))
    if keys and taken.property_name in _REQUEST_KEYS:
        return DuplicateTask(", ".join(keys))
    return GraphUnavailable(f"An id of the task is taken already; nothing was written: {taken}")
