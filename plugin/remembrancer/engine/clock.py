"""The system's clock, and one made of whatever time service a host brings."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.ports.clock import Clock


class RealTime:
    """Waits in real time, by a clock of one's choice.

    Args:
        now: Returns the present moment, aware.
    """

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or (lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Return the present moment, aware, UTC."""
        return self._now().astimezone(UTC)

    async def wait(self, until: datetime, wake: asyncio.Event) -> None:
        """Return when *until* has come or *wake* is set, whichever is first."""
        seconds = (until - self.now()).total_seconds()
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), seconds)


class _TellsTime(Protocol):
    def now(self) -> datetime: ...


def clock_from(time_service: object | None) -> Clock:
    """Return a clock that goes by the host's time service.

    None is the system's clock. A service that is a clock of ours (it can wait) is taken as it is. One whose
    `now()` gives no datetime (a mock) is set aside for the system's clock, with a warning.

    Raises:
        InvalidInput: Its `now()` gives a naive datetime: nobody could say which moment that is.
    """
    if time_service is None:
        return RealTime()
    if inspect.iscoroutinefunction(getattr(time_service, "wait", None)):
        return time_service  # pyright: ignore[reportReturnType] (it has wait(); now() is checked by its first use)
    told = _ask(time_service)
    if isinstance(told, datetime) and told.tzinfo is None:
        raise InvalidInput(
            "time_service",
            told,
            "a service whose now() returns an aware datetime",
            "datetime.now(timezone.utc)",
        )
    if isinstance(told, datetime):
        service: _TellsTime = time_service  # pyright: ignore[reportAssignmentType] (its now() has just been asked)
        return RealTime(service.now)
    warnings.warn(
        f"time_service.now() returned {type(told).__name__}, no aware datetime: the system's clock is used.",
        stacklevel=3,
    )
    return RealTime()


def _ask(time_service: object) -> object:
    now = getattr(time_service, "now", None)
    return now() if callable(now) else None
