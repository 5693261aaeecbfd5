"""The armed times of tasks in a graph, and the time zone rules and readings that they follow."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.ids import LAST_ID, first_id, new_id
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus, TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.armed_times import KeptRules, MissedOccurrence
from remembrancer.schedules.composed.nested import zones_in
from remembrancer.schedules.zone_rules import ZoneRules, rules_in_force
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.due_key import due_key
from remembrancer.stores.rows.wait_keys import CLEARED
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import ArmedTimeChange, ChangeCause
    from remembrancer.stores.commits.row_types.tasks import (
        ArmedTask,
        KeptZoneRow,
        ReadingsRow,
        RearmRow,
        RetractionRow,
        ZoneRow,
    )
    from remembrancer.stores.graph.parts import GraphParts

_PAGE: Final = 500
_UTC: Final = "UTC"
_TYPES: Final = (TaskType.RECURRING, TaskType.ONE_TIME)


class GraphArmedTimes:
    """The contract and its laws: `remembrancer.ports.armed_times.ArmedTimes`.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._connection = parts.connection
        self._records = parts.records
        self._index = parts.index
        self._time_links = parts.time_links
        self._known = {_UTC}
        """The zones whose rules the graph holds, as far as this process knows."""

    def recurring(self) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the armed recurring tasks in pages; a PENDING task that becomes ACTIVE in between comes as ACTIVE."""
        return self._pages(None, TaskType.RECURRING)

    def following(self, zones: Collection[str] | None = None) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the armed tasks that may follow one of *zones*, in pages."""
        return self._pages(None if zones is None else list(zones), *_TYPES)

    async def _pages(self, wanted: list[str] | None, *types: TaskType) -> AsyncIterator[Sequence[ScheduledTask]]:
        for begin, below in _ranges(*types):
            above: str | None = begin
            while above is not None:
                asked: Row = {"above": above, "below": below, "limit": _PAGE, "zones": wanted}
                nodes = [row["t"] for row in await self._connection.read(query("recurring_tasks"), asked)]
                yield self._records.read("task_id", node_rows.task_from, nodes)
                above = nodes[-1]["status_index_key"] if len(nodes) == _PAGE else None

    async def rearm(self, moves: Sequence[ArmedTimeChange], cause: ChangeCause) -> Sequence[ArmedTimeChange]:
        """Write those changes whose task is still as it was read; return them."""
        rows = [_row(move, cause) for move in moves]
        statements = [Statement("rearm_tasks", rows), *_retractions(moves, rows)]
        answers: list[list[Row]] = await self._index.write_armed([move.next_run_ms for move in moves], statements)
        places: list[int] = [row["row"] for row in answers[0]]
        written = [moves[place] for place in places]
        for move in written:
            if move.next_run_ms is not None:
                self._time_links.record(move.task.task_id, move.next_run_ms)
        return written

    async def missed_after(self, task_ids: Sequence[str], time: datetime) -> Mapping[str, Sequence[MissedOccurrence]]:
        """Return the records of missed occurrences of these tasks that reach beyond *time*, by task id."""
        asked: Row = {"task_ids": list(task_ids), "now_ms": to_ms(time)}
        missed: dict[str, list[MissedOccurrence]] = {}
        for row in await self._connection.read(query("missed_ahead"), asked) if task_ids else ():
            missed.setdefault(row.pop("task_id"), []).append(MissedOccurrence(**row))
        return missed

    async def newest_record_after(self, time: datetime) -> datetime | None:
        """Return the nominal time of an execution, or the creation of a task, that is later than *time*."""
        time_ms = to_ms(time)
        asked: Row = {"after_id": first_id("exec", time_ms), "before_id": f"exec_{LAST_ID}", "limit": 1}
        found = [row["e"]["nominal_at"] for row in await self._connection.read(query("latest_executions"), asked)]
        asked = {"after_id": first_id("task", time_ms), "before_id": f"task_{LAST_ID}", "limit": 1}
        found += [row["t"]["created_at"] for row in await self._connection.read(query("tasks_between"), asked)]
        return max((each for each in found if each > time), default=None)

    async def kept_rules(self) -> KeptRules:
        """Return the rules and readings by which tasks were armed."""
        found = await self._connection.read(query("kept_rules"), {})
        zones = {row["z"]["zone"]: _zone_rules(row["z"]) for row in found if row["z"] is not None}
        first = found[0] if found else {"edition": None, "readings": None}
        return KeptRules(dict(sorted(zones.items())), first["edition"] or 0, json.loads(first["readings"] or "{}"))

    async def store_zone_rules(self, rules: Sequence[ZoneRules], edition: int) -> None:
        """Store the rules by which tasks are armed from now on, and their edition."""
        rows: list[KeptZoneRow] = [{**_zone_row(each), "edition": edition} for each in rules]
        await self._connection.write([Statement("write_zone_rules", rows)])
        self._known |= {each.zone for each in rules}

    async def store_readings(self, readings: Mapping[str, int]) -> None:
        """Store the versions by which schedules are read from now on."""
        row: ReadingsRow = {"readings": json.dumps(dict(readings), separators=(",", ":"))}
        await self._connection.write([Statement("write_readings", [row])])

    async def zones_in_use(self) -> Sequence[str]:
        """Return the zones that armed tasks follow, by reading them all."""
        zones: set[str] = set()
        for above, below in _ranges(*_TYPES):
            found = await self._connection.read(query("zones_in_use"), {"above": above, "below": below})
            zones |= {row["zone"] for row in found if row["zone"]}
        return sorted(zones)

    def begin_zones(self, tasks: Sequence[ScheduledTask]) -> list[Statement]:
        """Return the statement that stores the rules of zones that *tasks* are the first to use in this process."""
        zones = {zone for task in tasks for zone in _zones_of(task)} - self._known
        found = [_zone_row(rules) for zone in sorted(zones) if (rules := rules_in_force(zone))]
        return [Statement("create_zone_rules", found)] if found else []

    def have_begun(self, statements: Sequence[Statement]) -> None:
        """Remember that the graph holds the rules that *statements* have written."""
        for statement in statements:
            self._known.update(row["zone"] for row in statement.rows)


def _zones_of(task: ScheduledTask) -> Collection[str]:
    """Return the time zones whose rules the armed time of *task* follows from."""
    if task.task_type is not TaskType.RECURRING:
        return () if task.wall_time is None else (task.timezone,)
    return (task.timezone,) if task.schedule_spec is None else {task.timezone, *zones_in(task.schedule)}


def _zone_rules(node: Row) -> ZoneRules:
    return ZoneRules(node["zone"], base64.b64decode(node["rules"]), node.get("version"))


def _ranges(*types: TaskType) -> list[tuple[str, str]]:
    """Return the ranges of status index keys that open tasks of these types have, PENDING before ACTIVE."""
    statuses = sorted(OPEN_STATUSES, key=[TaskStatus.PENDING, TaskStatus.ACTIVE].index)
    begins = [node_rows.status_index_key(status, each, "") for each in types for status in statuses]
    return [(begin, begin[:-1] + chr(ord(begin[-1]) + 1)) for begin in begins]


def _row(move: ArmedTimeChange, cause: ChangeCause) -> RearmRow:
    task, at_ms = move.task, to_ms(cause.at)
    armed: ArmedTask = {
        "next_run_ms": move.next_run_ms,
        "due_key": due_key(move.next_run_ms, task.task_id),
        "nominal_ms": move.nominal_ms,
        "outcomes_since_ms": move.outcomes_since_ms,
        "excluded_ms": None if move.excluded_ms is None else list(move.excluded_ms),
        "additions": move.additions,
        "skips": move.skips,
        "rules_edition": task.rules_edition if move.rules_edition is None else move.rules_edition,
    }
    if task.wait_key is not None:
        armed |= cast("ArmedTask", CLEARED)
    return {
        "task_id": task.task_id,
        "task_type": task.task_type,
        "fence": task.fence,
        "expected_ms": task.next_run_ms,
        "task": armed,
        "change_id": new_id("change", at_ms),
        "at_ms": at_ms,
        "reason": cause.reason,
        "surface": cause.surface,
        "actor": cause.actor,
        "defer_until_ms": move.defer_until_ms,
    }


def _retractions(moves: Sequence[ArmedTimeChange], rows: Sequence[RearmRow]) -> list[Statement]:
    """Return the statements that shrink records of missed occurrences, as some of these are ahead again."""
    parts: dict[str, list[RetractionRow]] = {}
    for move, row in zip(moves, rows, strict=True):
        for stays in move.retractions:
            taken: RetractionRow = {
                "task_id": row["task_id"],
                "task_type": row["task_type"],
                "change_id": row["change_id"],
                "execution_id": stays.missed.execution_id,
                "before": stays.missed.occurrences,
                "occurrences": stays.occurrences,
                "last_ms": stays.last_ms,
                "triggered_ms": stays.missed.triggered_ms,
            }
            parts.setdefault("shorten_missed" if stays.occurrences else "erase_missed", []).append(taken)
    return [Statement(name, taken) for name, taken in parts.items()]


def _zone_row(rules: ZoneRules) -> ZoneRow:
    return {
        "zone": rules.zone,
        "fingerprint": rules.fingerprint,
        "rules": base64.b64encode(rules.data).decode(),
        "version": rules.version,
    }
