"""Cron expressions in a time zone, with exact rules for both clock changes of daylight saving time.

An expression names wall times. Where a zone's clock jumps or repeats, there are two kinds of expression:

- *Fixed times* (`30 2 * * *`) mean that time of day, once a day. In a gap `gap` decides, in a fold `fold`.
- *Intervals* (a wildcard or a step in minute or hour: `*/30 * * * *`, `0 */2 * * *`) mean that much elapsed time.
  They fire whenever the wall clock matches: nothing is shifted out of a gap, and both passes of a repeated hour count,
  so that a fold never stretches the interval.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.schedules.cron.calendar import day_sides
from remembrancer.schedules.cron.dialects import expand_alias, is_foreign, joined, refusal
from remembrancer.schedules.cron.fields import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    PLACES,
    SECOND,
    WEEKDAY,
    ParsedField,
    WrongField,
    read_field,
)
from remembrancer.schedules.cron.wall_times import NO_WALL, WallTimes
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.zone_offsets import span_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from remembrancer.schedules.zone_offsets import OffsetSpan


@dataclass(frozen=True, slots=True)
class CronExpression:
    """A cron expression in a zone; made by `parse_cron`; immutable, and safe to share between threads.

    `expression` is as written; `normalized` means the same, with names, aliases, `H` and the place of the seconds
    (last) resolved. With both day fields restricted, a day that suits either of them will do.
    """

    expression: str
    normalized: str
    timezone: str
    gap: Gap
    fold: Fold
    seconds: SecondsField | None
    is_interval: bool = field(repr=False)
    """Whether this is an interval, which follows elapsed time, or a fixed time of day."""
    walls: WallTimes = field(repr=False)
    """The wall times that it names, without regard to the zone."""
    rules: ZoneInfo | None = field(default=None, repr=False)
    """Rules of the zone other than those in force, such as older ones by which a time was computed."""

    def next_ms(self, after_ms: int) -> int:
        """Return the first fire strictly after *after_ms*, both in epoch milliseconds (UTC).

        Raises:
            InvalidInput: There is none before the year 2400.
        """
        fire = self.next_after(after_ms)
        if fire is None:
            raise _refusal(self.expression, "an expression that fires before the year 2400", _example(self.seconds))
        return fire

    def next_after(self, after_ms: int) -> int | None:
        """Return the first fire strictly after *after_ms*, or None where there is none before the year 2400."""
        second = after_ms // 1000 + 1
        while second < _END:
            span = span_at(self.rules or self.timezone, second)
            if second == span.start and self.runs_after_gap(span):
                return second * 1000
            opens, closes = self._bounds(span)
            wall = self.walls.at_or_after(max(second + span.offset, opens))
            if wall < closes:
                return (wall - span.offset) * 1000
            second = span.end
            if span.after >= span.offset:
                # No wall time is about to repeat, and no clock is a day ahead of UTC: there is no fire until a day
                # before the wall time that was found.
                second = max(second, wall - _DAY)
        return None

    def between(self, start_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the fires f with start_ms <= f <= until_ms, ascending, at most *limit*.

        All are epoch milliseconds (UTC).

        Raises:
            InvalidInput: There is no further one before the year 2400.
        """
        found: list[int] = []
        fire = start_ms - 1
        while len(found) < limit and (fire := self.next_ms(fire)) <= until_ms:
            found.append(fire)
        return found

    def count(self, start_ms: int, until_ms: int) -> int:
        """Return how many fires f there are with start_ms <= f <= until_ms: counted by the day, not one by one."""
        second, last = -(-start_ms // 1000), until_ms // 1000
        total = 0
        while second <= last:
            span = span_at(self.rules or self.timezone, second)
            opens, closes = self._bounds(span)
            low, high = max(second + span.offset, opens), min(last + 1 + span.offset, closes)
            if low < high:
                total += self.walls.count(low, high)
            if second == span.start and self.runs_after_gap(span):
                total += low != second + span.offset or self.walls.at_or_after(low) != low
            second = span.end
        return total

    def last_ms(self, until_ms: int, place: int) -> int:
        """Return the fire at *place*, counted back from *until_ms*: at 1 the last that is not after it.

        There must be as many.
        """
        last = until_ms // 1000
        width = 60
        while self.count((last - width) * 1000, until_ms) < place:
            width *= 2
        low, high = last - width, last + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.count(middle * 1000, until_ms) >= place:
                low = middle
            else:
                high = middle
        return low * 1000

    def runs_after_gap(self, span: OffsetSpan) -> bool:
        """Return whether a fixed time lies in the gap that *span* begins with, and runs after it."""
        if span.offset <= span.before or self.is_interval or self.gap is Gap.SKIP:
            return False
        return self.walls.at_or_after(span.start + span.before) < span.start + span.offset

    def _bounds(self, span: OffsetSpan) -> tuple[int, int]:
        """Return the first wall time that *span* serves, and the one after its last, as `fold` says."""
        opens, closes = span.start + span.offset, span.end + span.offset
        if self.is_interval:
            return opens, closes
        if self.fold is Fold.FIRST:
            opens = max(opens, span.start + span.before)
        elif self.fold is Fold.LAST:
            closes = min(closes, span.end + span.after)
        return opens, closes


def parse_cron(
    expression: str,
    *,
    timezone: str = "UTC",
    gap: Gap = Gap.RUN_AFTER,
    fold: Fold = Fold.FIRST,
    seconds: SecondsField | None = None,
    hash_id: str | None = None,
) -> CronExpression:
    """Read a cron expression; the same arguments are read only once.

    Args:
        expression: Five fields (minute, hour, day of month, month, day of week), or an alias like `@daily`.
        timezone: The IANA key of the zone whose wall clock the expression means.
        gap: The treatment of a fixed time that the clock jumps over.
        fold: The pass that a fixed time takes when the clock shows it twice.
        seconds: The place of the seconds, if there are six fields.
        hash_id: The task's id, from which `H` derives its values.

    Raises:
        InvalidInput: Of `schedule_cron`, `timezone` or one of the choices; the message names the wrong field.
    """
    if not isinstance(expression, str):  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
        raise _refusal(expression, "text of five fields: minute hour day-of-month month day-of-week")
    if len(expression) > _LONGEST:
        raise _refusal(expression, f"at most {_LONGEST} characters")
    zone = read_zone(timezone)
    policy = (_choice(Gap, gap, "gap"), _choice(Fold, fold, "fold"))
    place = None if seconds is None else _choice(SecondsField, seconds, "seconds")
    # Only H looks at the id: without it, all tasks with this expression share one value.
    key = str(hash_id) if hash_id is not None and uses_hash(expression) else None
    return _parse(expression, zone, policy, place, key)


def uses_hash(expression: str) -> bool:
    """Return whether the expression has an `H`, whose value follows from the task's id."""
    return _USES_HASH.search(expression) is not None


@lru_cache(maxsize=4096)
def _parse(
    expression: str, zone: str, policy: tuple[Gap, Fold], seconds: SecondsField | None, key: str | None
) -> CronExpression:
    try:
        readings, walls = _read(expression, seconds, key)
    except WrongField as wrong:
        example = _mended(wrong.instead, seconds, key) or _example(seconds)
        raise _refusal(expression, str(wrong), example) from None
    normalized = " ".join(reading.text for reading in readings[: None if seconds else -1])
    is_interval = any("*" in reading.text or "/" in reading.text for reading in (readings[0], readings[1]))
    return CronExpression(expression, normalized, zone, *policy, seconds, is_interval, walls)


def _read(expression: str, seconds: SecondsField | None, key: str | None) -> tuple[list[ParsedField], WallTimes]:
    """Return the fields of an expression, and the wall times it names. Raises WrongField, with a suggestion."""
    texts = _split(expression, seconds)
    readings: list[ParsedField] = []
    for place, text in zip(PLACES, texts, strict=True):
        try:
            readings.append(read_field(place, text, key))
        except WrongField as wrong:
            if wrong.instead is not None:
                mended = [*texts[: place.order], wrong.instead, *texts[place.order + 1 :]]
                wrong.instead = joined(mended, seconds)
            raise
    return readings, _walls(readings)


def _mended(instead: str | None, seconds: SecondsField | None, key: str | None) -> str | None:
    """Return the expression to suggest, mended until it is accepted; None if it cannot be mended."""
    for _ in PLACES:  # a wrong field is mended each time
        if instead is None or len(instead) > _LONGEST:
            return None
        try:
            _read(instead, seconds, key)
        except WrongField as wrong:
            instead = wrong.instead
        else:
            return instead
    return None


def _split(expression: str, seconds: SecondsField | None) -> list[str]:
    """Return the six fields in their fixed order, seconds last."""
    text = expression.strip()
    if not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise WrongField("plain ASCII on one line")
    fields = expand_alias(text).split()
    if is_foreign(text, fields):
        raise refusal(text, fields, seconds)
    if text.startswith("@") or (len(fields) == _PLAIN and seconds is None):
        return [*fields, "0"]
    if len(fields) != _PLAIN + 1 or seconds is None:
        raise refusal(text, fields, seconds)
    return [*fields[1:], fields[0]] if seconds is SecondsField.FIRST else fields


def _walls(readings: list[ParsedField]) -> WallTimes:
    day, month, weekday = readings[DAY.order], readings[MONTH.order], readings[WEEKDAY.order]
    walls = WallTimes(
        readings[HOUR.order].values,
        readings[MINUTE.order].values,
        readings[SECOND.order].values,
        day_sides(day.text, month.text, weekday.text),
    )
    if _is_impossible(day, month, weekday) or walls.at_or_after(0) >= NO_WALL:
        raise WrongField(
            f"a date that exists: day {day.text} never comes in month {month.text}, so this would never fire"
        )
    return walls


def _is_impossible(day: ParsedField, month: ParsedField, weekday: ParsedField) -> bool:
    """Return whether no day can match, without croniter's search over fifty years. A weekday always matches."""
    if not day.values or not (day.text.startswith("*") or weekday.text.startswith("*")):
        return False
    return day.values[0] > max(_LENGTHS[number - 1] for number in month.values)


def _refusal(expression: object, allowed: str, example: str = "0 9 * * 1-5") -> InvalidInput:
    return InvalidInput("schedule_cron", expression, allowed, example)


def _example(seconds: SecondsField | None) -> str:
    return {None: "0 9 * * 1-5", SecondsField.FIRST: "0 0 9 * * 1-5", SecondsField.LAST: "0 9 * * 1-5 0"}[seconds]


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(kind: type[_Choice], value: object, name: str) -> _Choice:
    if isinstance(value, kind):
        return value  # the usual case for a fire: a look-up of the member costs as much as the next fire
    try:
        return kind(value)
    except ValueError:
        words = [member.value for member in kind]
        raise InvalidInput(name, value, f"one of {', '.join(words)}", words[0]) from None


_END: Final = 13_569_465_600
"""The first second of the year 2400."""
_DAY: Final = 86_400
_LONGEST: Final = 256
_PLAIN: Final = 5
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_USES_HASH: Final = re.compile(r"(?:^|[\s,])H", re.IGNORECASE)
