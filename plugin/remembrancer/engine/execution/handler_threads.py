"""Threads for plain handlers: daemons, one for each running handler, so that a hung one delays no other."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

_IDLE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a call on a thread: its answer, or the exception, which a future could not carry unchanged."""

    answer: object = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], object]
    context: Context
    loop: asyncio.AbstractEventLoop
    on_end: Callable[[Ended], None]

    def run(self) -> None:
        try:
            ended = Ended(self.context.run(self.work))
        except BaseException as error:  # noqa: BLE001 (a handler may raise anything; its thread goes on)
            ended = Ended(error=error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the handler has outlived its scheduler
            self.loop.call_soon_threadsafe(self.on_end, ended)


class HandlerThreads:
    """Runs calls on threads, each at once: on one that is idle, or on a new one.

    The interpreter does not wait for a daemon thread at its end, as it does for those of an executor.
    The callers bound the number of threads.

    Args:
        idle_seconds: The time without work after which a thread ends.
    """

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[_Job | None]] = []
        self._closed = False

    def run(self, work: Callable[[], object], on_end: Callable[[Ended], None]) -> None:
        """Call *work* on a thread, in the context of the caller; *on_end* is called on the caller's loop."""
        job = _Job(work, copy_context(), asyncio.get_running_loop(), on_end)
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = SimpleQueue[_Job | None]()
            threading.Thread(target=self._serve, args=(inbox,), name="remembrancer-handler", daemon=True).start()
        inbox.put(job)

    def close(self) -> None:
        """Let idle threads end; one at work ends with its work."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _serve(self, inbox: SimpleQueue[_Job | None]) -> None:
        """Do one job after the other; a thread's whole life."""
        while job := self._next(inbox):
            job.run()
            del job  # its memory is not needed while the thread waits
            with self._lock:
                if self._closed:
                    return
                self._idle.append(inbox)

    def _next(self, inbox: SimpleQueue[_Job | None]) -> _Job | None:
        """Wait for a job; None if there is none in time, or the threads are closed."""
        try:
            return inbox.get(timeout=self._idle_seconds)
        except Empty:
            with self._lock:
                if inbox in self._idle:
                    self._idle.remove(inbox)
                    return None
            return inbox.get()  # a job was assigned at this very moment
