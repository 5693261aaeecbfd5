"""Element ids: by the engine's own id of a node a write finds it at once, without an index.

Such an id is valid as long as its node exists, and may belong to another node afterwards. So none is stored in the
graph, and a query that takes one checks that the node is the right one.
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


def with_element_ids(rows: list[_Row], element_ids: Sequence[str | None]) -> list[_Row]:
    """Return *rows*, each with the element id of its node added in place."""
    for row, element_id in zip(cast("list[Row]", rows), element_ids, strict=True):
        row["element_id"] = element_id
    return rows


class ElementIdCache:
    """The element ids of nodes of one label, from the read that returned them to the one write that uses them.

    Args:
        connection: An open graph.
        lookup: The query that returns the element ids of nodes by their keys, `ids`.
    """

    def __init__(self, connection: GraphConnection, lookup: LiteralString) -> None:
        self._connection = connection
        self._lookup = lookup
        self._known: dict[str, str] = {}

    def record(self, node_id: str, element_id: str) -> None:
        """Remember the element id of a node."""
        if len(self._known) >= _MOST:
            self._known.clear()  # unused ones; a write that needs one looks it up
        self._known[node_id] = element_id

    async def take(self, node_ids: Sequence[str]) -> list[str | None]:
        """Return the element ids of these nodes, and forget them; None for a node that does not exist."""
        taken = {node_id: self._known.pop(node_id, None) for node_id in node_ids}
        if unknown := [node_id for node_id, element_id in taken.items() if element_id is None]:
            for row in await self._connection.read(query(self._lookup), {"ids": unknown}):
                taken[row["id"]] = row["element_id"]
        return [taken[node_id] for node_id in node_ids]
