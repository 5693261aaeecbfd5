"""Tasks whose next run has moved, and whose SCHEDULED_FOR edge is still to follow.

The edge is for people: moving it with every fire would cost a third of the fire rate, so it follows when the
scheduler has nothing else to do. A crash in between leaves an edge one run behind, until the task's next run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from remembrancer.model.ids import minute_of
from remembrancer.stores.rows.node_rows import time_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.statement import Row

_MOST: Final = 100_000
_REST_SECONDS: Final = 30.0
"""How long the edges rest after others' locks were in their way: the checker has no time to wait for them."""


class PendingTimeLinks:
    """Remembers, for at most a hundred thousand tasks, the minute each is scheduled for now."""

    def __init__(self) -> None:
        self._minutes: dict[str, int] = {}
        self._rest_until = 0.0

    def note(self, task_id: str, next_run_ms: int) -> None:
        """The task's next run is at *next_run_ms* now."""
        if task_id in self._minutes or len(self._minutes) < _MOST:
            self._minutes[task_id] = minute_of(next_run_ms)

    def take(self, limit: int) -> list[Row]:
        """Take up to *limit* tasks out, as rows {task_id, minute_ms, time_id}."""
        taken: list[Row] = []
        if time.monotonic() < self._rest_until:
            return taken
        while self._minutes and len(taken) < limit:
            task_id, minute_ms = self._minutes.popitem()
            taken.append({"task_id": task_id, "minute_ms": minute_ms, "time_id": time_id(minute_ms)})
        return taken

    def give_back(self, taken: Sequence[Row]) -> None:
        """Others hold locks of some of these: take none for a while; what has moved since knows better."""
        self._rest_until = time.monotonic() + _REST_SECONDS
        for row in taken:
            self._minutes.setdefault(row["task_id"], row["minute_ms"])
