"""Clocks: the system's, one that follows a server's, and one made of the host's time service."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from remembrancer.engine.clock_steps import ObservedSteps
from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.ports.clock import Clock


_LOG: Final = logging.getLogger("remembrancer")
_READINGS: Final = 8
"""Readings of the server's clock that are remembered: the one with the shortest round trip counts."""
_CONFIRMATIONS: Final = 3
"""After this many readings in a row that contradict the others, the server's clock counts as set."""
_SLACK_SECONDS: Final = 0.05
_WARNING_SECONDS: Final = 1.0
_SLICE_SECONDS: Final = 0.5
"""The longest sleep between two readings of the clock. Shorter than the shortest step that counts."""


class RealTime:
    """Waits in real time, by a given clock.

    Args:
        now: Returns the current time, aware.
    """

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or (lambda: datetime.now(UTC))
        self.steps = ObservedSteps(self._read)

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return self.steps.read()  # every reading is compared: work that relies on a wrong one may need correction

    def _read(self) -> datetime:
        return self._now().astimezone(UTC)

    async def wait(self, until: datetime, wake: asyncio.Event) -> None:
        """Return when *until* has come, *wake* is set, or the clock was set: whichever is first.

        It never sleeps long at once: a clock that is set in between is noticed within a second, and so is a suspend.
        """
        stepped = self.steps.count
        self.steps.observe()
        left = (until - self.now()).total_seconds()
        give_up = time.monotonic() + left  # a clock that has stopped does not make the sleep longer
        if left <= 0:
            await asyncio.sleep(0)
        while left > 0 and not wake.is_set() and self.steps.count == stepped:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _SLICE_SECONDS)):  # on Python 3.11 wait_for loses a cancellation
                    await wake.wait()
            self.steps.observe()
            left = min((until - self.now()).total_seconds(), give_up - time.monotonic())


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of the server's clock: its lead over the monotonic clock, and the error of that."""

    ahead: float
    error: float

    def contradicts(self, other: _Reading) -> bool:
        return abs(self.ahead - other.ahead) > self.error + other.error + _SLACK_SECONDS


class SystemTime(RealTime):
    """The system's clock; after the first reading of a server's clock, the server's.

    Between two readings the monotonic clock continues it, so that setting the system's clock changes nothing.

    Args:
        now: Replaces the system's clock.
        name: Its name in messages.
    """

    def __init__(self, now: Callable[[], datetime] | None = None, name: str = "This machine's clock") -> None:
        super().__init__(now)
        self.name = name
        self._readings: list[_Reading] = []
        self._doubted: list[_Reading] = []
        self._best: _Reading | None = None
        self._warned = False

    def _read(self) -> datetime:
        if self._best is None:
            return super()._read()
        return EPOCH + timedelta(seconds=time.monotonic() + self._best.ahead)

    @property
    def offset_seconds(self) -> float:
        """Offset of this clock from the system's, in seconds; positive if it is ahead."""
        return (self.now() - super()._read()).total_seconds()

    def add_reading(self, server: datetime, sent: float, received: float) -> None:
        """Take a reading: the server answered *server* between these two times of the monotonic clock."""
        halfway = (sent + received) / 2
        self._weigh(_Reading((server - EPOCH).total_seconds() - halfway, (received - sent) / 2))
        offset = self.offset_seconds
        if abs(offset) <= _WARNING_SECONDS:
            self._warned = False
        elif not self._warned:
            self._warned = True
            _LOG.warning(
                "%s is %.1f s %s that of the graph's server, which counts: set it.",
                self.name,
                abs(offset),
                "behind" if offset > 0 else "ahead of",
            )

    def _weigh(self, reading: _Reading) -> None:
        """Store a reading; one that contradicts the others only if the next readings confirm it."""
        if self._best and reading.contradicts(self._best):
            self._doubted.append(reading)
            if len(self._doubted) < _CONFIRMATIONS:
                return
            self._readings = self._doubted
        else:
            self._readings = [*self._readings, reading][-_READINGS:]
        self._doubted = []
        self._best = min(self._readings, key=lambda each: each.error)


class _TimeService(Protocol):
    def now(self) -> datetime: ...


def clock_from(time_service: object | None) -> Clock:
    """Return a clock that goes by the host's time service.

    None is the system's clock. A service that can wait is a clock of its own, and is used as it is: tests move it. One
    that only returns the time replaces the system's clock: on a shared graph the server's clock still counts, or two
    hosts would disagree on due tasks and expired leases. One whose `now()` returns no datetime (a mock) is replaced by
    the system's clock, with a warning.

    Raises:
        InvalidInput: Its `now()` gives a naive datetime: its time zone is unknown.
    """
    if time_service is None:
        return SystemTime()
    if inspect.iscoroutinefunction(getattr(time_service, "wait", None)):
        return time_service  # pyright: ignore[reportReturnType] (it has wait(); now() is checked by its first use)
    now = _ask(time_service)
    if isinstance(now, datetime) and now.tzinfo is None:
        raise InvalidInput(
            "time_service",
            now,
            "a service whose now() returns an aware datetime",
            "datetime.now(timezone.utc)",
        )
    if isinstance(now, datetime):
        service: _TimeService = time_service  # pyright: ignore[reportAssignmentType] (its now() has just been asked)
        return SystemTime(service.now, "The time_service")
    warnings.warn(
        f"time_service.now() returned {type(now).__name__}, no aware datetime: the system's clock is used.",
        stacklevel=3,
    )
    return SystemTime()


def _ask(time_service: object) -> object:
    now = getattr(time_service, "now", None)
    return now() if callable(now) else None
