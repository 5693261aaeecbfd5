"""Completion of what must not stop half-way: a commit, and the act that follows it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")
_UNDER_WAY: Final[set[asyncio.Task[object]]] = set()
"""The loop itself holds tasks only weakly."""


async def complete(work: Coroutine[object, None, _T]) -> _T:
    """Run *work* to its end and return its answer, even if the caller is cancelled meanwhile.

    Without it a caller that gives up between a commit and what has to follow leaves, say, an execution running that
    no process runs.
    """
    task = asyncio.get_running_loop().create_task(work)
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)
    return await asyncio.shield(task)
