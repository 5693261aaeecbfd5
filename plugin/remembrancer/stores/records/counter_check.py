"""A comparison of the statistics of a graph with its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphDamaged, GraphUnavailable, QueryFailed
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import LAST_MS
from remembrancer.model.words import count_of
from remembrancer.stores.commits.counters import sensible, summed
from remembrancer_schema.catalog import query
from remembrancer_schema.kinds import EDGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row

COMPARED: Final = (
    *("tasks_created", "deferrals", "executions_started", "executions_completed", "executions_failed"),
    "occurrences_dropped",
)
"""Counts that the scheduler never takes back: statistics and nodes agree on them, whatever was done."""

_OF_OUTCOMES: Final = ("executions_completed", "executions_failed")


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter on which the statistics and the nodes differ."""

    counted: str
    statistics: float
    nodes: float

    @property
    def is_loss(self) -> bool:
        """True if nodes are missing; otherwise the statistics are too low, as in a graph older than they are."""
        return self.nodes < self.statistics

    def __str__(self) -> str:
        """Return the difference in words."""
        return f"{self.counted}: {self.statistics:,.0f} in the statistics, {self.nodes:,.0f} in the nodes"


async def compare_counters(connection: GraphConnection) -> Sequence[Difference]:
    """Return where the statistics and the nodes differ; counts made during the reads are no difference."""
    before = await _lifetime(connection)
    (nodes,) = await connection.read(query("recount"), {})
    after = await _lifetime(connection)
    found: list[Difference] = []
    for name in COMPARED:
        odd = nodes["odd"] if name in _OF_OUTCOMES else 0  # unreadable outcomes may be any
        if nodes[name] + odd < before[name]:
            found.append(Difference(name, before[name], nodes[name]))
        elif nodes[name] > after[name]:
            found.append(Difference(name, after[name], nodes[name]))
    return found


async def compare_hours(connection: GraphConnection) -> Sequence[str]:
    """Return where the hourly statistics differ from the lifetime ones, in words."""
    always: Row = {"since_ms": 0, "until_ms": LAST_MS, "types": list(TaskType)}
    hours = await connection.read(query("hours_since"), always)
    life = await _lifetime(connection)
    total = {name: sum(sensible(row["h"]).get(name) or 0 for row in hours) for name in COMPARED}
    return [
        f"{name}: {life[name]:,.0f} in the lifetime statistics, {total[name]:,.0f} in the hourly ones"
        for name in COMPARED
        if life[name] != total[name]
    ]


async def refuse_loss(connection: GraphConnection, graph: str) -> None:
    """Raise GraphDamaged if the graph lacks nodes that its statistics count, or edges that every node has."""
    try:
        lost = [str(each) for each in await compare_counters(connection) if each.is_loss]
    except GraphUnavailable as odd:  # a value of a record cannot be counted
        if not connection.exclusive and not isinstance(odd, QueryFailed):
            raise  # the server does not answer
        lost = [f"its nodes cannot be counted ({str(odd)[-200:]})"]
    if connection.exclusive:  # on a server, a foreign node may have such a label
        lost += [*await compare_hours(connection), *await _without_edges(connection)]
    if lost:
        raise GraphDamaged(
            f"The graph {graph} lacks what its own statistics count: {'; '.join(lost)}. Nothing was copied from it. "
            f"`remembrancer check --graph {graph}` shows the damage, and `check --repair` restores what it can; a "
            "backup may hold more."
        )


async def _without_edges(connection: GraphConnection) -> Sequence[str]:
    found = {
        edge.kind: (await connection.read(query(f"without_{edge.kind}".lower()), {}))[0]["size"]
        for edge in EDGES
        if edge.required
    }
    return [f"{count_of(count, 'node lacks its', 'nodes lack their')} {kind}" for kind, count in found.items() if count]


async def _lifetime(connection: GraphConnection) -> Mapping[str, float]:
    return summed([row["c"] for row in await connection.read(query("counters"), {})])
