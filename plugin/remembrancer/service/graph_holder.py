"""Graph holder: the part of the service that has one graph open, and counts the calls to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from remembrancer.engine.maintenance.retention import prune as prune_executions
from remembrancer.errors import NotRunning
from remembrancer.model.constraints import read_limit
from remembrancer.model.prune_result import PruneResult
from remembrancer.model.summary import ExecutionSummary
from remembrancer.ports.clock import Clock
from remembrancer.ports.graph import Graph
from remembrancer.service.calls import Calls, public

CLOSED: Final = "The scheduler has no graph open: await start() first."


class GraphHolder:
    """What holds one graph, once it is open.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._time_service = clock
        self._store: Graph | None = None
        self.calls = Calls()
        """The calls that it took, and the event loop that it lives on."""

    @public
    async def summaries(self, task_id: str | None = None, limit: int = 100) -> list[ExecutionSummary]:
        """Return what was rolled up, the latest day first: of one task, or of all."""
        return list(await self._graph().retention.summaries(task_id, read_limit(limit)))

    @public
    async def prune(self, keep_days: float, *, dry_run: bool = False) -> PruneResult:
        """Roll up, now, every execution that is over and began more than *keep_days* ago.

        With *dry_run* nothing is written: the answer says what would be rolled up. Raises InvalidInput.
        """
        return await prune_executions(self._graph().retention, self._time_service.now(), keep_days, dry_run=dry_run)

    @public
    async def snapshot(self, folder: str) -> None:
        """Copy the files of an embedded graph, as they are at one moment, into the empty *folder*, while tasks fire.

        `remembrancer.backup_graph` makes a backup of it. Raises InvalidInput, GraphUnavailable.
        """
        await self._graph().health.snapshot(Path(folder))

    def _graph(self) -> Graph:
        if self._store is None:
            raise NotRunning(CLOSED)
        return self._store

    @property
    def counted(self) -> Callable[[], AbstractContextManager[None]]:
        """Counts one call, around it: for a surface that takes it, and may refuse it before it comes here."""
        return self.calls.counted
