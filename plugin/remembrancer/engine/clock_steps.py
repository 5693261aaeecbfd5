"""Steps of a clock that was set, found by comparison with the monotonic clock, which cannot be set."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from remembrancer.model.timestamps import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

SHORTEST_SECONDS: Final = 1.0
"""A smaller difference is no step: clocks drift, and are slewed."""
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0


class ClockSteps:
    """The steps that a clock has made so far."""

    def __init__(self) -> None:
        self.count = 0
        self.forward = 0.0
        """Seconds by which the clock was set forward, in all."""
        self.back = 0.0
        """Seconds by which it was set back, in all: not netted, since work may have been done in between."""

    def observe(self) -> None:
        """Read the clock, if steps are found by reading it."""

    def add(self, seconds: float) -> None:
        """Count a step."""
        self.count += 1
        self.forward += max(0.0, seconds)
        self.back += max(0.0, -seconds)


class ObservedSteps(ClockSteps):
    """The steps of a clock that does not report them: each reading is compared with the monotonic clock.

    Args:
        now: Returns the clock's time.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._lock = Lock()  # any thread may ask for the time
        self._ahead: float | None = None
        self._error = 0.0

    def observe(self) -> None:
        """Read the clock, and compare it."""
        self.read()

    def read(self) -> datetime:
        """Return the clock's time; count a step if it has made one since the last reading."""
        with self._lock:
            began = time.monotonic()
            now = self._now()
            ahead = (now - EPOCH).total_seconds() - began
            error = time.monotonic() - began  # the process may have been stopped between the two readings
            before, slack = self._ahead, SHORTEST_SECONDS + error + self._error
            self._ahead, self._error = ahead, error
            if before is not None and abs(ahead - before) > slack:
                self.add(ahead - before)
        return now


def steps_of(clock: object) -> ClockSteps:
    """Return the steps that *clock* counts; for a clock without, an empty count."""
    steps = getattr(clock, "steps", None)
    return steps if isinstance(steps, ClockSteps) else ClockSteps()


def describe_steps(forward: float, back: float) -> str:
    """Describe the steps of a clock, in seconds each way."""
    parts: list[str] = []
    if forward:
        parts.append(f"went forward by {_span(forward)} at once")
    if back:
        parts.append(f"was set back by {_span(back)}")
    return f"The clock {' and '.join(parts)}"


def _span(seconds: float) -> str:
    seconds = round(seconds, 1)
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.3g} h"
    if seconds >= _MINUTE:
        return f"{seconds / _MINUTE:.3g} min"
    return f"{seconds:.3g} s"


def is_within(now: datetime, last: datetime | None, span: timedelta) -> bool:
    """Return True if *last* is less than *span* ago; a *last* in the future (the clock was set back) is not."""
    return last is not None and last <= now < last + span
