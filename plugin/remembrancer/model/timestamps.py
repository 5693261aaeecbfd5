"""Timestamps: aware UTC datetimes for people, integer epoch milliseconds for comparisons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

Moment: TypeAlias = str | datetime | timedelta
"""A time as callers give it: text, a datetime, or a distance from now; `schedules.parsing` reads it."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS: Final = 253_402_300_799_999
"""The latest time of a datetime, in epoch milliseconds."""
_MS: Final = timedelta(milliseconds=1)


def to_ms(time: datetime) -> int:
    """Return *time* (aware) as epoch milliseconds, rounded down."""
    return (time - EPOCH) // _MS


def from_ms(time_ms: int) -> datetime:
    """Return epoch milliseconds as an aware UTC datetime."""
    return EPOCH + timedelta(milliseconds=time_ms)


def to_iso(time: datetime) -> str:
    """Return the specification's written form, such as `2025-08-15T09:00:00Z`."""
    return to_local_iso(time.astimezone(UTC)).replace("+00:00", "Z")


def to_local_iso(time: datetime) -> str:
    """Return a time on the clock of its zone, with the offset: `2025-08-15T11:00:00+02:00`."""
    return time.isoformat(timespec="milliseconds" if time.microsecond else "seconds")


def from_now(ahead: timedelta) -> str:
    """Return a distance from now as the text that `Moment` has for it, such as `+7200s`."""
    seconds = f"{abs(ahead) / timedelta(seconds=1):.6f}".rstrip("0").rstrip(".")
    return f"{'-' if ahead < timedelta() else '+'}{seconds}s"
