"""The watches over a graph: the tasks that wait for something to happen, and their new occurrences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.ids import first_id, new_id
from remembrancer.model.query_limits import QueryLimits
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.watches import FollowedExecution, Watch
from remembrancer.schedules.reaction import CUE_EXAMPLE
from remembrancer.stores.commits.statement import Row, Statement, rows_of
from remembrancer.stores.cypher.read_only import refuse_powers
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.priority_rows import note_changes, noting
from remembrancer.stores.rows.wait_keys import NOT_WAITING
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.watches import FailedCheck, Sought, WatchChange
    from remembrancer.stores.commits.row_types.tasks import EndRow, FailedCheckRow, FollowRow, ReactionRow
    from remembrancer.stores.graph.parts import GraphParts

CUE_LIMITS: Final = QueryLimits(seconds=5.0, rows=1_000, size=1024 * 1024, are_settings=False)
_FEW: Final = 100
_DIGITS: Final = re.compile("[0-9]+")


class GraphWatches:
    """The waiting tasks of one graph. The contract and its laws: `remembrancer.ports.watches.Watches`.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._parts = parts
        self.on_change = parts.signals.on_change
        self.followed = parts.signals.followed

    def take_settled(self) -> set[str]:
        """Return those of the tasks in `followed` that got an outcome or ended since the last call."""
        return self._parts.signals.take_settled()

    async def all(self) -> Sequence[Watch]:
        """Return the open tasks that wait, in a few properties each."""
        return [
            Watch(
                row["task_id"],
                row["check_at_ms"],
                row["runs_after_id"],
                None if row["other_status"] is None else row["other_fence"],
                row["other_status"],
                _ahead_ms(row),
            )
            for row in await self._parts.connection.read(query("watches"), {})
        ]

    async def tasks(self, task_ids: Sequence[str]) -> Sequence[ScheduledTask]:
        """Return these tasks, those that can be read."""
        rows = await self._parts.connection.read(query("watched_tasks"), {"ids": list(task_ids)})
        return self._parts.records.read("task_id", node_rows.task_from, [row["t"] for row in rows])

    async def executions(self, sought: Sequence[Sought]) -> Sequence[Sequence[FollowedExecution]]:
        """Return for each the executions that run, completed or failed."""
        asked: list[Row] = [
            {
                "place": place,
                "task_id": each.task_id,
                "low_id": first_id("exec", each.floor_ms),
                "since_ms": each.since_ms,
            }
            for place, each in enumerate(sought)
        ]
        found = [list[FollowedExecution]() for _ in sought]
        for row in await self._parts.connection.read(query("followed_executions"), {"sought": asked}):
            found[int(row["place"])].append(
                FollowedExecution(
                    row["execution_id"],
                    row["status"],
                    row["attempt"] or 1,
                    row["nominal_ms"],
                    row["completed_ms"],
                    row["fence"],
                )
            )
        return found

    async def matches(
        self, cypher: str, parameters: Mapping[str, object], task_id: str | None = None
    ) -> Sequence[dict[str, object]]:
        """Return the rows of a cue's query, within its limits. Raises InvalidInput, GraphUnavailable."""
        try:
            refuse_powers(cypher)
            if task_id is None:
                return await self._parts.connection.ask(cypher, dict(parameters), CUE_LIMITS)
            return await self._parts.connection.ask_apart(task_id, cypher, dict(parameters), CUE_LIMITS)
        except InvalidInput as wrong:
            field = "parameters" if wrong.field == "parameters" else "cypher"
            raise InvalidInput(field, wrong.value, wrong.allowed, CUE_EXAMPLE) from wrong

    async def fail(self, check: FailedCheck) -> None:
        """Write why the check of an open task failed, unless that is written already."""
        row: FailedCheckRow = {
            "task_id": check.task_id,
            "schedule_spec": check.schedule_spec,
            "reason": check.error,
            "at_ms": to_ms(check.at),
        }
        await self._parts.connection.write([Statement("fail_checks", [row])])

    async def failing(self) -> Sequence[tuple[str, str]]:
        """Return the tasks whose last check failed, with why; a few of them."""
        rows = await self._parts.connection.read(query("failed_checks"), {"limit": _FEW})
        return [(row["task_id"], row["check_error"]) for row in rows]

    async def write(self, changes: Sequence[WatchChange]) -> Sequence[bool]:
        """Write the changes of tasks that are still as they were read; return for each whether it was."""
        going = [each for each in changes if each.ends_as is None]
        ending = [each for each in changes if each.ends_as is not None]
        statements = [Statement("add_reactions", [_reaction_row(each) for each in going])] if going else []
        if ending:
            statements.append(Statement("end_watched_tasks", [_end_row(each) for each in ending]))
        if depending := [each.before.task_id for each in ending if each.before.depends_on]:
            statements.append(noting(depending, to_ms(ending[0].at)))
        answers = await self._parts.index.write_armed([each.after.next_run_ms for each in going], statements)
        note_changes(self._parts.priorities, statements, answers)
        written: set[str] = set()
        for row in rows_of("add_reactions", statements, answers):
            after = going[int(row["row"])].after
            written.add(after.task_id)
            if after.next_run_ms is not None:
                self._parts.time_links.record(after.task_id, after.next_run_ms)
        written |= {ending[int(row["row"])].after.task_id for row in rows_of("end_watched_tasks", statements, answers)}
        self._parts.signals.tell_of(each.after.task_id for each in ending)
        return [each.after.task_id in written for each in changes]


def _ahead_ms(row: Row) -> int | None:
    """Return the earliest time that an occurrence of the other task without an outcome may have.

    A follower may yet gain occurrences for outcomes long past, none of them before its own place.
    """
    times = [each for each in (row["other_nominal_ms"], row["other_next_run_ms"]) if each]
    if row["other_follows"]:
        digits = _DIGITS.search(row["other_place"] or "")
        times.append(int(digits[0]) if digits else 0)
    return min(times, default=None)


def follow_rows(tasks: Sequence[ScheduledTask]) -> list[FollowRow]:
    """Return the rows that let new tasks follow others."""
    return [
        {"task_id": each.task_id, "runs_after_id": each.runs_after_id}
        for each in tasks
        if each.runs_after_id is not None
    ]


def _reaction_row(change: WatchChange) -> ReactionRow:
    after = change.after if change.before.wait_key is None else change.after.model_copy(update=NOT_WAITING)
    was, will = node_rows.task_properties(change.before), node_rows.task_properties(after)
    changed: Row = {name: will.get(name) for name in {**was, **will} if will.get(name) != was.get(name)}
    return {"task_id": change.before.task_id, "fence": change.before.fence, "task": changed}


def _end_row(change: WatchChange) -> EndRow:
    at_ms, task = to_ms(change.at), change.before
    return {
        "task_id": task.task_id,
        "of_task": task.task_id,
        "task_type": task.task_type,
        "fence": task.fence,
        "status": str(change.ends_as),
        "change_id": new_id("change", at_ms),
        "at_ms": at_ms,
        "reason": change.reason,
    }
