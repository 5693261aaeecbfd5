"""Estimates of the memory used by values."""

from __future__ import annotations

import os
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from remembrancer.ports.handler import Firing

_WEIGHED: Final = 50


def memory_of(firings: Collection[Firing]) -> int:
    """Return the bytes that the tasks and executions of *firings* take; of many, by the mean of some of them."""
    weighed = [_bytes(vars(each.task)) + _bytes(vars(each.execution)) for each in islice(firings, _WEIGHED)]
    return sum(weighed) * len(firings) // len(weighed) if weighed else 0


def _bytes(value: object) -> int:
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        held = cast("Mapping[object, object]", value)
        return size + sum(_bytes(key) + _bytes(each) for key, each in held.items())
    if isinstance(value, list | tuple | set | frozenset):
        return size + sum(_bytes(each) for each in cast("Iterable[object]", value))
    return size


def resident_bytes() -> int | None:
    """Return how much memory this process holds: now on Linux, at its peak on other Unixes, else None."""
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return _peak_bytes()
    return pages * os.sysconf("SC_PAGE_SIZE")


def _peak_bytes() -> int | None:
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


_STATM: Final = Path("/proc/self/statm")
