"""Dead letters, as nodes of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.dead_letter import DeadLetter
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.records.idempotency import rejecting_reuse
from remembrancer.stores.rows import audit_rows
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.rows.readable_records import ReadableRecords


class GraphDeadLetters:
    """The contract and its laws: `remembrancer.ports.dead_letters.DeadLetters`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def all(self, task_id: str | None, limit: int) -> Sequence[DeadLetter]:
        """Return the dead letters of one task, or of all, the last to fail first."""
        return await self._read("dead_letters", {"task_id": task_id, "limit": limit})

    async def get(self, dead_letter_id: str) -> DeadLetter | None:
        """Return one dead letter; None if there is none."""
        found = await self._read("dead_letter_by_id", {"dead_letter_id": dead_letter_id})
        return found[0] if found else None

    async def clear(self, letter: DeadLetter, change: Change) -> bool:
        """Delete a dead letter, if nothing has failed for its fault since it was read; return whether it did."""
        row: Row = {**audit_rows.change_row(letter.task_id, change), "dead_letter_id": letter.dead_letter_id}
        row |= {"failures": letter.failures, "before": letter.model_dump_json()}
        with rejecting_reuse(change.idempotency_key):
            answers = await self._connection.write([Statement("clear_dead_letters", [row])])
        return bool(answers[0])

    async def _read(self, name: str, parameters: Row) -> list[DeadLetter]:
        rows = await self._connection.read(query(name), parameters)
        return self._records.read("dead_letter_id", DeadLetter.model_validate, [row["d"] for row in rows])
