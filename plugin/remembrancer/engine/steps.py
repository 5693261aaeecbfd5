"""Steps of a clock: how far it was set, as compared with the monotonic one, which cannot be set."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from remembrancer.model.moment import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

SHORTEST_SECONDS: Final = 1.0
"""A smaller difference is no step: clocks drift, and are slewed."""
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0


class Steps:
    """The steps that a clock has made so far."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        """By how much the clock was set in all: forward is positive."""

    def look(self) -> None:
        """Look for a step, if they have to be looked for."""

    def add(self, seconds: float) -> None:
        """Count a step."""
        self.count += 1
        self.seconds += seconds


class FoundSteps(Steps):
    """The steps of a clock that says nothing of them: found by comparison, as often as `look` is called.

    Args:
        now: Tells the clock's time.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._ahead: float | None = None
        self._error = 0.0

    def look(self) -> None:
        """Compare the clock with the monotonic one."""
        began = time.monotonic()
        ahead = (self._now() - EPOCH).total_seconds() - began
        error = time.monotonic() - began  # the process may have stood still between the two readings
        before, slack = self._ahead, SHORTEST_SECONDS + error + self._error
        self._ahead, self._error = ahead, error
        if before is not None and abs(ahead - before) > slack:
            self.add(ahead - before)


def steps_of(clock: object) -> Steps:
    """Return the steps that *clock* counts; of one that counts none, steps that never come."""
    steps = getattr(clock, "steps", None)
    return steps if isinstance(steps, Steps) else Steps()


def describe_step(seconds: float) -> str:
    """Say in words how far a clock was set."""
    size = abs(seconds)
    if size >= _HOUR:
        text = f"{size / _HOUR:.3g} h"
    elif size >= _MINUTE:
        text = f"{size / _MINUTE:.3g} min"
    else:
        text = f"{size:.3g} s"
    return f"The clock was set back by {text}" if seconds < 0 else f"The clock went forward by {text} at once"


def is_within(now: datetime, last: datetime | None, span: timedelta) -> bool:
    """Whether *last* is less than *span* ago; it is not if it lies ahead: the clock was set back since."""
    return last is not None and last <= now < last + span
