"""The place of a cron schedule's occurrence after the rules of its time zone have changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remembrancer.schedules.zone_offsets import span_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from remembrancer.schedules.cron.expression import CronExpression

_BURST: Final = 10_000


def under_new_rules(cron: CronExpression, moment_ms: int, old: ZoneInfo) -> int:
    """Return the place under the rules in force of the fire at *moment_ms*, which *old* rules named.

    A fixed time keeps its wall time, subject to `gap` and `fold`. An interval keeps its time, or moves to the first
    fire after it. So does a time that the *old* rules did not name: it was computed by other rules. The result is no
    fire that the old rules had named before *moment_ms*: that one has its outcome.
    """
    before = replace(cron, rules=old)
    if cron.is_interval or before.next_ms(moment_ms - 1) != moment_ms:
        return cron.next_ms(moment_ms - 1)
    wall, _ = _walls_of(before, moment_ms // 1000)
    found = cron.next_ms(_earliest(cron, wall) * 1000 - 1)
    while _walls_of(cron, found // 1000)[1] < wall:
        found = cron.next_ms(found)
    if found < moment_ms and (served := before.between(found, moment_ms - 1, _BURST)):
        return cron.next_ms(served[-1])
    return found


def _earliest(cron: CronExpression, wall: int) -> int:
    """Return a second no later than any at which the zone's clock shows *wall*, or jumps over it."""
    spans = [span_at(cron.rules or cron.timezone, wall + shift) for shift in (-_DAY, 0, _DAY)]
    return wall - max(max(span.before, span.offset, span.after) for span in spans)


def _walls_of(cron: CronExpression, second: int) -> tuple[int, int]:
    """Return the first and the last wall time that the fire at *second* serves: several after a gap."""
    span = span_at(cron.rules or cron.timezone, second)
    wall = second + span.offset
    if second == span.start and cron.runs_after_gap(span):
        return cron.walls.at_or_after(span.start + span.before), wall
    return wall, wall


_DAY: Final = 86_400
