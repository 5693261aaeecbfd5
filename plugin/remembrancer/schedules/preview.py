"""The next fires of a cron expression, with a plain word on what daylight saving did to each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.model.timestamps import from_ms
from remembrancer.schedules.cron.expression import Cron, parse_cron
from remembrancer.schedules.zone_offsets import OffsetSpan, span_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Fire:
    """One fire to come: `at` in UTC, `local` in the expression's zone, `note` in words or empty."""

    at: datetime
    local: datetime
    note: str


def read_expression(expression: str, *, timezone: str, gap: Gap, fold: Fold, seconds: SecondsField | None) -> Cron:
    """Read a cron expression that is to be previewed. Raises InvalidInput, of `expression` where it is that."""
    try:
        return parse_cron(expression, timezone=timezone, gap=gap, fold=fold, seconds=seconds)
    except InvalidInput as refused:
        if refused.field != "schedule_cron":
            raise
        raise InvalidInput("expression", refused.value, refused.allowed, refused.example) from None


def preview(cron: Cron, after_ms: int, count: int, is_late: Callable[[], bool] = lambda: False) -> list[Fire]:
    """Return the next *count* fires strictly after *after_ms* (epoch milliseconds), or all that there are.

    What happened between two fires, such as a day that was skipped, is in the note of the later one. Times are
    reckoned up to the year 2400: of fewer fires, the last one's note says that none follows.

    Raises:
        InvalidInput: *count* is no whole number from 1 to 1000, or *is_late* said that it takes too long.
    """
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST:  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
        raise InvalidInput("count", count, f"a whole number from 1 to {_MOST}", 5)
    clock = ZoneInfo(cron.timezone)
    fires: list[Fire] = []
    while len(fires) < count:
        if is_late():
            allowed = f"fewer: in the time that a preview may take, {len(fires)} were found"
            raise InvalidInput("count", count, allowed, max(1, len(fires) // 2))
        fire_ms = cron.next_or_none(after_ms)
        if fire_ms is None:
            return [*fires[:-1], *map(_as_last, fires[-1:])]
        at = from_ms(fire_ms)
        fires.append(Fire(at, at.astimezone(clock), _note(cron, after_ms // 1000, fire_ms // 1000)))
        after_ms = fire_ms
    return fires


def _as_last(fire: Fire) -> Fire:
    end = "the last fire before the year 2400, up to which times are reckoned"
    return replace(fire, note=f"{fire.note}; {end}" if fire.note else end)


def _note(cron: Cron, after: int, fire: int) -> str:
    gaps = [_gap_note(cron, span) for span in _spans(cron.timezone, after, fire) if span.offset > span.before]
    return "; ".join(note for note in [*gaps, _fold_note(cron, fire)] if note)


def _spans(zone: str, after: int, fire: int) -> Iterator[OffsetSpan]:
    """Yield the stretches that begin after *after* and not after *fire*."""
    start = span_at(zone, after).end
    while start <= fire:
        span = span_at(zone, start)
        yield span
        start = span.end


def _gap_note(cron: Cron, span: OffsetSpan) -> str:
    missed = _missed(cron, span)
    if not missed:
        return ""
    opens, closes = span.start + span.before, span.start + span.offset
    days = {_day(wall) for wall in (opens, closes, *missed)}
    told = _moment if len(days) > 1 else _time
    words = " to ".join(told(wall) for wall in missed)
    where = "" if len(days) > 1 else f" on {_day(opens)}"
    verb = "does" if len(missed) == 1 else "do"
    fact = f"{words} {verb} not exist{where}: clocks jump from {told(opens)} to {told(closes)}"
    if cron.elapsed:
        return f"{fact}; an interval is not moved"
    if cron.gap is Gap.SKIP:
        return f"skipped: {fact}, and gap=skip"
    return f"{fact}; runs at {told(closes)}"


def _missed(cron: Cron, span: OffsetSpan) -> list[int]:
    """Return the first and the last named wall time in the gap before *span*; one, if it is the only one."""
    opens, closes = span.start + span.before, span.start + span.offset
    missed: list[int] = []
    wall = cron.walls.at_or_after(opens)
    while wall < closes:
        missed = [*missed[:1], wall]
        wall = cron.walls.at_or_after(wall + 1)
    return missed


def _fold_note(cron: Cron, fire: int) -> str:
    span = span_at(cron.timezone, fire)
    wall = fire + span.offset
    is_first = wall >= span.end + span.after
    is_second = wall < span.start + span.before
    if not (is_first or is_second):
        return ""
    fact = f"{_time(wall)} happens twice on {_day(wall)}"
    if cron.elapsed or cron.fold is Fold.BOTH:
        return f"{fact}; this is the {'first' if is_first else 'second'}, and both are taken"
    return f"{fact}; the {cron.fold.value} is taken"


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


_MOST: Final = 1000
