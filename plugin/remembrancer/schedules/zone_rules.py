"""The rules of a time zone, kept as the bytes of its file, and the comparison of two versions of them."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from remembrancer.schedules.zone_offsets import changes, offset_at

_YEAR: Final = 31_557_600
_BEHIND: Final = 5 * _YEAR
_AHEAD: Final = 30 * _YEAR
"""Times for which tasks are armed lie between these, in seconds from now."""


@dataclass(frozen=True)
class ZoneRules:
    """The rules of one zone: its IANA key, and the bytes of its TZif file."""

    zone: str
    data: bytes

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the bytes."""
        return sha256(self.data).hexdigest()

    @cached_property
    def clock(self) -> ZoneInfo:
        """The zone under these rules. Raises ValueError if the bytes are no rules."""
        return ZoneInfo.from_file(BytesIO(self.data), self.zone)


@lru_cache(maxsize=1024)
def rules_in_force(zone: str) -> ZoneRules | None:
    """Return the rules by which this process reads *zone*; None for an unknown zone."""
    for root in zoneinfo.TZPATH:
        file = Path(root, zone)
        if file.is_file():
            return ZoneRules(zone, file.read_bytes())
    packaged = resources.files("tzdata").joinpath("zoneinfo", *zone.split("/"))
    return ZoneRules(zone, packaged.read_bytes()) if packaged.is_file() else None


def say_the_same(kept: ZoneRules, current: ZoneRules, now_ms: int) -> bool:
    """Return whether both sets of rules mean the same times, from five years ago to thirty years ahead.

    The same rules may be written in several ways: a file that differs need not mean another clock.
    """
    if kept.fingerprint == current.fingerprint:
        return True
    start, end = now_ms // 1000 - _BEHIND, now_ms // 1000 + _AHEAD
    turns = [start, *changes(kept.clock, start, end)]
    if turns[1:] != changes(current.clock, start, end):
        return False
    return all(offset_at(kept.clock, turn) == offset_at(current.clock, turn) for turn in turns)
