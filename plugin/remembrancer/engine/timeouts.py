"""Timeouts: work that hangs is cancelled, and abandoned if it does not end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine

_LOG: Final = logging.getLogger("remembrancer")
_LAST_SECONDS: Final = 2.0


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel *tasks* and wait for their end, for 2 s at most. The cancellation of the caller is raised."""
    under_way = [task for task in tasks if not task.done()]
    for task in under_way:
        task.cancel()
    if under_way:
        await asyncio.wait(under_way, timeout=_LAST_SECONDS)


async def bounded(what: str, work: Coroutine[None, None, None] | asyncio.Task[None], seconds: float) -> None:
    """Let *work* end within *seconds*, or cancel it; log its exception, or that it hung. It raises nothing."""
    task = work if isinstance(work, asyncio.Task) else asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            _LOG.error("%s has not ended within %g s and is cancelled.", what, seconds)
    finally:
        await end(task)
        _say_of(what, task)


async def awaited(what: str, work: Coroutine[None, None, None], seconds: float) -> None:
    """Wait at most *seconds* for *work*; it goes on after that, or it would never release its resources."""
    task = asyncio.get_running_loop().create_task(work)
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        _LOG.error("%s has not ended within %g s, and goes on in the background.", what, seconds)
    _say_of(what, task)


def _say_of(what: str, task: asyncio.Task[None]) -> None:
    if task.done() and not task.cancelled() and (error := task.exception()):
        _LOG.error("%s failed: %s", what, error, exc_info=error)


_going_on: set[asyncio.Task[None]] = set()
