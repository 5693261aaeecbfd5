"""Blocking calls for code without an event loop; each runs on the loop of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent import futures
from functools import partial, wraps
from typing import Final, Protocol, TypeVar

from remembrancer.errors import NotRunning, OutcomeUnknown, WrongThread
from remembrancer.ports.sync_calls import SyncCalls
from remembrancer.service.calls import FORKED
from remembrancer.service.process import CLOSED
from remembrancer.service.registry import Registered

_T = TypeVar("_T")
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 1.0


class Service(Registered, Protocol):
    """A service that can be stopped."""

    async def stop(self) -> None:
        """Stop; the graph is closed then."""
        ...


class SyncService:
    """A service's methods as `SyncCalls` promises them: each waits until the service has answered."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._calls = service.calls

    def __getattr__(self, name: str) -> Callable[..., object]:
        """Return the service's method *name* as one that waits. Raises AttributeError: it is none of the calls."""
        if name.startswith("_") or not hasattr(SyncCalls, name):
            raise AttributeError(name=name, obj=self)
        method: Callable[..., Coroutine[None, None, object]] = getattr(self._service, name)

        @wraps(method)
        def call(*arguments: object, **named: object) -> object:
            return self._wait(partial(method, *arguments, **named))

        return call

    def stop(self) -> None:
        """Stop the scheduler; within a handler, which it waits for, only ask for that."""
        if self._calls.home and not self._calls.is_forked:
            self._wait(self._service.stop)

    def _wait(self, work: Callable[[], Coroutine[None, None, _T]]) -> _T:
        """Do *work* on the loop of the service and return its answer."""
        if self._calls.is_forked:
            raise NotRunning(FORKED)
        if (home := self._calls.home) is None:
            raise NotRunning(CLOSED)
        if _running_loop() is home:
            raise WrongThread
        asked = self._calls.send(work)
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while not asked.done() and home.is_running() and time.monotonic() < give_up:
            futures.wait([asked], timeout=_LOOK_SECONDS)
        if not asked.done():
            asked.cancel()
            raise OutcomeUnknown(
                f"The scheduler has not answered within {_PATIENCE_SECONDS:g} s, or its event loop has ended: whether "
                "the call was acted on is not known. Look before you repeat it."
            )
        return asked.result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
