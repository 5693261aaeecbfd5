"""Shutdown on signals: gracefully at the first one, immediately at the second, and always within a time limit.

A closed terminal (SIGHUP) has the same effect as Ctrl-C (SIGINT) and SIGTERM.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import contextlib
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType
    from typing import NoReturn, Self

    Previous = Callable[[int, FrameType | None], object] | int | None

T = TypeVar("T")
BY_SIGNAL: Final = 128
"""The exit code of a process ended by a signal is this plus the signal's number."""


class ShutdownSignals:
    """Handles signals while the block runs, and restores the previous handlers after it.

    Args:
        limit_seconds: The limit for a graceful shutdown; after that the process exits immediately.
        overdue: The exit code for a shutdown that exceeds the limit; None is that of the signal.
        left: A sentence on what becomes of unfinished work.
    """

    def __init__(self, limit_seconds: float, overdue: int | None = None, left: str = "") -> None:
        self._limit_seconds = limit_seconds
        self._overdue = overdue
        self._left = f" {left}" if left else ""
        self._stop: Callable[[], object] | None = None
        self._previous: dict[int, Previous] = {}
        self._limit: threading.Timer | None = None
        self._wakeup: tuple[int, socket.socket] | None = None
        self.asked: int | None = None
        """The first signal; None before it."""

    @property
    def code(self) -> int:
        """The exit code of a process that the first signal ended."""
        return ended_by(self.asked or signal.SIGINT)

    def __enter__(self) -> Self:
        """Install the signal handlers."""
        if threading.current_thread() is threading.main_thread():  # only this thread receives signals
            numbers = _numbers()
            for number in numbers:
                self._previous[number] = signal.signal(number, self._handle)
            self._watch(frozenset(numbers))
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the previous handlers."""
        if self._wakeup:
            previous_fd, sent = self._wakeup
            signal.set_wakeup_fd(previous_fd)
            sent.close()  # which ends the thread
        for number, previous in self._previous.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        if self._limit:
            self._limit.cancel()

    async def attend(self, work: Coroutine[None, None, T]) -> T:
        """Run *work*; the first signal cancels it."""
        under_way = asyncio.ensure_future(work)
        self.bind(under_way.cancel)
        return await under_way

    def bind(self, stop: Callable[[], object]) -> None:
        """Have the first signal call *stop* in the running loop; call it now if a signal came before."""
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stop)
        if self.asked is not None:
            stop()

    def limit(self) -> None:
        """Start the time limit of the shutdown, once: after it the process exits whatever still hangs."""
        if self._limit is None:
            self._limit = threading.Timer(self._limit_seconds, self._end_overdue)
            self._limit.daemon = True
            self._limit.start()

    def _handle(self, number: int, _: FrameType | None) -> None:
        """Handle a signal between two instructions of the main thread, even if the event loop hangs."""
        if self.asked is not None:
            return  # the second ends the process on a thread
        self.asked = number
        self.limit()
        if self._stop:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is exiting
                self._stop()

    def _watch(self, numbers: frozenset[int]) -> None:
        """End the process at a second signal, on a thread.

        While the first signal is pending, the kernel gives the second to any thread. Then nothing wakes a main thread
        that sleeps, and no handler in Python runs.
        """
        received, sent = socket.socketpair()
        sent.setblocking(False)  # noqa: FBT003 (its only argument)
        self._wakeup = signal.set_wakeup_fd(sent.fileno(), warn_on_full_buffer=False), sent
        threading.Thread(target=self._receive, args=(received, numbers), name="signals", daemon=True).start()

    def _receive(self, received: socket.socket, numbers: frozenset[int]) -> None:
        before = 0
        with received:
            while numbers_sent := received.recv(64):
                for number in numbers_sent:
                    if number in numbers and before:
                        leave(ended_by(number), f"Ended at once.{self._left}")
                    before += number in numbers

    def _end_overdue(self) -> None:
        message = f"The shutdown took longer than {self._limit_seconds:g} s, and was cut short.{self._left}"
        leave(self.code if self._overdue is None else self._overdue, message)


def ended_by(number: int) -> int:
    """Return the exit code of a process ended by signal *number*."""
    return BY_SIGNAL + number


def leave(code: int, why: str = "") -> NoReturn:
    """Exit now, whatever the threads do: the interpreter's own exit would wait for them.

    This is also safe while a thread is inside the graph's engine, which would abort at the interpreter's exit.
    """
    flushed = _thread.allocate_lock()
    flushed.acquire()

    def flush() -> None:
        _flush(why)
        flushed.release()

    # On a thread: a stream may be locked by an interrupted write, or block without a reader. `threading` would take a
    # lock to start it, which the signal may have found taken, by the start of another thread.
    _thread.start_new_thread(flush, ())
    flushed.acquire(timeout=_FLUSH_SECONDS)
    os._exit(code)


class FinalStep:
    """The interpreter's own exit, which must neither hang nor abort.

    It waits for foreign threads, however long they hang, and destroys the engine under threads that are inside it.
    Create this early: `atexit` calls later registrations first, which are then not cut off.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._end)

    def begin(self, code: int) -> int:
        """Have the interpreter exit with *code* within a few seconds, whatever hangs; return *code*."""
        self._code = code
        limit = threading.Timer(_LAST_SECONDS, leave, (code,))
        limit.daemon = True
        limit.start()
        return code

    def _end(self) -> None:
        ours = any(thread.name.startswith(_OURS) for thread in threading.enumerate())
        if self._code is not None and ours:
            _flush("")  # without `leave`, which needs a thread: none can be started at this stage
            os._exit(self._code)


def _numbers() -> list[int]:
    """Return the signals that request a shutdown; without SIGHUP for a process started with nohup."""
    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    hangup: int | None = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        numbers.append(hangup)
    return numbers


def _flush(why: str) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            stream.flush()
    if why:
        with contextlib.suppress(OSError):
            os.write(2, f"{why}\n".encode())


_OURS: Final = "remembrancer"
"""Prefix of the names of this package's threads."""
_FLUSH_SECONDS: Final = 1.0
_LAST_SECONDS: Final = 5.0
