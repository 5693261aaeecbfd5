"""The days that a cron expression names, as croniter computes them.

croniter knows `L`, `#`, `W` and `H`. It is untyped and its objects keep state, so every call to it is in this file,
and each object is used under a lock.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from croniter import croniter

NEVER: Final = 1 << 40
"""The result where no day matches in the next 50 years."""


def day_sides(day_of_month: str, month: str, day_of_week: str) -> tuple[str, ...]:
    """Return the day patterns, of which a day must match at least one; an empty result means every day.

    Standard cron: with both day fields restricted a day that suits either will do. As in Vixie's and Debian's
    cron, a field that begins with `*` (`*/2` too) does not widen the choice but narrows it.
    """
    if day_of_month == month == day_of_week == "*":
        return ()
    if day_of_month.startswith("*") or day_of_week.startswith("*"):
        return (f"{day_of_month} {month} {day_of_week}",)
    return (f"{day_of_month} {month} *", f"* {month} {day_of_week}")


@lru_cache(maxsize=65_536)
def first_day(side: str, day: int) -> int:
    """Return the first matching day at or after *day*, in days since 1970-01-01; `NEVER` if there is none."""
    return _calendar(side).first(day)


def hashed(field: str, index: int, key: str) -> tuple[int, ...]:
    """Return the values of an `H` field, chosen by a hash of *key*.

    Args:
        field: One field, such as `H(0-59)/15`, already known to be well formed.
        index: Its place: minute 0, hour 1, day of month 2, month 3, day of week 4, second 5.
        key: What the choice depends on: the same key always gets the same values.
    """
    fields = ["*"] * 6
    fields[index] = field
    # croniter publishes no types; its documented answer is (a list of values per field, nth weekdays).
    expanded = cast("tuple[list[list[Any]], object]", _CRONITER.expand(" ".join(fields), hash_id=key.encode()))
    values = expanded[0][index]
    return tuple(sorted(int(value) for value in values))


class _Calendar:
    """One croniter object over midnights without a zone."""

    __slots__ = ("_croniter", "_lock")

    def __init__(self, side: str) -> None:
        self._lock = threading.Lock()
        self._croniter = _CRONITER(f"0 0 {side}", start_time=_FIRST, day_or=False)

    def first(self, day: int) -> int:
        """Return the first matching day at or after *day*."""
        eve = _FIRST + timedelta(days=day, seconds=-1)
        with self._lock:
            try:
                found = cast("datetime", self._croniter.get_next(datetime, start_time=eve))
            except ValueError:  # croniter's way to say that nothing matches
                return NEVER
        return (found - _FIRST).days


@lru_cache(maxsize=4096)
def _calendar(side: str) -> _Calendar:
    return _Calendar(side)


_CRONITER: Final = cast("Any", croniter)
LIBRARY: Final = croniter.__module__.partition(".")[0]
"""The library that computes the calendar."""
"""croniter has no type information: it is `Any` here and nowhere else."""

_FIRST: Final = datetime(1970, 1, 1)  # noqa: DTZ001  a wall date: no zone is meant


def reads_cron() -> bool:
    """Return whether the library gives the answers that every expression needs."""
    return bool(_CRONITER.is_valid("0 9 * * 1-5"))
