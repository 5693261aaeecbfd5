"""The start of a restored graph: an id of its own, expired leases, and an entry in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer.stores.rows.node_rows import to_json
from remembrancer_schema.catalog import query
from remembrancer_schema.kinds import APART, KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection


async def begin_restored(connection: GraphConnection, change: Change, after: Mapping[str, str]) -> None:
    """Give the open copy a new graph id and expire its leases; *change* records who restored it."""
    row: Row = {**change_row(None, change), "after": to_json(dict(after)), "graph_id": uuid4().hex}
    await connection.write(
        [Statement("restore_graph", [row]), Statement("end_all_leases", [{}]), Statement("delete_replicas", [{}])]
    )


async def count_labels(connection: GraphConnection) -> dict[str, int]:
    """Return the number of nodes of each label."""
    counts: dict[str, int] = {}
    for label in KEYS:
        if label not in APART:
            (found,) = await connection.read(query(f"size_of_{label}"), {})
            counts[label] = found["size"]
    return counts
