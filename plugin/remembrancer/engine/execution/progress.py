"""Progress: the newest report of each handler is written about once a second."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from remembrancer.engine.timeouts import end
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.event_log import EventLog
    from remembrancer.ports.handler import Progress

_LOG: Final = logging.getLogger("remembrancer")
_PAUSE_SECONDS: Final = 1.0


class ProgressWriter:
    """Takes reports on any thread, writes all that are new in one commit, then rests a while.

    A report replaces the one before it of the same execution: ten thousand reports in a second cost as much as one.

    Args:
        log: The event log, which does not write reports of settled executions.
        clock: The time of a report.
    """

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._newest: dict[str, tuple[Execution, Progress]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._stopped = False

    def take(self, execution: Execution, progress: Progress) -> None:
        """Take a report; it is written soon. One of a handler that has outlived its scheduler is not."""
        if self._stopped:
            return
        self._newest[execution.execution_id] = (execution, progress)
        with contextlib.suppress(RuntimeError):  # the loop is closed: a handler has outlived its scheduler
            self._loop.call_soon_threadsafe(self._begin)

    async def stop(self) -> None:
        """Stop writing."""
        self._stopped = True
        self._newest.clear()
        if self._writing:
            await end(self._writing)

    def _begin(self) -> None:
        if self._newest and self._writing is None:
            self._writing = self._loop.create_task(self._write())
            self._writing.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._writing = None
        self._begin()

    async def _write(self) -> None:
        newest, self._newest = self._newest, {}
        try:
            await self._log.record_progress(list(newest.values()), self._clock.now())
        except GraphUnavailable as error:
            _LOG.warning("The progress of %d executions was not written: %s", len(newest), error)
        await asyncio.sleep(_PAUSE_SECONDS)
