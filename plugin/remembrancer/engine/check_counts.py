"""Counts of the regular ticks, and of those that were missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class CheckCounts:
    """Counts the ticks that were due by the interval and did not happen because the process was busy or suspended.

    Args:
        interval_seconds: The longest time between two ticks.
    """

    def __init__(self, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._last: datetime | None = None
        self.missed = 0

    def begin(self, now: datetime) -> None:
        """A tick begins."""
        if self._last:
            intervals = int((now - self._last).total_seconds() / self._interval_seconds)
            self.missed += max(0, intervals - 1)
        self._last = now
