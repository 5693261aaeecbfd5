"""The armed times of recurring tasks in a graph, and the time zone rules that they follow."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from remembrancer.model.ids import LAST_ID, first_id, new_id
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus, TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.armed_times import MissedOccurrence
from remembrancer.schedules.zone_rules import ZoneRules, rules_in_force
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.due_key import due_key
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import ArmedTimeChange, ChangeCause
    from remembrancer.stores.commits.row_types.tasks import RearmRow, RetractionRow, ZoneRow
    from remembrancer.stores.graph.parts import GraphParts

_PAGE: Final = 500
_UTC: Final = "UTC"


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

    async def recurring(self, zones: Collection[str] | None = None) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the armed recurring tasks in pages; a PENDING task that becomes ACTIVE in between comes as ACTIVE."""
        wanted = None if zones is None else list(zones)
        for begin, below in _ranges():
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

    async def zone_rules(self) -> Mapping[str, ZoneRules]:
        """Return the rules by which tasks were armed, for each zone in use."""
        found = [row["z"] for row in await self._connection.read(query("zone_rules"), {})]
        return {node["zone"]: ZoneRules(node["zone"], base64.b64decode(node["rules"])) for node in found}

    async def store_zone_rules(self, rules: Sequence[ZoneRules]) -> None:
        """Store the rules by which tasks are armed from now on."""
        await self._connection.write([Statement("write_zone_rules", [_zone_row(each) for each in rules])])
        self._known |= {each.zone for each in rules}

    async def zones_in_use(self) -> Sequence[str]:
        """Return the zones that armed recurring tasks follow, by reading them all."""
        zones: set[str] = set()
        for above, below in _ranges():
            found = await self._connection.read(query("zones_in_use"), {"above": above, "below": below})
            zones |= {row["zone"] for row in found if row["zone"]}
        return sorted(zones)

    def begin_zones(self, tasks: Sequence[ScheduledTask]) -> list[Statement]:
        """Return the statement that stores the rules of zones that *tasks* are the first to use in this process."""
        zones = {task.timezone for task in tasks if task.task_type is TaskType.RECURRING} - self._known
        found = [_zone_row(rules) for zone in sorted(zones) if (rules := rules_in_force(zone))]
        return [Statement("create_zone_rules", found)] if found else []

    def have_begun(self, statements: Sequence[Statement]) -> None:
        """Remember that the graph holds the rules that *statements* have written."""
        for statement in statements:
            self._known.update(row["zone"] for row in statement.rows)


def _ranges() -> list[tuple[str, str]]:
    """Return the ranges of status index keys that open recurring tasks have, PENDING before ACTIVE."""
    statuses = sorted(OPEN_STATUSES, key=[TaskStatus.PENDING, TaskStatus.ACTIVE].index)
    begins = [node_rows.status_index_key(status, TaskType.RECURRING, "") for status in statuses]
    return [(begin, begin[:-1] + chr(ord(begin[-1]) + 1)) for begin in begins]


def _row(move: ArmedTimeChange, cause: ChangeCause) -> RearmRow:
    task, at_ms = move.task, to_ms(cause.at)
    return {
        "task_id": task.task_id,
        "task_type": task.task_type,
        "fence": task.fence,
        "expected_ms": task.next_run_ms,
        "task": {
            "next_run_ms": move.next_run_ms,
            "due_key": due_key(move.next_run_ms, task.task_id),
            "nominal_ms": move.nominal_ms,
            "outcomes_since_ms": move.outcomes_since_ms,
            "excluded_ms": None if move.excluded_ms is None else list(move.excluded_ms),
            "additions": move.additions,
            "skips": move.skips,
        },
        "change_id": new_id("change", at_ms),
        "at_ms": at_ms,
        "reason": cause.reason,
        "replica_id": cause.replica_id,
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
    }
