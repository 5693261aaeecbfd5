"""The books of a graph against its nodes: what was counted when it was written, and what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphDamaged, GraphUnavailable, QueryFailed
from remembrancer.model.policy import TaskType
from remembrancer.model.words import count_of
from remembrancer.stores.commits.counters import sensible, summed
from remembrancer.stores.records.statistics import LAST_MS
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
"""What no act of the scheduler takes back: of these the books and the nodes agree, whatever was done."""

_OF_OUTCOMES: Final = ("executions_completed", "executions_failed")


@dataclass(frozen=True, slots=True)
class Difference:
    """Something of which the books and the nodes tell different numbers."""

    counted: str
    books: float
    nodes: float

    @property
    def is_loss(self) -> bool:
        """Whether nodes are missing; else the books are behind, as those of a graph older than they are."""
        return self.nodes < self.books

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.counted}: {self.books:,.0f} in the books, {self.nodes:,.0f} in the nodes"


async def compare_counters(session: GraphConnection) -> Sequence[Difference]:
    """Return where the books and the nodes differ; what is counted while they are read is no difference."""
    before = await _books(session)
    (nodes,) = await session.read(query("recount"), {})
    after = await _books(session)
    found: list[Difference] = []
    for name in COMPARED:
        odd = nodes["odd"] if name in _OF_OUTCOMES else 0  # their outcome cannot be read, and may be any
        if nodes[name] + odd < before[name]:
            found.append(Difference(name, before[name], nodes[name]))
        elif nodes[name] > after[name]:
            found.append(Difference(name, after[name], nodes[name]))
    return found


async def compare_hours(session: GraphConnection) -> Sequence[str]:
    """Return what the books say otherwise by the hour than over the graph's whole life, in words."""
    always: Row = {"since_ms": 0, "until_ms": LAST_MS, "types": list(TaskType)}
    hours = await session.read(query("hours_since"), always)
    life = await _books(session)
    sums = {name: sum(sensible(row["h"]).get(name) or 0 for row in hours) for name in COMPARED}
    return [
        f"{name}: {life[name]:,.0f} in the books of the graph's life, {sums[name]:,.0f} in those by the hour"
        for name in COMPARED
        if life[name] != sums[name]
    ]


async def refuse_loss(session: GraphConnection, graph: str) -> None:
    """Raise GraphDamaged if the graph lacks what its own books say it holds, or an edge that every node has."""
    try:
        lost = [str(each) for each in await compare_counters(session) if each.is_loss]
    except GraphUnavailable as odd:  # a record holds what nothing can be counted with
        if not session.exclusive and not isinstance(odd, QueryFailed):
            raise  # a server that does not answer
        lost = [f"its nodes cannot be counted ({str(odd)[-200:]})"]
    if session.exclusive:  # on a server, a node of another's may have such a label
        lost += [*await compare_hours(session), *await _without_edges(session)]
    if lost:
        raise GraphDamaged(
            f"The graph {graph} does not hold what its own books count: {'; '.join(lost)}. Nothing was made of it. "
            f"`remembrancer check --graph {graph}` says what is wrong, and `check --repair` makes the best of what is "
            "left; a backup may hold more."
        )


async def _without_edges(session: GraphConnection) -> Sequence[str]:
    found = {
        edge.kind: (await session.read(query(f"without_{edge.kind}".lower()), {}))[0]["size"]
        for edge in EDGES
        if edge.required
    }
    return [f"{count_of(count, 'node lacks its', 'nodes lack their')} {kind}" for kind, count in found.items() if count]


async def _books(session: GraphConnection) -> Mapping[str, float]:
    return summed([row["c"] for row in await session.read(query("counters"), {})])
