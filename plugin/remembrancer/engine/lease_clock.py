"""The clock for leases in this process: it is never set, and counts time in suspend too."""

from __future__ import annotations

import time


def lease_time() -> float:
    """Return seconds since a fixed time in the past."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux: `monotonic` does not advance while the machine is suspended
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
