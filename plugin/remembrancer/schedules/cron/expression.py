"""Cron expressions in a time zone: their reading, and the wall times that they name.

A wildcard or a step in minute or hour (`*/30 * * * *`, `0 */2 * * *`) makes an interval, which means that much elapsed
time; any other expression names fixed times. `schedules.zoned_walls` says what clock changes do to either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.schedules.cron.calendar import cron_days
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
from remembrancer.schedules.cron.wall_times import WallTimes
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.walls.day_sets import EVERY_DAY
from remembrancer.schedules.walls.wall_set import NO_WALL
from remembrancer.schedules.zoned_walls import ZonedWalls


@dataclass(frozen=True, slots=True, kw_only=True)
class CronExpression(ZonedWalls):
    """A cron expression in a zone; made by `parse_cron`; immutable, and safe to share between threads.

    `expression` is as written; `normalized` means the same, with names, aliases, `H` and the place of the seconds
    (last) resolved. With both day fields restricted, a day that suits either of them will do.
    """

    walls: WallTimes = field(repr=False)
    """The wall times that it names, without regard to the zone."""
    expression: str
    normalized: str
    seconds_field: SecondsField | None

    def next_ms(self, after_ms: int) -> int:
        """Return the first fire strictly after *after_ms*, both in epoch milliseconds (UTC).

        Raises:
            InvalidInput: There is none before the year 2400.
        """
        fire = self.next_after(after_ms)
        if fire is None:
            raise _refusal(
                self.expression, "an expression that fires before the year 2400", _example(self.seconds_field)
            )
        return fire


def parse_cron(
    expression: str,
    *,
    timezone: str = "UTC",
    gap: Gap = Gap.RUN_AFTER,
    fold: Fold = Fold.FIRST,
    seconds_field: SecondsField | None = None,
    hash_id: str | None = None,
) -> CronExpression:
    """Read a cron expression; the same arguments are read only once.

    Args:
        expression: Five fields (minute, hour, day of month, month, day of week), or an alias like `@daily`.
        timezone: The IANA key of the zone whose wall clock the expression means.
        gap: The treatment of a fixed time that the clock jumps over.
        fold: The pass that a fixed time takes when the clock shows it twice.
        seconds_field: The place of the seconds, if there are six fields.
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
    place = None if seconds_field is None else _choice(SecondsField, seconds_field, "seconds_field")
    # Only H looks at the id: without it, all tasks with this expression share one value.
    key = str(hash_id) if hash_id is not None and uses_hash(expression) else None
    return _parse(expression, zone, policy, place, key)


def uses_hash(expression: str) -> bool:
    """Return whether the expression has an `H`, whose value follows from the task's id."""
    return _USES_HASH.search(expression) is not None


@lru_cache(maxsize=4096)
def _parse(
    expression: str, zone: str, policy: tuple[Gap, Fold], seconds_field: SecondsField | None, key: str | None
) -> CronExpression:
    try:
        readings, walls = _read(expression, seconds_field, key)
    except WrongField as wrong:
        example = _mended(wrong.instead, seconds_field, key) or _example(seconds_field)
        raise _refusal(expression, str(wrong), example) from None
    normalized = " ".join(reading.text for reading in readings[: None if seconds_field else -1])
    is_interval = any("*" in reading.text or "/" in reading.text for reading in (readings[0], readings[1]))
    return CronExpression(
        timezone=zone,
        gap=policy[0],
        fold=policy[1],
        is_interval=is_interval,
        walls=walls,
        expression=expression,
        normalized=normalized,
        seconds_field=seconds_field,
    )


def _read(expression: str, seconds_field: SecondsField | None, key: str | None) -> tuple[list[ParsedField], WallTimes]:
    """Return the fields of an expression, and the wall times it names. Raises WrongField, with a suggestion."""
    texts = _split(expression, seconds_field)
    readings: list[ParsedField] = []
    for place, text in zip(PLACES, texts, strict=True):
        try:
            readings.append(read_field(place, text, key))
        except WrongField as wrong:
            if wrong.instead is not None:
                mended = [*texts[: place.order], wrong.instead, *texts[place.order + 1 :]]
                wrong.instead = joined(mended, seconds_field)
            raise
    return readings, _walls(readings)


def _mended(instead: str | None, seconds_field: SecondsField | None, key: str | None) -> str | None:
    """Return the expression to suggest, mended until it is accepted; None if it cannot be mended."""
    for _ in PLACES:  # a wrong field is mended each time
        if instead is None or len(instead) > _LONGEST:
            return None
        try:
            _read(instead, seconds_field, key)
        except WrongField as wrong:
            instead = wrong.instead
        else:
            return instead
    return None


def _split(expression: str, seconds_field: SecondsField | None) -> list[str]:
    """Return the six fields in their fixed order, seconds last."""
    text = expression.strip()
    if not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise WrongField("plain ASCII on one line")
    fields = expand_alias(text).split()
    if is_foreign(text, fields):
        raise refusal(text, fields, seconds_field)
    if text.startswith("@") or (len(fields) == _PLAIN and seconds_field is None):
        return [*fields, "0"]
    if len(fields) != _PLAIN + 1 or seconds_field is None:
        raise refusal(text, fields, seconds_field)
    return [*fields[1:], fields[0]] if seconds_field is SecondsField.FIRST else fields


def _walls(readings: list[ParsedField]) -> WallTimes:
    day, month, weekday = readings[DAY.order], readings[MONTH.order], readings[WEEKDAY.order]
    walls = WallTimes(
        readings[HOUR.order].values,
        readings[MINUTE.order].values,
        readings[SECOND.order].values,
        cron_days(day.text, month.text, weekday.text) or EVERY_DAY,
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


def _example(seconds_field: SecondsField | None) -> str:
    return {None: "0 9 * * 1-5", SecondsField.FIRST: "0 0 9 * * 1-5", SecondsField.LAST: "0 9 * * 1-5 0"}[seconds_field]


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(kind: type[_Choice], value: object, name: str) -> _Choice:
    if isinstance(value, kind):
        return value  # the usual case for a fire: a look-up of the member costs as much as the next fire
    try:
        return kind(value)
    except ValueError:
        words = [member.value for member in kind]
        raise InvalidInput(name, value, f"one of {', '.join(words)}", words[0]) from None


_LONGEST: Final = 256
_PLAIN: Final = 5
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_USES_HASH: Final = re.compile(r"(?:^|[\s,])H", re.IGNORECASE)
