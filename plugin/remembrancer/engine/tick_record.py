"""Record of the ticks: their number, their results, and the age of the last good one by the monotonic clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from remembrancer.engine.clock import RealTime

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.ports.clock import Clock

_PROGRESS_SECONDS: Final = 10.0
"""The longest time a tick may take without progress, or be late by."""


class TickRecord:
    """The ticks of one scheduler loop.

    Args:
        clock: The scheduler's; real time is measured by the monotonic clock instead.
        interval_seconds: The longest time between two ticks.
    """

    def __init__(self, clock: Clock, interval_seconds: float) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        self.ticks = 0
        self.failed = 0
        self.is_failing = False
        """True if the last tick failed."""
        self.last_tick_at: datetime | None = None
        self._last_good: float | None = None
        self._started = self._seconds()
        self._progress: float | None = None
        self._allowed = _PROGRESS_SECONDS
        self._due: float | None = None

    def start(self) -> None:
        """The loop begins: earlier ticks do not count."""
        self._due = None
        self._started, self._last_good, self._progress, self.is_failing = self._seconds(), None, None, False

    def begin(self) -> None:
        """A tick begins."""
        self.ticks += 1
        self._progress, self._allowed = self._seconds(), _PROGRESS_SECONDS

    def progress(self, allowed_seconds: float | None = None) -> None:
        """A step of the current tick is done; the next may take *allowed_seconds*, or the default."""
        if self._progress is not None:
            self._progress, self._allowed = self._seconds(), allowed_seconds or _PROGRESS_SECONDS

    def end(self, *, well: bool) -> None:
        """The current tick has ended."""
        self._progress = None
        self.is_failing = not well
        if well:
            self._last_good, self.last_tick_at = self._seconds(), self._clock.now()
        else:
            self.failed += 1

    def plan(self, until: datetime) -> None:
        """The next tick begins at *until* at the latest."""
        self._due = self._seconds() + max(0.0, (until - self._clock.now()).total_seconds())

    @property
    def age_seconds(self) -> float:
        """Seconds since the last good tick ended; 0 without one."""
        return 0.0 if self._last_good is None else self._seconds() - self._last_good

    @property
    def trouble(self) -> str | None:
        """A description of what is wrong with the ticks; None if nothing is."""
        now = self._seconds()
        if self._progress is not None and now - self._progress > self._allowed:
            return f"The tick under way has made no progress for more than {self._allowed:g} s."
        if self._progress is None and self._due is not None and now - self._due > _PROGRESS_SECONDS:
            return f"The next tick was due {now - self._due:.0f} s ago, and has not begun."
        good = self._started if self._last_good is None else self._last_good
        if self._progress is None and now - good > self._interval_seconds + _PROGRESS_SECONDS:
            return f"No tick has ended well for longer than the interval of {self._interval_seconds:g} s."
        return None

    def _seconds(self) -> float:
        return time.monotonic() if isinstance(self._clock, RealTime) else self._clock.now().timestamp()
