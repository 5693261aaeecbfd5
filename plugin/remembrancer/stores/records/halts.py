"""The halt of a graph, on the node that marks the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.ports.halts import HaltRecord
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.records.idempotency import rejecting_reuse
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.row_types.upkeep import HaltReleaseRow, HaltRow
    from remembrancer.stores.commits.statement import Row

_UNREADABLE: Final = "The record of the halt cannot be read."
_MISSING: Final = "The record of the halt is missing."


class GraphHalts:
    """The contract and its laws: `remembrancer.ports.halts.HaltStore`.

    Args:
        connection: An open graph.
    """

    def __init__(self, connection: GraphConnection) -> None:
        self._connection = connection
        self._known: HaltRecord | None = None
        """The record of a graph that no other process writes, once it was read."""

    async def read(self) -> HaltRecord:
        """Return the last halt."""
        if self._known is None or not self._connection.exclusive:
            rows = await self._connection.read(query("halt_record"), {})
            self._known = _record_from(rows[0]) if rows else HaltRecord(True, reason=_MISSING, is_spoiled=True)  # noqa: FBT003
        return self._known

    async def halt(self, reason: str, change: Change, *, stops_runs: bool) -> None:
        """Begin a halt, or give the one that is in force another reason."""
        row: HaltRow = {**change_row(None, change), "stops_runs": stops_runs}
        row["reason"] = reason
        try:
            with rejecting_reuse(change.idempotency_key):
                await self._connection.write([Statement("halt_scheduler", [row])])
        finally:
            self._known = None  # also of a write whose answer was lost

    async def release(self, change: Change) -> bool:
        """End the halt; return False if none was in force."""
        row: HaltReleaseRow = {**change_row(None, change), "is_spoiled": (await self.read()).is_spoiled}
        try:
            with rejecting_reuse(change.idempotency_key):
                answers = await self._connection.write([Statement("release_scheduler", [row])])
        finally:
            self._known = None
        return bool(answers[0])


def _record_from(row: Row) -> HaltRecord:
    """Read a record: whatever is no end of a halt is a halt."""
    halted, released = row["halted_ms"], row["released_ms"]
    if halted is None and released is None:
        return HaltRecord()
    since_ms = halted if _is_time(halted) else None
    reason = row["reason"] if isinstance(row["reason"], str) else _UNREADABLE
    actor = row["actor"] if isinstance(row["actor"], str) else None
    if _is_time(released):
        return HaltRecord(since_ms=since_ms, until_ms=released, reason=reason, actor=actor)
    spoiled = released is not None or since_ms is None
    stops = not spoiled and row["stops_runs"] is True
    edition = row["edition"] if _is_time(row["edition"]) else 0
    return HaltRecord(True, since_ms, None, reason, actor, stops_runs=stops, edition=edition, is_spoiled=spoiled)  # noqa: FBT003


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
