"""The rules of a time zone, kept as the bytes of its file, and the comparison of two versions of them."""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import import_module, resources
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from remembrancer.schedules.zone_offsets import changes, follow, offset_at

_YEAR: Final = 31_557_600
_BEHIND: Final = 5 * _YEAR
_AHEAD: Final = 30 * _YEAR
"""Times for which tasks are armed lie between these, in seconds from now."""
_VERSION_FILES: Final = {"tzdata.zi": r"# version (\d{4}[a-z]{1,2})\s*$", "+VERSION": r"(\d{4}[a-z]{1,2})\s*$"}
"""Files of an installed time zone database that begin with its release."""
_LONGEST_LINE: Final = 64


@dataclass(frozen=True)
class ZoneRules:
    """The rules of one zone: its IANA key, and the bytes of its TZif file."""

    zone: str
    data: bytes
    version: str | None = None
    """The release of the time zone database that they are from, such as `2026a`; None if that is not known."""

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the bytes."""
        return sha256(self.data).hexdigest()

    @cached_property
    def clock(self) -> ZoneInfo:
        """The zone under these rules. Raises ValueError if the bytes are no rules."""
        return ZoneInfo.from_file(BytesIO(self.data), self.zone)


@lru_cache(maxsize=1024)
def own_rules(zone: str) -> ZoneRules | None:
    """Return the rules of *zone* that this process finds on its machine; None for an unknown zone."""
    for root in zoneinfo.TZPATH:
        file = Path(root, zone)
        if file.is_file():
            return ZoneRules(zone, file.read_bytes(), _version_in(root))
    packaged = resources.files("tzdata").joinpath("zoneinfo", *zone.split("/"))
    if not packaged.is_file():
        return None
    return ZoneRules(zone, packaged.read_bytes(), import_module("tzdata").IANA_VERSION)


@lru_cache(maxsize=16)
def _version_in(root: str) -> str | None:
    """Return the release of the database in a folder, which one of two files of it names."""
    for name, pattern in _VERSION_FILES.items():
        with suppress(OSError, UnicodeDecodeError), Path(root, name).open(encoding="ascii") as file:
            if found := re.match(pattern, file.readline(_LONGEST_LINE)):
                return found[1]
    return None


_FOLLOWED: Final[dict[str, ZoneRules]] = {}
"""Rules that this process follows in place of its own."""


def rules_in_force(zone: str) -> ZoneRules | None:
    """Return the rules by which this process reads *zone*: its own, or those that it follows; None if unknown."""
    return _FOLLOWED.get(zone) or own_rules(zone)


def follow_rules(rules: ZoneRules) -> None:
    """Read a zone by these rules from now on, in all of this process. Raises ValueError if they are no rules."""
    own = own_rules(rules.zone)
    if own and own.fingerprint == rules.fingerprint:
        _FOLLOWED.pop(rules.zone, None)
        follow(rules.zone, None)
    elif rules_in_force(rules.zone) != rules:
        follow(rules.zone, rules.clock)
        _FOLLOWED[rules.zone] = rules


def is_newer(rules: ZoneRules, other: ZoneRules) -> bool:
    """Return whether *rules* are from a later release than the *other* ones; rules of no known release are oldest."""
    return (rules.version or "") > (other.version or "")


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
