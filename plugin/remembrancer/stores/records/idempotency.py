"""Requests that may be sent again, as marks on what they wrote."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from remembrancer.errors import ExecutionNotFound, ExecutionUnreadable, IdempotencyKeyReused
from remembrancer.ports.idempotency import IdempotencyRecord
from remembrancer.stores.commits.statement import UniqueKeyTaken
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.readable_records import FAULTS, one_line
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Generator

    from remembrancer.model.execution import Execution
    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row


class GraphIdempotencyStore:
    """The contract and its laws: `remembrancer.ports.idempotency.IdempotencyStore`.

    Args:
        session: An open graph.
    """

    def __init__(self, session: GraphConnection) -> None:
        self._session = session

    async def find(self, mark: IdempotencyKey) -> IdempotencyRecord | None:
        """Return what was done under the mark's key."""
        keys = {"request_key": mark.key, "dedup_key": mark.of_task(0)}
        found = await self._session.read(query("request_by_key"), keys)
        if not found:
            return None
        done = found[0]
        after: Row = json.loads(done["after"] or "{}")
        return IdempotencyRecord(done["digest"], done["action"], done["task_id"], after.get("execution_id"))

    async def execution(self, execution_id: str) -> Execution:
        """Return one execution. Raises ExecutionNotFound, ExecutionUnreadable."""
        found = await self._session.read(query("execution_by_id"), {"execution_id": execution_id})
        if not found:
            raise ExecutionNotFound(execution_id)
        try:
            return node_rows.execution_from(found[0]["e"])
        except FAULTS as fault:
            raise ExecutionUnreadable(execution_id, one_line(fault)) from fault


@contextmanager
def rejecting_reuse(mark: IdempotencyKey | None) -> Generator[None]:
    """Say in our words that something was done under the mark's key already."""
    try:
        yield
    except UniqueKeyTaken as taken:
        if mark is None:
            raise
        raise IdempotencyKeyReused(mark.given) from taken
