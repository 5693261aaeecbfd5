"""Idempotency keys: properties of the nodes that a request wrote."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from remembrancer.errors import IdempotencyKeyReused
from remembrancer.ports.idempotency import IdempotencyRecord
from remembrancer.stores.commits.statement import UniqueKeyTaken
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Generator

    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row


class GraphIdempotencyStore:
    """The contract and its laws: `remembrancer.ports.idempotency.IdempotencyStore`.

    Args:
        connection: An open graph.
    """

    def __init__(self, connection: GraphConnection) -> None:
        self._connection = connection

    async def find(self, idempotency_key: IdempotencyKey) -> IdempotencyRecord | None:
        """Return the record of the request that was done under the key."""
        keys = {"idempotency_key": idempotency_key.key, "dedup_key": idempotency_key.of_task(0)}
        found = await self._connection.read(query("request_by_key"), keys)
        if not found:
            return None
        done = found[0]
        after: Row = json.loads(done["after"] or "{}")
        return IdempotencyRecord(done["digest"], done["action"], done["task_id"], after.get("execution_id"))

    async def has_made(self, task_id: str, idempotency_key: IdempotencyKey) -> bool:
        """Return whether the request made a task that gives its dedup_key back."""
        found = await self._connection.read(query("request_of_task"), {"task_id": task_id})
        if not found or found[0]["key"] != idempotency_key.key:
            return False
        if found[0]["digest"] != idempotency_key.digest:
            raise IdempotencyKeyReused(idempotency_key.given)
        return True

    async def edited(self, idempotency_key: IdempotencyKey) -> dict[str, str]:
        """Return the ids and names of the tasks that this request has edited among many."""
        key = idempotency_key.key
        asked: Row = {"key": key, "above": f"{key}|", "below": f"{key}}}", "digest": idempotency_key.digest}
        return {row["task_id"]: row["name"] for row in await self._connection.read(query("edited_tasks"), asked)}


@contextmanager
def rejecting_reuse(idempotency_key: IdempotencyKey | None) -> Generator[None]:
    """Raise IdempotencyKeyReused if something was done under the key already."""
    try:
        yield
    except UniqueKeyTaken as taken:
        if idempotency_key is None:
            raise
        raise IdempotencyKeyReused(idempotency_key.given) from taken
