"""Where nodes lie: by the engine's own id of a node a write finds it at once, without asking an index.

Such an id holds as long as its node does, and may be another's afterwards. So none is kept in the graph, and a query
that takes one looks whether the node there is the one that is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, cast

from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import LiteralString

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row

_Row = TypeVar("_Row", bound="Mapping[str, object]")
_MOST: Final = 100_000


def with_element_ids(rows: list[_Row], elements: Sequence[str | None]) -> list[_Row]:
    """Return *rows*, each with the element id of its node added in place."""
    for row, element_id in zip(cast("list[Row]", rows), elements, strict=True):
        row["element_id"] = element_id
    return rows


class ElementIdCache:
    """The element ids of nodes of one kind, from where they are told to the one write that uses them.

    Args:
        connection: An open graph.
        lookup: The query that tells the element ids of nodes by their own `ids`.
    """

    def __init__(self, connection: GraphConnection, lookup: LiteralString) -> None:
        self._connection = connection
        self._lookup = lookup
        self._known: dict[str, str] = {}

    def note(self, node_id: str, element_id: str) -> None:
        """Remember where a node is."""
        if len(self._known) >= _MOST:
            self._known.clear()  # nobody has come for them; whoever does can ask the graph
        self._known[node_id] = element_id

    async def take(self, node_ids: Sequence[str]) -> list[str | None]:
        """Return where these nodes are, and forget it; None for one that is not there."""
        taken = {node_id: self._known.pop(node_id, None) for node_id in node_ids}
        if unknown := [node_id for node_id, element_id in taken.items() if element_id is None]:
            for row in await self._connection.read(query(self._lookup), {"ids": unknown}):
                taken[row["id"]] = row["element_id"]
        return [taken[node_id] for node_id in node_ids]
