"""The dependencies of a graph: paths, ends, outcomes, and the rows that write them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, cast

from remembrancer.model.dependency import LATEST, PERIOD
from remembrancer.model.ids import first_id, new_id
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.dependencies.joins import window_ms
from remembrancer.policies.dependencies.policy import TASK_KEY
from remembrancer.ports.dependencies import Dependent, FoundOutcome, KnownTask, SoughtOutcomes
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.wait_keys import begin_of, wait_index_key
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Edit
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.rows.readable_records import ReadableRecords


class GraphDependencies:
    """The dependencies of one graph. The contract and its laws: `remembrancer.ports.dependencies.Dependencies`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def edition(self) -> int:
        """Return the edition of the dependencies."""
        found = await self._connection.read(query("dependency_edition"), {})
        return int(found[0]["edition"]) if found else 0

    async def path(self, source: str, target: str) -> Sequence[KnownTask]:
        """Return the tasks by which *source* waits for *target*, both included; none if it does not."""
        if source == target:
            return ()
        found = await self._connection.read(query("path_between"), {"source": source, "target": target})
        if not found:
            return ()
        row = found[0]
        tasks = [KnownTask(*each) for each in zip(row["ids"], row["names"], row["statuses"], strict=True)]
        if all(each.status in OPEN_STATUSES for each in tasks):
            return tasks
        return await self._open_path(tasks[0], target)  # the shortest leads through an ended task: is there another?

    async def _open_path(self, source: KnownTask, target: str) -> Sequence[KnownTask]:
        """Return the shortest path through open tasks alone, step by step."""
        if source.status not in OPEN_STATUSES:
            return ()
        before: dict[str, KnownTask | None] = {source.task_id: None}
        known = {source.task_id: source}
        edge: list[str] = [source.task_id]
        while edge:
            found = await self.waited_for(edge)
            edge = []
            for task_id, others in found.items():
                for each in others:
                    if each.task_id in before or each.status not in OPEN_STATUSES:
                        continue
                    before[each.task_id], known[each.task_id] = known[task_id], each
                    edge.append(each.task_id)
            if target in before:
                return _way_back(known[target], before)
        return ()

    async def related(self, task_ids: Collection[str]) -> Mapping[str, KnownTask]:
        """Return those of the tasks that are there."""
        if not task_ids:
            return {}
        rows = await self._connection.read(query("related_tasks"), {"ids": sorted(task_ids)})
        return {row["task_id"]: KnownTask(row["task_id"], row["name"], row["status"]) for row in rows}

    async def waited_for(self, task_ids: Collection[str]) -> Mapping[str, Sequence[KnownTask]]:
        """Return for each task the tasks that it waits for."""
        found: dict[str, list[KnownTask]] = {each: [] for each in task_ids}
        for row in await self._connection.read(query("waited_for"), {"ids": list(task_ids)}):
            found[row["task_id"]].append(KnownTask(row["other_id"], row["name"], row["status"]))
        return found

    async def dependents(self, task_ids: Collection[str]) -> Sequence[Dependent]:
        """Return the open tasks that depend on one of *task_ids*."""
        rows = await self._connection.read(query("dependents_of"), {"ids": list(task_ids)})
        return [
            Dependent(row["other_id"], KnownTask(row["task_id"], row["name"], row["status"]), row["on_failure"])
            for row in rows
        ]

    async def tasks(self, task_ids: Collection[str]) -> Mapping[str, ScheduledTask]:
        """Return those of the tasks that are there and can be read."""
        if not task_ids:
            return {}
        rows = await self._connection.read(query("tasks_by_ids"), {"ids": sorted(task_ids)})
        found = self._records.read("task_id", node_rows.shown_task_from, [row["t"] for row in rows])
        return {each.task_id: each for each in found}

    async def outcomes(
        self, sought: Sequence[SoughtOutcomes], *, whole: bool = False
    ) -> Sequence[Sequence[FoundOutcome]]:
        """Return for each of *sought* its executions and their stand-ins, or those of its last occurrence before."""
        found = await self._within(list(enumerate(sought)), whole=whole)
        empty = [place for place in range(len(sought)) if not sought[place].is_met_by(found[place])]
        if not empty:
            return [found[place] for place in range(len(sought))]
        asked: list[Row] = [
            {"place": place, "task_id": sought[place].task_id, "high_id": first_id("exec", sought[place].from_ms)}
            for place in empty
        ]
        latest = await self._connection.read(query("latest_outcomes"), {"sought": asked})
        before: list[tuple[int, SoughtOutcomes]] = []
        for row in latest:
            if row["nominal_ms"] is not None:
                place, at_ms = int(row["place"]), int(row["nominal_ms"])
                before.append((place, SoughtOutcomes(sought[place].task_id, at_ms, at_ms)))
        found |= await self._within(before, whole=whole) if before else {}
        return [found.get(place, []) for place in range(len(sought))]

    async def _within(
        self, sought: Sequence[tuple[int, SoughtOutcomes]], *, whole: bool
    ) -> dict[int, list[FoundOutcome]]:
        asked: list[Row] = [
            {
                "place": place,
                "task_id": each.task_id,
                "low_ms": each.from_ms,
                "low_id": first_id("exec", each.from_ms),
                "high_id": first_id("exec", each.until_ms + 1),
            }
            for place, each in sought
        ]
        found: dict[int, list[FoundOutcome]] = {place: [] for place, _ in sought}
        for row in await self._connection.read(query("dependency_outcomes"), {"sought": asked, "whole": whole}):
            found[int(row["place"])].append(_found(row))
        for each in found.values():
            each.sort(key=lambda one: (one.nominal_ms, one.attempt))
        return found

    async def waiting(self, other_id: str | None, after: ScheduledTask | None, limit: int) -> Sequence[ScheduledTask]:
        """Return tasks that wait for a task, or for any, in the order of what they wait for, after the task *after*."""
        begin = TASK_KEY if other_id is None else begin_of(f"{TASK_KEY}{other_id}")
        above = begin if after is None else wait_index_key(after)
        parameters: Row = {"above": above, "below": node_rows.after_all(begin), "limit": limit}
        rows = await self._connection.read(query("waits_between"), parameters)
        tasks = self._records.read("task_id", node_rows.task_from, [row["t"] for row in rows if row["t"]])
        return [each for each in tasks if each.wait_key is not None]


def _way_back(task: KnownTask, before: Mapping[str, KnownTask | None]) -> list[KnownTask]:
    """Return the path that ends with *task*, from its beginning."""
    path = [task]
    while (step := before[path[-1].task_id]) is not None:
        path.append(step)
    return path[::-1]


def _found(row: Row) -> FoundOutcome:
    detail = row["cause_detail"]
    made_up = None
    if row["cause"] == "backfill" and isinstance(detail, str):
        made_up = _moment_ms(cast("object", json.loads(detail).get("nominal_at")))
    return FoundOutcome(
        row["execution_id"],
        row["execution_type"],
        row["status"],
        row["attempt"],
        row["occurrences"],
        row["nominal_ms"],
        row["completed_ms"],
        row["reason_code"],
        row["reason"],
        row["result"],
        made_up,
    )


def _moment_ms(text: object) -> int | None:
    try:
        return to_ms(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except ValueError:
        return None


def dependency_rows(task: ScheduledTask) -> list[Row]:
    """Return the rows that link a task to those that it depends on."""
    return [
        {
            "task_id": task.task_id,
            "other_id": each.task,
            "on_failure": each.on_failure.value,
            "window_ms": None if each.window == PERIOD else 0 if each.window == LATEST else window_ms(each),
        }
        for each in task.depends_on
    ]


def dependency_links(tasks: Sequence[ScheduledTask]) -> list[Statement]:
    """Return the statement that links new tasks to those that they depend on; none for tasks without dependencies."""
    rows = [row for task in tasks if task.depends_on for row in dependency_rows(task)]
    return [Statement("link_dependencies", rows)] if rows else []


def changed_dependencies(edit: Edit, change_id: str) -> list[Statement]:
    """Return the statements that link a changed task; none if its dependencies stay."""
    before, after = edit.before, edit.after
    if before.depends_on == after.depends_on:
        return []
    change: Row = {"task_id": after.task_id, "change_id": change_id}
    statements = [Statement("unlink_dependencies", [change])] if before.depends_on else []
    if rows := [{**row, "change_id": change_id} for row in dependency_rows(after)]:
        statements.append(Statement("link_changed_dependencies", rows))
    return statements


def edition_guards(edits: Sequence[Edit]) -> list[Statement]:
    """Return the statements that end a commit if dependencies have changed since its edits were checked."""
    guarded = [each for each in edits if each.dependency_edition is not None]
    if not guarded:
        return []
    change_id = new_id("change", to_ms(guarded[0].change.at))
    row: Row = {"task_id": guarded[0].task_id, "edition": guarded[0].dependency_edition, "change_id": change_id}
    return [Statement("advance_dependencies", [row]), Statement("refuse_former_edition", [dict(row)])]
