"""What is due, and what comes next: the two questions of every pass, asked of the due index above its floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.stores.due_key import due_key, last_key
from remembrancer.stores.floor import Floor
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.session import Row, Session

_LOOKS: Final = 5
"""How often to look for the next run, if another replica takes it each time before it is read."""


class DueIndex:
    """The armed tasks of a graph, by when they act.

    On a shared graph a read sees what others commit while it is under way: the index still holds a task that
    another replica has moved on by the time its node is read. Such a task is left out.

    Args:
        session: An open graph.
        floor_lifetime_ms: How long a moment armed by others may stay unseen; on a shared graph there is no floor.
    """

    def __init__(self, session: Session, floor_lifetime_ms: int) -> None:
        self._session = session
        self.floor = Floor(floor_lifetime_ms if session.exclusive else 0)

    async def due(self, now_ms: int, limit: int, after: ScheduledTask | None) -> list[Row]:
        """Return the nodes of tasks due at *now_ms*, oldest first, at most *limit*, those behind *after* if given."""
        floor_key = due_key(after.next_run_ms, after.task_id) if after else last_key(self.floor.begin_read(now_ms))
        parameters: Row = {"floor_key": floor_key, "now_key": last_key(now_ms), "limit": limit}
        found: list[Row] = [row["t"] for row in await self._session.read(query("due_tasks"), parameters)]
        nodes = [node for node in found if node.get("next_run_ms") is not None and node["next_run_ms"] <= now_ms]
        if after is None:
            self.floor.end_read(nodes[0]["next_run_ms"] - 1 if nodes else now_ms)
        return nodes

    async def next_run_ms(self) -> int | None:
        """Return the earliest moment any task is armed for."""
        for _ in range(_LOOKS):
            parameters: Row = {"floor_key": last_key(self.floor.height_ms)}
            found = await self._session.read(query("next_run"), parameters)
            if not found or found[0]["next_run_ms"] is not None:
                return found[0]["next_run_ms"] if found else None
        return None
