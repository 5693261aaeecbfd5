"""The time that leases are measured by in this process: no step of a clock moves it, and it counts a suspend too."""

from __future__ import annotations

import time


def lease_time() -> float:
    """Return seconds since some moment in the past."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux: `monotonic` stands still while the machine is suspended
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
