"""Lineages, as nodes of the graph, and the tasks that belong to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.budget import AMOUNTS, LIMITS, ON_EXHAUSTED, budget_text
from remembrancer.model.policy import OnExhausted
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.lineages import LineageState, Origin
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.rows import audit_rows, node_rows
from remembrancer.stores.rows.lineage_rows import drawing, lineage_row
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.lineages import Exhaustion
    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.row_types.lineages import ExhaustedRow
    from remembrancer.stores.rows.readable_records import ReadableRecords


class GraphLineages:
    """The contract and its laws: `remembrancer.ports.lineages.LineageStore`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def origin_of(self, execution_id: str) -> Origin | None:
        """Return where the tasks belong that an execution schedules; None for one that this graph does not have."""
        found = await self._read("origin_of_execution", {"execution_id": execution_id})
        if not found:
            return None
        row = found[0]
        state = LineageState(row["lineage_id"]) if row["l"] is None else state_from(row["l"])
        return Origin(execution_id, row["parent_id"], row["generation"], row["spawned"], state, row["l"] is None)

    async def get(self, lineage_id: str) -> LineageState | None:
        """Return a lineage's node; None for one that has none."""
        return (await self.states([lineage_id])).get(lineage_id)

    async def states(self, lineage_ids: Collection[str]) -> dict[str, LineageState]:
        """Return the nodes of those lineages that have one, by their ids."""
        found = await self._read("lineages_by_ids", {"ids": list(lineage_ids)})
        return {each.lineage_id: each for each in (state_from(row["l"]) for row in found)}

    async def tasks(self, lineage_id: str, limit: int) -> Sequence[ScheduledTask]:
        """Return the tasks of a lineage, parents before children, at most *limit*."""
        asked: Row = {"lineage_id": lineage_id, "limit": limit}
        nodes = [
            row["t"] for name in ("roots_of_lineage", "spawned_in_lineage") for row in await self._read(name, asked)
        ]
        return self._records.read("task_id", node_rows.shown_task_from, nodes)[:limit]

    async def open_spawned(self, lineage_id: str) -> int:
        """Return how many of the tasks are open that handlers scheduled in a lineage."""
        return (await self._read("open_in_lineage", {"lineage_id": lineage_id}))[0]["open"]

    async def set_budget(self, lineage_id: str, budget: Mapping[str, object], change: Change) -> None:
        """Give a lineage other bounds."""
        audit = {**audit_rows.change_row(None, change), "after": budget_text(budget)}
        row: Row = {**audit, **lineage_row(lineage_id, budget, change.at)}
        await self._connection.write(
            [
                Statement("begin_lineages", [row]),
                Statement("link_lineages", [{"lineage_id": lineage_id}]),
                *drawing([lineage_id]),
                Statement("record_budgets", [dict(row)]),
            ]
        )

    async def note_exhausted(self, found: Sequence[Exhaustion], at: datetime) -> Sequence[Exhaustion]:
        """Note which budgets have too little left; return those that were not noted since they were changed."""
        rows: list[ExhaustedRow] = [
            {"lineage_id": each.lineage_id, "task_id": each.task_id, "reason": each.reason, "at_ms": to_ms(at)}
            for each in found
        ]
        (noted,) = await self._connection.write([Statement("note_exhausted", rows)])
        return [found[int(row["row"])] for row in noted]

    async def exhausted(self, limit: int) -> Sequence[LineageState]:
        """Return the lineages whose budgets have too little left for their open tasks."""
        return [state_from(row["l"]) for row in await self._read("exhausted_lineages", {"limit": limit})]

    async def has_thought(self, thought_id: str) -> bool:
        """Return whether there is a thought, of which tasks were scheduled."""
        return bool(await self._read("lineage_thought", {"lineage_id": thought_id}))

    async def _read(self, name: str, parameters: Row) -> list[Row]:
        return await self._connection.read(query(name), parameters)


def state_from(node: Row) -> LineageState:
    """Read a lineage from its node."""
    return LineageState(
        lineage_id=str(node["lineage_id"]),
        limits=_numbers(node, LIMITS),
        spawned=int(node.get("spawned") or 0),
        caps=_numbers(node, AMOUNTS),
        spent=_numbers(node, AMOUNTS, "spent_"),
        reserved=_numbers(node, AMOUNTS, "reserved_"),
        is_exhausted=node.get("exhausted_ms") is not None,
        on_exhausted=OnExhausted(node.get(ON_EXHAUSTED) or OnExhausted.SKIP),
    )


def _numbers(node: Row, names: Sequence[str], prefix: str = "") -> dict[str, int]:
    """Return the whole numbers of a node that are there, by their names without the prefix."""
    return {name: int(value) for name in names if (value := node.get(f"{prefix}{name}")) is not None}
