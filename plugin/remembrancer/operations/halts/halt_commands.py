"""The halt as callers begin and end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.constraints import read_reason

if TYPE_CHECKING:
    from remembrancer.operations.open_tasks import OpenTasks
    from remembrancer.ports.halts import HaltStore


class HaltCommands:
    """Begins and ends the halt of a graph.

    Args:
        halts: The halt of the graph.
        tasks: Makes entries of the audit log.
    """

    def __init__(self, halts: HaltStore, tasks: OpenTasks) -> None:
        self._halts = halts
        self._tasks = tasks

    async def halt(self, reason: str, *, stop_running: bool) -> None:
        """Begin a halt, or give the one that is in force another reason. Raises InvalidInput."""
        change = self._tasks.change("halt", read_reason(reason))
        await self._halts.halt(change.reason or "", change, stops_runs=stop_running)

    async def release(self, reason: str | None) -> None:
        """End the halt; without one, nothing is written. Raises InvalidInput."""
        text = None if reason is None else read_reason(reason)
        await self._halts.release(self._tasks.change("release", text))
