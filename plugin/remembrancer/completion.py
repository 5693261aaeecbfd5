"""Completion of work: of a commit and the step after it, which must not stop half-way; of a call that may hang."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

_T = TypeVar("_T")
_UNDER_WAY: Final[set[asyncio.Task[object]]] = set()
"""Strong references: the event loop itself holds tasks only weakly."""


async def complete(work: Coroutine[object, None, _T]) -> _T:
    """Run *work* to its end and return its result, even if the caller is cancelled in between.

    Otherwise a caller that is cancelled between a commit and the step after it could leave, for example, an execution
    recorded as running in no process.
    """
    task = asyncio.get_running_loop().create_task(work)
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)
    return await asyncio.shield(task)


async def answer_within(call: Awaitable[_T], seconds: float) -> _T:
    """Return the answer of a call of the caller's own code, which may hang and may ignore its cancellation.

    Raises TimeoutError, and whatever the call raises; CancelledError of its own is a TimeoutError.
    """
    work = asyncio.ensure_future(call)
    try:
        await asyncio.wait({work}, timeout=seconds)
    finally:
        if not work.done():
            work.cancel()  # one that goes on all the same is not waited for
            work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    if not work.done() or work.cancelled():
        raise TimeoutError
    return work.result()
