"""The low watermark of the due query: a time below which nothing is armed.

The embedded engine's index is log-structured: every fired occurrence leaves a tombstone below the present, and a query
without a lower bound reads them all. With one it reads only armed tasks. The watermark may be too low at any time, but
never too high: it rises to what a read has proved, and falls before a write that arms an earlier time.
"""

from __future__ import annotations

from typing import Final

NOTHING: Final = 0


class Watermark:
    """The highest time (epoch ms) at or below which nothing is known to be armed.

    Args:
        lifetime_ms: After so long the watermark drops to zero once, so that a write from outside is found; with 0 it
            never rises.
    """

    def __init__(self, lifetime_ms: int) -> None:
        self._lifetime_ms = lifetime_ms
        self._value_ms = NOTHING
        self._dropped_at_ms: int | None = None
        self._lowest_armed_ms: int | None = None

    def begin_read(self, now_ms: int) -> int:
        """Return the watermark for a read that begins now, and note earlier times armed until `end_read`."""
        if self._dropped_at_ms is None or not 0 <= now_ms - self._dropped_at_ms < self._lifetime_ms:
            self._dropped_at_ms = now_ms
            self._value_ms = NOTHING
        self._lowest_armed_ms = None
        return self._value_ms

    def end_read(self, proven_ms: int) -> None:
        """Rise to *proven_ms*, but stay below all times armed during the read."""
        if not self._lifetime_ms:
            return
        if self._lowest_armed_ms is not None:
            proven_ms = min(proven_ms, self._lowest_armed_ms - 1)
        self._value_ms = max(self._value_ms, proven_ms)

    @property
    def value_ms(self) -> int:
        """The watermark at present."""
        return self._value_ms

    def arm(self, time_ms: int) -> None:
        """Fall below *time_ms*: to be called before the write that arms it is sent, and again once it has returned."""
        self._value_ms = min(self._value_ms, time_ms - 1)
        if self._lowest_armed_ms is None or time_ms < self._lowest_armed_ms:
            self._lowest_armed_ms = time_ms
