"""The times of waiting attempts, as far as this process knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.stores.due_times.watermark import Watermark


@dataclass(slots=True)
class RetryTimes:
    """The earliest time for which an attempt waits, and a watermark below which none does.

    Args:
        watermark: Of the index of waiting attempts.
    """

    watermark: Watermark
    earliest_ms: int | None = None
    """The earliest time (epoch ms) that is known; None if none is."""

    def arm(self, times: Iterable[int]) -> None:
        """Note times for which attempts wait: before the write that says so, and again after it."""
        for time_ms in times:
            self.watermark.arm(time_ms)
            if self.earliest_ms is None or time_ms < self.earliest_ms:
                self.earliest_ms = time_ms

    def arm_known(self, times: Iterable[int]) -> None:
        """Note times that were read: the watermark is below them already."""
        self.earliest_ms = min([*times, *(() if self.earliest_ms is None else (self.earliest_ms,))], default=None)
