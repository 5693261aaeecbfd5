"""The place of an occurrence at a wall time after the rules of its time zone have changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.schedules.walls.wall_set import DAY
from remembrancer.schedules.zone_offsets import span_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from remembrancer.schedules.zoned_walls import ZonedWalls

_BURST: Final = 10_000


def under_new_rules(zoned: ZonedWalls, moment_ms: int, old: ZoneInfo) -> int | None:
    """Return the place under the rules in force of the fire at *moment_ms*, which *old* rules named.

    A fixed time keeps its wall time, subject to `gap` and `fold`. An interval keeps its time, or moves to the first
    fire after it. So does a time that the *old* rules did not name: it was computed by other rules. The result is no
    fire that the old rules had named before *moment_ms*: that one has its outcome. None where no fire is left.
    """
    before = replace(zoned, rules=old)
    if zoned.is_interval or before.next_after(moment_ms - 1) != moment_ms:
        return zoned.next_after(moment_ms - 1)
    wall, _ = _walls_of(before, moment_ms // 1000)
    found = zoned.next_after(_earliest(zoned, wall) * 1000 - 1)
    while found is not None and _walls_of(zoned, found // 1000)[1] < wall:
        found = zoned.next_after(found)
    if found is not None and found < moment_ms and (served := before.between(found, moment_ms - 1, _BURST)):
        return zoned.next_after(served[-1])
    return found


def _earliest(zoned: ZonedWalls, wall: int) -> int:
    """Return a second no later than any at which the zone's clock shows *wall*, or jumps over it."""
    spans = [span_at(zoned.rules or zoned.timezone, wall + shift) for shift in (-DAY, 0, DAY)]
    return wall - max(max(span.before, span.offset, span.after) for span in spans)


def _walls_of(zoned: ZonedWalls, second: int) -> tuple[int, int]:
    """Return the first and the last wall time that the fire at *second* serves: several after a gap."""
    span = span_at(zoned.rules or zoned.timezone, second)
    wall = second + span.offset
    if second == span.start and zoned.runs_after_gap(span):
        return zoned.walls.at_or_after(span.start + span.before), wall
    return wall, wall
