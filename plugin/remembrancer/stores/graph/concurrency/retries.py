"""Attempts that wait for their time, over a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.model.limit import OVERLAP
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.writes import DueRetries, WaitingRetry
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken, rows_of
from remembrancer.stores.graph.outcomes import following
from remembrancer.stores.graph.settlements import log_new
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.budget_rows import reserving_attempts
from remembrancer.stores.rows.failure_rows import counting
from remembrancer.stores.rows.lease_rows import acquire_leases, release_leases, with_fence
from remembrancer.stores.rows.priority_rows import note_changes
from remembrancer.stores.rows.readable_records import FAULTS
from remembrancer.stores.rows.slot_rows import (
    only_overlap,
    releasing,
    returning,
    taken_over,
    taking,
    wanted_slots,
    without_overlap,
)
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Lease, Settlement
    from remembrancer.stores.commits.row_types.executions import DroppedRetryRow, HeldRetryRow, WaitedRetryRow
    from remembrancer.stores.graph.parts import GraphParts

_LOOKS: Final = 5


class GraphRetries:
    """The waiting attempts of one graph. The contract and its laws: `remembrancer.ports.retries.Retries`.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._connection = parts.connection
        self._records = parts.records
        self._times = parts.retries
        self._index = parts.index
        self._time_links = parts.time_links
        self._signals = parts.signals
        self._priorities = parts.priorities

    @property
    def earliest_ms(self) -> int | None:
        """The earliest time for which this process knows that an attempt waits."""
        return self._times.earliest_ms

    async def due(self, now: datetime, limit: int) -> Sequence[WaitingRetry]:
        """Return the attempts that are due at *now*, the first due first, at most *limit*."""
        now_ms = to_ms(now)
        found: list[WaitingRetry] = []
        for _ in range(_LOOKS):  # a page of unreadable records must not hide the one that follows
            floor_ms = self._times.watermark.begin_read(now_ms)
            parameters: Row = {"floor_ms": floor_ms, "now_ms": now_ms, "limit": limit}
            rows = await self._connection.read(query("due_retries"), parameters)
            first_ms = min((row["e"]["retry_due_ms"] for row in rows), default=None)
            self._times.watermark.end_read(now_ms if first_ms is None else first_ms - 1)
            tasks = {row["e"].get("execution_id"): _task(row["t"]) for row in rows}
            nodes = [row["e"] for row in rows]
            executions, unreadable = self._records.sort("execution_id", node_rows.execution_from, nodes)
            found = [WaitingRetry(each, tasks[each.execution_id]) for each in executions]
            if unreadable:
                await self._connection.write([Statement("drop_retries", [_drop_row(node) for node, _ in unreadable])])
            if found or not unreadable:
                break
        return found

    async def look_ahead(self) -> None:
        """Read the earliest time for which an attempt waits."""
        self._times.earliest_ms = None
        rows = await self._connection.read(query("next_retry"), {"floor_ms": self._times.watermark.value_ms})
        self._times.arm_known(row["due_ms"] for row in rows)

    async def act(self, due: DueRetries, lease: Lease) -> Sequence[Execution]:
        """Start, hold, drop and give up attempts that wait as they were read; return those that started."""
        try:
            started = await self._write(due, lease)
        except UniqueKeyTaken:
            started = await self._singly(due, lease)
        if due.started and not started:
            await self._connection.write([release_leases([lease.lease_id])])
        return started

    async def _singly(self, due: DueRetries, lease: Lease) -> list[Execution]:
        """Start the attempts one by one, since one of them exists already: that one is dropped."""
        await self._connection.write([acquire_leases(lease, [each for _, each in due.started])])
        started = await self._write(replace(due, started=()), None)
        for each in due.started:
            try:
                started += await self._write(DueRetries([each]), None)
            except UniqueKeyTaken:
                await self._write(DueRetries(dropped=[each[0]]), None)
        return started

    async def _write(self, due: DueRetries, lease: Lease | None) -> list[Execution]:
        """Write in one commit; without *lease*, what starts is leased already."""
        begun = [each for _, each in due.started]
        over, back = taken_over([(each.execution, attempt) for each, attempt in due.started])
        ended = [*due.dropped, *(each for each, _ in due.given_up)]
        statements = releasing(only_overlap(each.execution for each in ended))
        if begun:
            wanted, places = wanted_slots(without_overlap(begun))
            statements += taking(wanted, to_ms(begun[0].triggered_at))
            statements += over
            rows = [_start_row(*each, places.get(each[1].execution_id, {})) for each in due.started]
            statements.append(Statement("start_retries", rows))
            statements += [acquire_leases(lease, begun)] if lease else []
        held = [_hold_row(*each, by_pause=True) for each in due.held]
        if held := [*held, *(_hold_row(*each, by_pause=False) for each in due.put_off)]:
            statements.append(Statement("hold_retries", held))
        if due.dropped:
            dropped = [_drop_row(vars(each.execution)) for each in due.dropped]
            statements.append(Statement("drop_retries", dropped))
        statements += _giving_up(due.given_up)
        if not statements:
            return []
        statements += [*returning(without_overlap(begun)), *back]
        statements = reserving_attempts(due.started, statements)
        checks = [each.next_check.at_ms for _, each in due.given_up if each.next_check]
        answers = await self._index.write_armed(checks, statements)
        for row in rows_of("arm_next_checks", statements, answers):
            if row["next_run_ms"] is not None:
                self._time_links.record(row["task_id"], row["next_run_ms"])
        log_new(statements, answers)
        self._signals.tell_of(each.execution.task_id for each, _ in due.given_up)
        note_changes(self._priorities, statements, answers)
        self._times.arm(until_ms for _, until_ms in (*due.held, *due.put_off) if until_ms is not None)
        return [with_fence(begun[int(row["row"])], row) for row in rows_of("start_retries", statements, answers)]


def _giving_up(given_up: Sequence[tuple[WaitingRetry, Settlement]]) -> list[Statement]:
    """Return the statements that make failures outcomes; none without any."""
    if not given_up:
        return []
    rows = [{**_drop_row(vars(each.execution)), "fence": each.execution.fence} for each, _ in given_up]
    settlements = [settlement for _, settlement in given_up]
    return [*counting(settlements), Statement("give_up_retries", rows), *following(settlements)]


def _task(node: Row | None) -> ScheduledTask | None:
    """Return the task of an attempt; None for one that is gone or cannot be read."""
    try:
        return None if node is None else node_rows.task_from(node)
    except FAULTS:
        return None


def _start_row(waiting: WaitingRetry, begun: Execution, places: dict[str, int]) -> WaitedRetryRow:
    former, task = waiting.execution, waiting.task
    assert task, "an attempt starts with its task"  # noqa: S101
    assert former.retry_due_ms is not None, "it waits"  # noqa: S101
    return {
        **node_rows.start_row(begun),
        "former_execution_id": former.execution_id,
        "due_ms": former.retry_due_ms,
        "task_status": task.status,
        "paused_ms": None if task.paused_at is None else to_ms(task.paused_at),
        "limit_keys": [key for key in begun.limit_keys or () if not key.startswith(OVERLAP)],
        "places": places,
        "all_limit_keys": list(begun.limit_keys) if begun.limit_keys else None,
    }


def _hold_row(waiting: WaitingRetry, until_ms: int | None, *, by_pause: bool) -> HeldRetryRow:
    former_id, due_ms = waiting.execution.execution_id, waiting.execution.retry_due_ms or 0
    return {"execution_id": former_id, "due_ms": due_ms, "until_ms": until_ms, "by_pause": by_pause}


def _drop_row(node: Row) -> DroppedRetryRow:
    return {"execution_id": node["execution_id"], "due_ms": node["retry_due_ms"]}
