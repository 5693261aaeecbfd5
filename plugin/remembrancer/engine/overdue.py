"""Overdue occurrences of other replicas: served by this one, without delaying its own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.engine.timeouts import end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.engine.cluster.shards import Assignment
    from remembrancer.engine.faults import Faults

_JOIN_SECONDS: Final = 5.0
_HELP: Final = "The help for late replicas"


class OverdueService:
    """One round over the overdue tasks of other replicas at a time; this replica's own tasks never wait for it.

    Args:
        serve: Claims the due tasks of one assignment, and returns the number of claims won.
        faults: Reports the faults of a round.
    """

    def __init__(self, serve: Callable[[Assignment], Awaitable[int]], faults: Faults) -> None:
        self._serve = serve
        self._faults = faults
        self._round: asyncio.Task[None] | None = None
        self._won = 0

    def begin(self, assignments: Sequence[Assignment]) -> None:
        """Begin a round, unless one is under way."""
        if self._round is None or self._round.done():
            self._round = asyncio.get_running_loop().create_task(self._go(assignments))

    def forget(self) -> None:
        """Drop the fault of a failed round: no other replica is left."""
        if self._faults.is_failing(_HELP):
            self._faults.resolve(_HELP)

    def take_won(self) -> int:
        """Return the number of claims won since the last call."""
        won, self._won = self._won, 0
        return won

    async def idle(self) -> None:
        """Return when no round is under way."""
        if self._round:
            await asyncio.wait({self._round})

    async def join(self) -> None:
        """Wait, for a bounded time, for the round under way; it claims nothing once the replica stops."""
        if self._round:
            await asyncio.wait({self._round}, timeout=_JOIN_SECONDS)
            await end(self._round)

    async def _go(self, assignments: Sequence[Assignment]) -> None:
        await self._faults.survive(_HELP, partial(self._serve_all, assignments))

    async def _serve_all(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            self._won += await self._serve(assignment)
