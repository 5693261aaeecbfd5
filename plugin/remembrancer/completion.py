"""Completion of work that must not stop half-way: a commit, and the step that follows it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

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
