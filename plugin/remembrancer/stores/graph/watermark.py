"""The floor under the due query: a moment below which nothing is armed.

The embedded engine's index is log-structured: every fired occurrence leaves a tombstone below the present, and a
query without a lower bound reads them all. With one it reads only what is armed. The floor may be too low at any
time, but never too high: it rises to what a read proved, and falls before a write that arms an earlier moment.
"""

from __future__ import annotations

from typing import Final

NOTHING: Final = 0


class Watermark:
    """Keeps the highest moment (epoch ms) that is known to have nothing armed at or below it.

    Args:
        lifetime_ms: After so long the floor is dropped once, so that a write from outside is still found; with 0 it
            never rises.
    """

    def __init__(self, lifetime_ms: int) -> None:
        self._lifetime_ms = lifetime_ms
        self._floor_ms = NOTHING
        self._dropped_at_ms: int | None = None
        self._lowest_armed_ms: int | None = None

    def begin_read(self, now_ms: int) -> int:
        """Return the floor for a read that begins now, and watch for earlier moments armed until `end_read`."""
        if self._dropped_at_ms is None or not 0 <= now_ms - self._dropped_at_ms < self._lifetime_ms:
            self._dropped_at_ms = now_ms
            self._floor_ms = NOTHING
        self._lowest_armed_ms = None
        return self._floor_ms

    def end_read(self, proven_ms: int) -> None:
        """Rise to *proven_ms*, but stay below whatever was armed while the read was under way."""
        if not self._lifetime_ms:
            return
        if self._lowest_armed_ms is not None:
            proven_ms = min(proven_ms, self._lowest_armed_ms - 1)
        self._floor_ms = max(self._floor_ms, proven_ms)

    @property
    def height_ms(self) -> int:
        """The floor as it stands."""
        return self._floor_ms

    def arm(self, moment_ms: int) -> None:
        """Fall below *moment_ms*: call before the write that arms it is sent, and once it has come back."""
        self._floor_ms = min(self._floor_ms, moment_ms - 1)
        if self._lowest_armed_ms is None or moment_ms < self._lowest_armed_ms:
            self._lowest_armed_ms = moment_ms
