"""The end of a process that signals ask for: in order at the first one, at once at a second, and always within a limit.

A closed terminal (SIGHUP) asks for the same orderly end as Ctrl-C (SIGINT) and SIGTERM do.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
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
"""A process that a signal ends before its work is in order has this exit code plus the signal's number."""


class Signals:
    """Ends this process as signals ask, while the block runs; handlers of before come back after it.

    Args:
        limit_seconds: How long the orderly end may take; after that the process ends by itself.
        overdue: The exit code of an end that took longer; None is that of the signal.
        left: What becomes of work that the process leaves behind, in a sentence.
    """

    def __init__(self, limit_seconds: float, overdue: int | None = None, left: str = "") -> None:
        self._limit_seconds = limit_seconds
        self._overdue = overdue
        self._left = f" {left}" if left else ""
        self._stop: Callable[[], object] | None = None
        self._previous: dict[int, Previous] = {}
        self._limit: threading.Timer | None = None
        self.asked: int | None = None
        """The first signal; None before it has come."""

    @property
    def code(self) -> int:
        """The exit code of a process that the first signal ended."""
        return ended_by(self.asked or signal.SIGINT)

    def __enter__(self) -> Self:
        """Take the signals."""
        if threading.current_thread() is threading.main_thread():  # signals come to this one only
            for number in _numbers():
                self._previous[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, previous in self._previous.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        if self._limit:
            self._limit.cancel()

    async def attend(self, work: Coroutine[None, None, T]) -> T:
        """Run *work*, which the first signal cancels."""
        under_way = asyncio.ensure_future(work)
        self.bind(under_way.cancel)
        return await under_way

    def bind(self, stop: Callable[[], object]) -> None:
        """Let the first signal call *stop* in the running loop; one that came before calls it at once."""
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stop)
        if self.asked is not None:
            stop()

    def limit(self) -> None:
        """Begin the orderly end's time, once: when it is over, the process ends whatever hangs."""
        if self._limit is None:
            self._limit = threading.Timer(self._limit_seconds, self._end_overdue)
            self._limit.daemon = True
            self._limit.start()

    def _hear(self, number: int, _: FrameType | None) -> None:
        """Take a signal, between two instructions of the main thread: a loop that hangs does not keep it away."""
        if self.asked is not None:
            leave(ended_by(number), f"Ended at once.{self._left}")
        self.asked = number
        self.limit()
        if self._stop:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the end is near
                self._stop()

    def _end_overdue(self) -> None:
        told = f"The orderly end took longer than {self._limit_seconds:g} s, and is cut short.{self._left}"
        leave(self.code if self._overdue is None else self._overdue, told)


def ended_by(number: int) -> int:
    """Return the exit code of a process that signal *number* ended."""
    return BY_SIGNAL + number


def leave(code: int, why: str = "") -> NoReturn:
    """End this process now, whatever its threads do: the interpreter's own end would wait for them.

    It is also safe while a thread is inside the graph's engine, which aborts if the interpreter ends under it.
    """
    flushing = threading.Thread(target=_flush, args=(why,), daemon=True)
    flushing.start()  # on a thread: a stream may be locked by what is cut short here, or nobody reads it
    flushing.join(_FLUSH_SECONDS)
    os._exit(code)


class FinalStep:
    """The interpreter's own end, which must neither hang nor abort.

    It waits for foreign threads, however long they hang, and it tears the engine down under ours that are inside it.
    Make it early: what registers with `atexit` later runs earlier, and is not cut off.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._end)

    def begin(self, code: int) -> int:
        """Let the interpreter end with *code* within a few seconds, whatever hangs; return *code*."""
        self._code = code
        limit = threading.Timer(_LAST_SECONDS, leave, (code,))
        limit.daemon = True
        limit.start()
        return code

    def _end(self) -> None:
        ours = any(thread.name.startswith(_OURS) for thread in threading.enumerate())
        if self._code is not None and ours:
            _flush("")  # no thread can be started any more
            os._exit(self._code)


def _numbers() -> list[int]:
    """Return the signals that ask for an end; one that was started to outlive its terminal (nohup) goes on."""
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
"""How the names of this package's threads begin."""
_FLUSH_SECONDS: Final = 1.0
_LAST_SECONDS: Final = 5.0
