"""Threads for calls into the embedded engine: daemons, so that a process can end while a call runs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from remembrancer.stores.embedded.arcadedb import as_engine_thread

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_Call = tuple["asyncio.Future[Any]", "Callable[[], Any]"]
_END: Final = None
_NICENESS: Final = 10


class ReaderThreads:
    """Runs calls on a few threads of its own, first come first served.

    Args:
        threads: The number of calls that run at once.
        yielding: Whether other threads of this process have priority on the processor.
        most_replaced: A thread whose call goes on after its caller has gone is replaced, as long as there are no more
            of them. It ends with its call.
    """

    def __init__(self, threads: int, *, yielding: bool = False, most_replaced: int = 0) -> None:
        self._yielding = yielding
        self._most_replaced = most_replaced
        self._replaced: set[asyncio.Future[Any]] = set()
        self._lock = threading.Lock()
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._under_way: set[asyncio.Future[Any]] = set()
        self._threads: list[threading.Thread] = []
        for _ in range(threads):
            self._start()

    async def run(self, call: Callable[[], _T]) -> _T:
        """Return the result of *call* on one of the threads, or raise its error."""
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._calls.put((answer, call))
        try:
            return await answer
        except asyncio.CancelledError:
            self._replace(answer)
            raise

    def end(self, refusal: Exception) -> None:
        """Start no further call: those that wait are refused, those under way go on."""
        with suppress(Empty):
            while waiting := self._calls.get_nowait():
                _deliver(waiting[0], refusal, None)
        for _ in self._threads:
            self._calls.put(_END)

    def refuse_rest(self, refusal: Exception) -> None:
        """Refuse the calls under way: their callers wait no longer."""
        for answer in list(self._under_way):
            _deliver(answer, refusal, None)

    def join(self, until: float) -> bool:
        """Wait for the calls under way, to *until* of the monotonic clock; return whether all threads have ended."""
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self) -> None:
        thread = threading.Thread(target=as_engine_thread, args=(self._serve,), name="remembrancer-read", daemon=True)
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()

    def _replace(self, answer: asyncio.Future[Any]) -> None:
        """Start another thread for one whose caller has gone, if its call is under way."""
        with self._lock:
            if answer not in self._under_way or len(self._replaced) >= self._most_replaced:
                return
            self._replaced.add(answer)
        self._start()

    def _serve(self) -> None:
        if self._yielding and sys.platform == "linux":  # elsewhere all threads of a process have one priority
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while waiting := self._calls.get():
            answer, call = waiting
            self._under_way.add(answer)
            if not answer.cancelled():
                _answer(answer, call)
            with self._lock:
                self._under_way.discard(answer)
                if answer in self._replaced:
                    self._replaced.discard(answer)
                    return
            del waiting, answer, call  # or the last answer would stay in memory until the next call


async def on_own_thread(work: Callable[[], _T], *, seconds: float | None = None) -> _T:
    """Return the result of *work* on a thread of its own. Raises TimeoutError after *seconds*; the thread goes on."""
    answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
    threading.Thread(
        target=as_engine_thread, args=(lambda: _answer(answer, work),), name="remembrancer-graph", daemon=True
    ).start()
    async with asyncio.timeout(seconds):
        return await answer


def _answer(answer: asyncio.Future[_T], call: Callable[[], _T]) -> None:
    try:
        value = call()
    except Exception as error:  # noqa: BLE001 (whatever it is belongs to the caller, not to this thread)
        _deliver(answer, error, None)
    else:
        _deliver(answer, None, value)


def _deliver(answer: asyncio.Future[_T], error: Exception | None, value: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed: no caller waits
        answer.get_loop().call_soon_threadsafe(_resolve, answer, error, value)


def _resolve(answer: asyncio.Future[_T], error: Exception | None, value: Any) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)
