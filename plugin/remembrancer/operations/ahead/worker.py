"""A thread for answers that may take seconds to work out, so that they delay no other answer."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Worker:
    """One thread, which does one piece of work after the other.

    Args:
        name: The name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[Callable[[], bool]], _T], until: float) -> _T:
        """Return the result of *work*.

        Args:
            work: Gets a function that says when it has taken too long, or its caller has gone; then it is to end.
            until: The time, by the monotonic clock, from which it has taken too long.
        """
        gone = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, work, lambda: gone.is_set() or time.monotonic() > until
            )
        finally:
            gone.set()
