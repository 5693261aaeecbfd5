"""What is due, and what comes next: the two questions of every pass, asked of the due index above its floor."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, LiteralString

from remembrancer.errors import GraphUnavailable
from remembrancer.stores.graph.element_ids import with_element_ids
from remembrancer.stores.graph.watermark import Watermark
from remembrancer.stores.rows.due_key import due_key, last_key, moment_of
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row, Statement

_LOOKS: Final = 5
"""How often to look for the next run, if another replica takes it each time before it is read."""
_A_MOMENT_SECONDS: Final = 0.05


class DueIndex:
    """The armed tasks of a graph, by when they act.

    On a shared graph a read sees what others commit while it is under way: the index still holds a task that
    another replica has moved on by the time its node is read. Such a task is left out.

    Args:
        connection: An open graph.
        floor_lifetime_ms: How long a moment armed by others may stay unseen; on a shared graph there is no floor.
    """

    def __init__(self, connection: GraphConnection, floor_lifetime_ms: int) -> None:
        self._connection = connection
        self.on_armed: list[Callable[[int], None]] = []
        self._following: set[asyncio.Task[None]] = set()
        self.floor = Watermark(floor_lifetime_ms if connection.exclusive else 0)

    async def due(
        self, now_ms: int, limit: int, after: ScheduledTask | None, shares: Collection[int] | None
    ) -> list[Row]:
        """Return the nodes of tasks due at *now_ms*, oldest first, at most *limit*, those behind *after* if given.

        Beside its properties a node has `element_id`, the engine's own.
        """
        if after:
            return await self._due(due_key(after.next_run_ms, after.task_id), now_ms, limit, shares)
        if shares is not None:  # a look at a part proves nothing of the whole
            return await self._due(last_key(self.floor.height_ms), now_ms, limit, shares)
        nodes = await self._due(last_key(self.floor.begin_read(now_ms)), now_ms, limit, None)
        self.floor.end_read(moment_of(nodes[0]["due_key"]) - 1 if nodes else now_ms)
        return nodes

    async def arming(self, moments: Sequence[int | None], statements: Sequence[Statement]) -> list[list[Row]]:
        """Write what arms tasks for *moments*: keep the floor below the earliest of them, and tell who listens.

        Whatever arms a task writes through here.
        """
        earliest = min((moment for moment in moments if moment is not None), default=None)
        if earliest is None:
            return await self._connection.write(statements)
        self.floor.arm(earliest)
        try:
            return await self._connection.write(statements)
        except asyncio.CancelledError:  # the caller has gone, and what it wrote is committed all the same
            asyncio.get_running_loop().call_later(_A_MOMENT_SECONDS, self._follow, earliest)
            raise
        finally:
            self._tell_armed(earliest)

    def _tell_armed(self, moment_ms: int) -> None:
        self.floor.arm(moment_ms)
        for listener in self.on_armed:
            listener(moment_ms)

    def _follow(self, moment_ms: int) -> None:
        """Tell who listens once a write that its caller has left is done."""
        following = asyncio.get_running_loop().create_task(self._await_writes(moment_ms))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _await_writes(self, moment_ms: int) -> None:
        with suppress(GraphUnavailable):  # closed meanwhile, or the pass that follows meets the same
            await self._connection.write([])  # what was written before it is committed before it
        self._tell_armed(moment_ms)

    async def next_run_ms(self, shares: Collection[int] | None) -> int | None:
        """Return the earliest moment any task is armed for."""
        for _ in range(_LOOKS):
            parameters: Row = {"floor_key": last_key(self.floor.height_ms)}
            found = await self._ask("next_run", parameters, shares)
            if not found or found[0]["next_run_ms"] is not None:
                return found[0]["next_run_ms"] if found else None
        return None

    async def _due(self, floor_key: int | None, now_ms: int, limit: int, shares: Collection[int] | None) -> list[Row]:
        """Return what is due above a key: a page of which nothing is due any more hides none that follows."""
        for _ in range(_LOOKS):
            parameters: Row = {"floor_key": floor_key, "now_key": last_key(now_ms), "limit": limit}
            found = await self._ask("due_tasks", parameters, shares)
            nodes = with_element_ids([row["t"] for row in found], [row["element_id"] for row in found])
            due = [node for node in nodes if _is_due(node, now_ms)]
            if due or len(found) < limit:
                return due
            keys = [node["due_key"] for node in nodes if isinstance(node.get("due_key"), int)]
            floor_key = max((key for key in keys if key <= last_key(now_ms)), default=floor_key)
        return []

    async def _ask(self, name: LiteralString, parameters: Row, shares: Collection[int] | None) -> list[Row]:
        """Ask of all tasks, or of those of *shares*."""
        if shares is None:
            return await self._connection.read(query(name), parameters)
        return await self._connection.read(query(f"{name}_of_shares"), {**parameters, "shares": list(shares)})


def _is_due(node: Row, now_ms: int) -> bool:
    """Whether the task still acts at *now_ms*; one whose moment makes no sense is due, to be taken out of the index."""
    moment = node.get("next_run_ms")
    if not isinstance(moment, int):
        return moment is not None or node.get("due_key") is not None
    return moment <= now_ms
