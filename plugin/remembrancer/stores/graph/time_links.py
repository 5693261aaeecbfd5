"""Pending SCHEDULED_FOR edges: tasks whose next run has moved, and whose edge must follow.

Only readers of the graph use the edge. To move it with every fire would cost a third of the fire rate, so it follows
when the scheduler is idle. A crash before that leaves an edge one run late, until the task's next run.
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
"""The pause after locks of other writers have refused the edges: a tick has no time to wait."""


class PendingTimeLinks:
    """The minutes for which tasks are scheduled now, of at most a hundred thousand tasks."""

    def __init__(self) -> None:
        self._minutes: dict[str, int] = {}
        self._rest_until = 0.0

    def record(self, task_id: str, next_run_ms: int) -> None:
        """Note that the next run of the task is at *next_run_ms* now."""
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
        """Return rows that locks of others refused, and give none out for a while; a later move of a task wins."""
        self._rest_until = time.monotonic() + _REST_SECONDS
        for row in taken:
            self._minutes.setdefault(row["task_id"], row["minute_ms"])
