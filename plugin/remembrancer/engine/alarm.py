"""Alarm of the loop: ends its sleep when a task is armed for an earlier time, from any thread."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress


class Alarm:
    """Wakes one loop.

    The loop listens before it asks the graph for the next run: a write that comes after the read is remembered, and
    compared with the answer.
    """

    def __init__(self) -> None:
        self.event = asyncio.Event()
        """Set when the loop is to tick at once."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None
        self._until_ms: int | None = None
        self._earliest_ms: int | None = None

    def begin_tick(self) -> None:
        """A tick begins: it sees all tasks that were armed before."""
        with self._lock:
            self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
            self.event.clear()
            self._until_ms = None

    def listen(self) -> None:
        """The graph is asked for the next run: remember times that are armed from now on."""
        with self._lock:
            self._earliest_ms = None

    def set(self, until_ms: int) -> None:
        """The loop is about to sleep until *until_ms*."""
        with self._lock:
            self._until_ms = until_ms
            late = self._earliest_ms is not None and self._earliest_ms < until_ms
        if late:
            self.ring()

    def armed(self, time_ms: int) -> None:
        """A task was armed for *time_ms*. Callable on any thread."""
        with self._lock:
            if self._earliest_ms is None or time_ms < self._earliest_ms:
                self._earliest_ms = time_ms
            late = self._until_ms is not None and time_ms < self._until_ms
        if late:
            self.ring()

    def ring(self) -> None:
        """Wake the loop. Callable on any thread."""
        if self._loop is None or threading.get_ident() == self._thread:
            self.event.set()
            return
        with suppress(RuntimeError):  # the event loop is closed: the scheduler has ended
            self._loop.call_soon_threadsafe(self.event.set)
