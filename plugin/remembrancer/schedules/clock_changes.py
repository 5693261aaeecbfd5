"""Notes on what a zone's clock changes do to the fires of wall times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from remembrancer.model.policy import Fold, Gap
from remembrancer.schedules.zone_offsets import OffsetSpan, span_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remembrancer.schedules.zoned_walls import ZonedWalls


def clock_changes(zoned: ZonedWalls, after: int, fire: int) -> list[str]:
    """Return what clock changes do between *after* and the next fire, both in epoch seconds."""
    gaps = [_gap_note(zoned, span) for span in _spans(zoned.timezone, after, fire) if span.offset > span.before]
    return [note for note in [*gaps, _fold_note(zoned, fire)] if note]


def _spans(zone: str, after: int, fire: int) -> Iterator[OffsetSpan]:
    """Yield the stretches that begin after *after* and not after *fire*."""
    start = span_at(zone, after).end
    while start <= fire:
        span = span_at(zone, start)
        yield span
        start = span.end


def _gap_note(zoned: ZonedWalls, span: OffsetSpan) -> str:
    missed = _missed(zoned, span)
    if not missed:
        return ""
    opens, closes = span.start + span.before, span.start + span.offset
    days = {_day(wall) for wall in (opens, closes, *missed)}
    told = _moment if len(days) > 1 else _time
    words = " to ".join(told(wall) for wall in missed)
    where = "" if len(days) > 1 else f" on {_day(opens)}"
    verb = "does" if len(missed) == 1 else "do"
    fact = f"{words} {verb} not exist{where}: clocks jump from {told(opens)} to {told(closes)}"
    if zoned.is_interval:
        return f"{fact}; an interval is not moved"
    if zoned.gap is Gap.SKIP:
        return f"skipped: {fact}, and gap=skip"
    return f"{fact}; runs at {told(closes)}"


def _missed(zoned: ZonedWalls, span: OffsetSpan) -> list[int]:
    """Return the first and the last named wall time in the gap before *span*; one, if it is the only one."""
    opens, closes = span.start + span.before, span.start + span.offset
    missed: list[int] = []
    wall = zoned.walls.at_or_after(opens)
    while wall < closes:
        missed = [*missed[:1], wall]
        wall = zoned.walls.at_or_after(wall + 1)
    return missed


def _fold_note(zoned: ZonedWalls, fire: int) -> str:
    span = span_at(zoned.timezone, fire)
    wall = fire + span.offset
    is_first = wall >= span.end + span.after
    is_second = wall < span.start + span.before
    if not (is_first or is_second):
        return ""
    fact = f"{_time(wall)} happens twice on {_day(wall)}"
    if zoned.is_interval or zoned.fold is Fold.BOTH:
        return f"{fact}; this is the {'first' if is_first else 'second'}, and both are taken"
    return f"{fact}; the {zoned.fold.value} is taken"


def _day(wall: int) -> str:
    return _shown(wall).date().isoformat()


def _moment(wall: int) -> str:
    return f"{_day(wall)} {_time(wall)}"


def _time(wall: int) -> str:
    shown = _shown(wall)
    return shown.strftime("%H:%M:%S" if shown.second else "%H:%M")


def _shown(wall: int) -> datetime:
    """Return a wall second as a datetime to print; the zone it carries means nothing."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=wall)
