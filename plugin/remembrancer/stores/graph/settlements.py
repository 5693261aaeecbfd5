"""Settle executions: all in one commit, or, where others hold some of them locked, those that are free first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import ForeignConstraint, GraphBusy
from remembrancer.stores.graph.claims import release_leases, rows_of
from remembrancer.stores.graph.outcomes import settle_statements

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.ports.writes import Settlement
    from remembrancer.stores.graph.parts import GraphParts

_T = TypeVar("_T")
_IN_THE_WAY: Final = (GraphBusy, ForeignConstraint)
_LOCKED_SECONDS: Final = 10.0
"""How long one that is locked is tried again; whoever asked then hears of it, and may ask again."""
_MOST: Final = 10_000
_PAUSE_SECONDS: Final = 0.25
_AT_A_TIME: Final = 64
"""They go together in a commit, but for those that are locked."""


class Settlements:
    """Writes outcomes.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._connection = parts.connection
        self._index = parts.index
        self._time_links = parts.time_links
        self._executions = parts.executions
        self._answered: dict[str, bool] = {}
        """Whether outcomes were written of which nobody has heard, since others of their batch could not be."""

    async def settle(self, settlements: Sequence[Settlement], over: Sequence[str]) -> list[bool]:
        """Write each outcome whose execution still runs under the same fence; say of each whether it was written.

        Raises GraphUnavailable if one of them could not be; asked again, it writes those that are left.
        """
        if not self._answered or not any(each.execution.execution_id in self._answered for each in settlements):
            try:
                return await self._write(settlements, over)
            except _IN_THE_WAY as error:
                if len(settlements) == 1 and isinstance(error, ForeignConstraint):
                    raise
        ids = [each.execution.execution_id for each in settlements]
        await self._write_apart([each for each in settlements if each.execution.execution_id not in self._answered])
        if over:
            with suppress(GraphBusy):  # a lease that cannot be ended runs out
                await _patiently(lambda: self._connection.write([release_leases(over)]))
        return [self._answered.pop(each, False) for each in ids]

    async def _write_apart(self, settlements: Sequence[Settlement]) -> None:
        """Write what can be written, a few at a time; raise what one of them met in the end."""
        gate = asyncio.Semaphore(_AT_A_TIME)
        ended = await asyncio.gather(*(self._write_one(each, gate) for each in settlements), return_exceptions=True)
        for each in ended:
            if each is not None:
                raise each

    async def _write_one(self, settlement: Settlement, gate: asyncio.Semaphore) -> None:
        async def write() -> list[bool]:
            async with gate:
                return await self._write([settlement], ())

        (written,) = await _patiently(write)
        if len(self._answered) > _MOST:
            self._answered.clear()
        self._answered[settlement.execution.execution_id] = written

    async def _write(self, settlements: Sequence[Settlement], over: Sequence[str]) -> list[bool]:
        """Write them in one commit."""
        rearms = [settlement.rearm for settlement in settlements if settlement.rearm]
        elements = await self._executions.take([each.execution.execution_id for each in settlements])
        statements = settle_statements(settlements, elements, over)
        answers = await self._index.arming([rearm.next_run_ms for rearm in rearms], statements)
        for row in rows_of("defer_settled", statements, answers):
            rearm = rearms[int(row["row"])]
            self._time_links.note(rearm.deferral.task_id, rearm.next_run_ms)
        written = {row["row"] for row in answers[0]}
        return [place in written for place in range(len(settlements))]


async def _patiently(write: Callable[[], Awaitable[_T]]) -> _T:
    """Write, again and again for a while as long as others hold the locks."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + _LOCKED_SECONDS
    while True:
        try:
            return await write()
        except GraphBusy:
            if loop.time() > give_up_at:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
