"""The walk over armed tasks: tasks move to other times, page by page, each with an entry of the audit log."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import visible
from remembrancer.model.timestamps import from_ms, to_iso

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.armed_times import ArmedTimeChange, ArmedTimes, ChangeCause

_LOG: Final = logging.getLogger("remembrancer")
_SLICE: Final = 50
"""The number of tasks that are looked at before other coroutines run."""


async def rearm(
    armed_times: ArmedTimes,
    pages: AsyncIterator[Sequence[ScheduledTask]],
    derive: Callable[[Sequence[ScheduledTask]], Awaitable[list[ArmedTimeChange]]],
    cause: ChangeCause,
) -> list[ArmedTimeChange]:
    """Write the moves that *derive* returns for each page of tasks; return those that were made."""
    moved: list[ArmedTimeChange] = []
    async for page in pages:
        moves = await derive(page)
        for move in await armed_times.rearm(moves, cause) if moves else ():
            moved.append(move)
            _log_move(move, cause)
    return moved


async def moves_of(
    tasks: Sequence[ScheduledTask], derive: Callable[[ScheduledTask], ArmedTimeChange | None]
) -> list[ArmedTimeChange]:
    """Return the moves of those tasks that have one, letting other coroutines run in between."""
    moves: list[ArmedTimeChange] = []
    for place, task in enumerate(tasks, 1):
        with suppress(InvalidInput):  # it is quarantined, with this error as the reason, when it is due
            if move := derive(task):
                moves.append(move)
        if place % _SLICE == 0:
            await asyncio.sleep(0)
    return moves


def _log_move(move: ArmedTimeChange, cause: ChangeCause) -> None:
    task, was, will = move.task, _shown(move.task.next_run_ms), _shown(move.next_run_ms)
    _LOG.info("Task %s (%s) is moved from %s to %s: %s", visible(task.name), task.task_id, was, will, cause.reason)


def _shown(time_ms: int | None) -> str:
    return "nothing" if time_ms is None else to_iso(from_ms(time_ms))
