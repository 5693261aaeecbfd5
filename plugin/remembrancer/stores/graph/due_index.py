"""The due index: the tasks that are due and the next run, read above a low watermark."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, LiteralString

from remembrancer.errors import GraphUnavailable
from remembrancer.stores.due_times.watermark import Watermark
from remembrancer.stores.graph.element_ids import with_element_ids
from remembrancer.stores.rows.due_key import last_key, time_ms_of
from remembrancer.stores.rows.wait_keys import due_key_of
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row, Statement

_TRIES: Final = 5
"""The number of reads of the next run, if another replica claims it each time before it is read."""
_FOLLOW_SECONDS: Final = 0.05


class DueIndex:
    """The armed tasks of a graph, by the time of their next run.

    On a shared graph a read sees commits of others that end while it runs: the index may still hold a task whose node
    says already that another replica has claimed it. Such a task is left out.

    Args:
        connection: An open graph.
        watermark_lifetime_ms: How long a run armed by others may stay unseen; a shared graph has no watermark.
    """

    def __init__(self, connection: GraphConnection, watermark_lifetime_ms: int) -> None:
        self._connection = connection
        self.on_armed: list[Callable[[int], None]] = []
        self._following: set[asyncio.Task[None]] = set()
        self.watermark = Watermark(watermark_lifetime_ms if connection.exclusive else 0)

    async def due(
        self,
        now_ms: int,
        limit: int,
        after: ScheduledTask | None,
        shards: Collection[int] | None,
        *,
        without_priority: bool = False,
    ) -> list[Row]:
        """Return the nodes of tasks due at *now_ms*, oldest first, at most *limit*, those after *after* if given.

        A node has its properties, and `element_id`, the engine's id of it.
        """
        if without_priority:  # a read of some tasks proves nothing about the others
            floor = due_key_of(after) if after else last_key(self.watermark.value_ms)
            return await self._due(floor, now_ms, limit, shards, "due_without_priority")
        if after:
            return await self._due(due_key_of(after), now_ms, limit, shards)
        if shards is not None:  # a read of some shards proves nothing about the others
            return await self._due(last_key(self.watermark.value_ms), now_ms, limit, shards)
        nodes = await self._due(last_key(self.watermark.begin_read(now_ms)), now_ms, limit, None)
        self.watermark.end_read(time_ms_of(nodes[0]["due_key"]) - 1 if nodes else now_ms)
        return nodes

    async def due_with_priority(self, now_ms: int, limit: int, shards: Collection[int] | None) -> list[Row]:
        """Return the nodes of the first tasks of each served priority that are due at *now_ms*, *limit* of each."""
        floor_key = last_key(self.watermark.value_ms)
        asked: Row = {"floor_key": floor_key, "now_key": last_key(now_ms), "limit": limit}
        found = await self._read("due_with_priority", asked, shards)
        nodes = with_element_ids([row["t"] for row in found], [row["element_id"] for row in found])
        return [node for node in nodes if _is_due(node, now_ms)]

    async def write_armed(self, times: Sequence[int | None], statements: Sequence[Statement]) -> list[list[Row]]:
        """Write statements that arm tasks for *times*: lower the watermark first, and call the listeners.

        Every write that arms a task comes through this method.
        """
        earliest = min((time for time in times if time is not None), default=None)
        if earliest is None:
            return await self._connection.write(statements)
        self.watermark.arm(earliest)
        try:
            return await self._connection.write(statements)
        except asyncio.CancelledError:  # the caller has gone; its write is committed all the same
            asyncio.get_running_loop().call_later(_FOLLOW_SECONDS, self._follow, earliest)
            raise
        finally:
            self._notify(earliest)

    def _notify(self, time_ms: int) -> None:
        self.watermark.arm(time_ms)
        for listener in self.on_armed:
            listener(time_ms)

    def _follow(self, time_ms: int) -> None:
        """Call the listeners once a write is done whose caller has gone."""
        following = asyncio.get_running_loop().create_task(self._await_writes(time_ms))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _await_writes(self, time_ms: int) -> None:
        with suppress(GraphUnavailable):  # closed meanwhile, or the next tick meets the same error
            await self._connection.write([])  # it is committed after the writes before it
        self._notify(time_ms)

    async def next_run_ms(self, shards: Collection[int] | None) -> int | None:
        """Return the earliest time for which any task is armed."""
        for _ in range(_TRIES):
            parameters: Row = {"floor_key": last_key(self.watermark.value_ms)}
            found = await self._read("next_run", parameters, shards)
            if not found or found[0]["next_run_ms"] is not None:
                return found[0]["next_run_ms"] if found else None
        return None

    async def _due(
        self,
        floor_key: int | None,
        now_ms: int,
        limit: int,
        shards: Collection[int] | None,
        name: LiteralString = "due_tasks",
    ) -> list[Row]:
        """Return the nodes that are due above a key; a page of tasks claimed in between does not hide the next one."""
        for _ in range(_TRIES):
            parameters: Row = {"floor_key": floor_key, "now_key": last_key(now_ms), "limit": limit}
            found = await self._read(name, parameters, shards)
            nodes = with_element_ids([row["t"] for row in found], [row["element_id"] for row in found])
            due = [node for node in nodes if _is_due(node, now_ms)]
            if due or len(found) < limit:
                return due
            keys = [node["due_key"] for node in nodes if isinstance(node.get("due_key"), int)]
            floor_key = max((key for key in keys if key <= last_key(now_ms)), default=floor_key)
        return []

    async def _read(self, name: LiteralString, parameters: Row, shards: Collection[int] | None) -> list[Row]:
        """Read of all tasks, or of those of *shards*."""
        if shards is None:
            return await self._connection.read(query(name), parameters)
        return await self._connection.read(query(f"{name}_of_shards"), {**parameters, "shards": list(shards)})


def _is_due(node: Row, now_ms: int) -> bool:
    """Return True if the task is still due at *now_ms*; one with an unreadable time is, so that it leaves the index."""
    time_ms = node.get("next_run_ms")
    if not isinstance(time_ms, int):
        return time_ms is not None or node.get("due_key") is not None
    key = node.get("due_key")
    return time_ms <= now_ms and (node.get("wait_key") is None or (isinstance(key, int) and time_ms_of(key) <= now_ms))
