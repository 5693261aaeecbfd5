"""Timestamps: aware UTC datetimes for people, integer epoch milliseconds for comparisons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Return *moment* (aware) as epoch milliseconds, rounded down."""
    return (moment - EPOCH) // _MS


def from_ms(moment_ms: int) -> datetime:
    """Return epoch milliseconds as an aware UTC datetime."""
    return EPOCH + timedelta(milliseconds=moment_ms)


def to_iso(moment: datetime) -> str:
    """Return the specification's written form, such as `2025-08-15T09:00:00Z`."""
    moment = moment.astimezone(UTC)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")
