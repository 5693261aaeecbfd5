"""The rules of a time zone, kept as the bytes of its file: which moment a wall time meant, and which it means now."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from remembrancer.schedules.zone_offsets import changes, offset_at, span_at

if TYPE_CHECKING:
    from remembrancer.schedules.cron.expression import Cron

_BURST: Final = 10_000
_YEAR: Final = 31_557_600
_BEHIND: Final = 5 * _YEAR
_AHEAD: Final = 30 * _YEAR
"""Between these, in seconds from now, lie the moments that any task is armed for."""


@dataclass(frozen=True)
class ZoneRules:
    """The rules of one zone: its IANA key, and the bytes of its TZif file."""

    zone: str
    data: bytes

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same bytes."""
        return sha256(self.data).hexdigest()

    @cached_property
    def clock(self) -> ZoneInfo:
        """The zone under these rules. Raises ValueError if the bytes are no rules."""
        return ZoneInfo.from_file(BytesIO(self.data), self.zone)


@lru_cache(maxsize=1024)
def rules_in_force(zone: str) -> ZoneRules | None:
    """Return the rules by which this process reads *zone*; None for one that has none here."""
    for root in zoneinfo.TZPATH:
        file = Path(root, zone)
        if file.is_file():
            return ZoneRules(zone, file.read_bytes())
    packaged = resources.files("tzdata").joinpath("zoneinfo", *zone.split("/"))
    return ZoneRules(zone, packaged.read_bytes()) if packaged.is_file() else None


def say_the_same(kept: ZoneRules, current: ZoneRules, now_ms: int) -> bool:
    """Tell whether both sets of rules mean the same moments, from some years ago to many years ahead.

    One zone may be written in several ways: a file that differs need not mean another clock.
    """
    if kept.fingerprint == current.fingerprint:
        return True
    start, end = now_ms // 1000 - _BEHIND, now_ms // 1000 + _AHEAD
    turns = [start, *changes(kept.clock, start, end)]
    if turns[1:] != changes(current.clock, start, end):
        return False
    return all(offset_at(kept.clock, turn) == offset_at(current.clock, turn) for turn in turns)


def under_new_rules(cron: Cron, moment_ms: int, old: ZoneInfo) -> int:
    """Return where the place *moment_ms* of a schedule, derived by *old* rules, stands under the rules in force.

    A fixed time keeps its wall time, and `gap` and `fold` decide as ever. An interval keeps its instant, or goes on
    with the first one after it. A moment that *old* did not name was derived by other rules, and keeps its instant too.
    No moment is given that the old rules had named before: it has its outcome.
    """
    before = replace(cron, rules=old)
    if cron.elapsed or before.next_ms(moment_ms - 1) != moment_ms:
        return cron.next_ms(moment_ms - 1)
    wall, _ = _walls_of(before, moment_ms // 1000)
    found = cron.next_ms(_earliest(cron, wall) * 1000 - 1)
    while _walls_of(cron, found // 1000)[1] < wall:
        found = cron.next_ms(found)
    if found < moment_ms and (served := before.fires(found, moment_ms - 1, _BURST)):
        return cron.next_ms(served[-1])
    return found


def _earliest(cron: Cron, wall: int) -> int:
    """Return a second no later than any at which the zone's clock shows *wall*, or jumps over it."""
    spans = [span_at(cron.rules or cron.timezone, wall + shift) for shift in (-_DAY, 0, _DAY)]
    return wall - max(max(span.before, span.offset, span.after) for span in spans)


def _walls_of(cron: Cron, second: int) -> tuple[int, int]:
    """Return the first and the last wall time that the fire at *second* stands for: several after a gap."""
    span = span_at(cron.rules or cron.timezone, second)
    wall = second + span.offset
    if second == span.start and cron.runs_after_gap(span):
        return cron.walls.at_or_after(span.start + span.before), wall
    return wall, wall


_DAY: Final = 86_400
