"""Calls of the service: counted, carried over to the event loop that it lives on, refused in a fork of its process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial, wraps
from types import CoroutineType
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from remembrancer.errors import NotRunning
from remembrancer.service.argument_types import ArgumentTypes

_P = ParamSpec("_P")
_T = TypeVar("_T")
FORKED: Final = (
    "This process is a fork of the one that opened the scheduler, which goes on there and only there: make a service "
    "of its own here, or start this process by spawning it."
)
NO_LOOP: Final = "The event loop that the scheduler was started on has ended: start the service again, on another."
_LOOK_SECONDS: Final = 1.0


class Calls:
    """The calls that a surface took, how many it refused or failed, and where they are done."""

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self._inside: set[object] = set()
        self._home: asyncio.AbstractEventLoop | None = None
        self._pid: int | None = None

    @property
    def home(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the service lives on; None while it has no graph open."""
        return self._home

    @property
    def is_forked(self) -> bool:
        """True in a fork of the process that opened the service."""
        return self._pid is not None and self._pid != os.getpid()

    @property
    def is_homeless(self) -> bool:
        """True once the event loop that the service lives on has ended."""
        return self._home is not None and not self.is_forked and not self._home.is_running()

    def settle(self) -> None:
        """Settle on the running event loop."""
        self._home, self._pid = asyncio.get_running_loop(), os.getpid()

    def leave(self) -> None:
        """Leave the loop: the graph is closed, and may be opened on any other."""
        self._home = self._pid = None

    @contextmanager
    def counted(self) -> Generator[None]:
        """Count a call, and whether it was refused or failed; what is called on its behalf is a part of it."""
        caller = asyncio.current_task()
        if caller in self._inside:
            yield
            return
        self.requests += 1
        self._inside.add(caller)
        try:
            yield
        except Exception:
            self.errors += 1
            raise
        finally:
            self._inside.discard(caller)

    async def take(self, work: Callable[[], Coroutine[None, None, _T]]) -> _T:
        """Count and do *work*, on the event loop of the service. Raises NotRunning."""
        counted = asyncio.current_task() in self._inside
        return await self.carry(work if counted else partial(self._counting, work))

    async def carry(self, work: Callable[[], Coroutine[None, None, _T]]) -> _T:
        """Do *work* on the event loop of the service, with the caller's context; another loop goes on meanwhile."""
        if self.is_forked:
            raise NotRunning(FORKED)
        if self._home is None or self._home is asyncio.get_running_loop():
            return await work()
        return await self._answer_of(self.send(work), self._home)

    async def _answer_of(self, asked: Future[_T], home: asyncio.AbstractEventLoop) -> _T:
        """Return the answer from the loop *home*; one that ends takes its calls with it, without a word to others."""
        answer = asyncio.wrap_future(asked)
        try:
            while not answer.done() and home.is_running():
                await asyncio.wait({answer}, timeout=_LOOK_SECONDS)
        finally:
            if not answer.done():
                answer.cancel()
        if answer.cancelled():
            raise NotRunning(NO_LOOP)
        return answer.result()

    def send(self, work: Callable[[], Coroutine[None, None, _T]]) -> Future[_T]:
        """Begin *work* on the event loop of the service, from another thread. Raises NotRunning."""
        if self._home is None or not self._home.is_running():
            raise NotRunning(NO_LOOP)
        coroutine = work()
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._home)
        except RuntimeError as closed:  # at this very moment
            coroutine.close()
            raise NotRunning(NO_LOOP) from closed

    async def _counting(self, work: Callable[[], Coroutine[None, None, _T]]) -> _T:
        with self.counted():
            return await work()


class CallStats(Protocol):
    """An object whose calls are counted, and done on one event loop."""

    @property
    def calls(self) -> Calls:
        """Its calls."""
        ...


_Self = TypeVar("_Self", bound=CallStats)


def public(
    method: Callable[Concatenate[_Self, _P], Coroutine[None, None, _T]],
) -> Callable[Concatenate[_Self, _P], CoroutineType[None, None, _T]]:
    """Let *method* be awaited on any event loop, and count each call of it; one with a wrong type is refused."""
    types = ArgumentTypes(method)

    async def checked(self: _Self, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        types.check((self, *args), kwargs)
        return await method(self, *args, **kwargs)

    @wraps(method)
    async def called(self: _Self, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await self.calls.take(partial(checked, self, *args, **kwargs))

    return called


def carried(
    method: Callable[Concatenate[_Self, _P], Coroutine[None, None, _T]],
) -> Callable[Concatenate[_Self, _P], CoroutineType[None, None, _T]]:
    """Let *method* be awaited on any event loop; a call with an argument of a wrong type is refused."""
    types = ArgumentTypes(method)

    @wraps(method)
    async def called(self: _Self, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        types.check((self, *args), kwargs)
        return await self.calls.carry(partial(method, self, *args, **kwargs))

    return called
