"""Cautions about a schedule that may not mean what its author thinks it does."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import Cron
from remembrancer.model.schedule import Bounded
from remembrancer.model.timestamps import to_iso, to_ms
from remembrancer.schedules.composed.nested import with_inner
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.phrases import length_words
from remembrancer.schedules.value_fields import read_length
from remembrancer.schedules.zone_offsets import clock_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.schedule import ScheduleValue


def cautions(value: ScheduleValue, timezone: str, fires: Sequence[datetime], now: datetime) -> list[str]:
    """Return what a careful reader of *value* would point out.

    Args:
        value: The schedule.
        timezone: The zone of its wall clock.
        fires: Its next fires, aware, ascending.
        now: The time that they are after.
    """
    if not fires:
        return [_never(value, now)]
    inner = with_inner(value)
    found = [each for cron in inner if isinstance(cron, Cron) for each in _of_cron(cron)]
    found += [each for bounds in inner if isinstance(bounds, Bounded) for each in _of_delay(bounds, fires[0])]
    if len(fires) > 1:
        if fires[0].month == fires[-1].month and all(_is_leap_day(fire, timezone) for fire in fires):
            found.append("It fires on 29 February only, which comes every fourth year.")
        least = min(then - first for first, then in pairwise(fires))
        if least < _MINUTE:
            found.append(f"It fires twice a minute or more: {least / _SECOND:g} s lie between two fires.")
    if fires[0] - now > _YEAR:
        found.append(f"Its first fire is more than a year ahead, at {to_iso(fires[0])}.")
    return found


def _of_delay(value: Bounded, at: datetime) -> list[str]:
    """Return the fault of a jitter or spread that is longer than the time between two fires of its schedule."""
    longest = max(read_length(each or "0s", "jitter", "10m") for each in (value.jitter, value.spread))
    if not longest:
        return []
    schedule = KINDS[value.schedule.kind](value.schedule, "")
    times = [to_ms(at)]
    while len(times) <= _COMPARED and (after_ms := schedule.next_after(times[-1])) is not None:
        times.append(after_ms)
    least = min((then - first for first, then in pairwise(times[1:])), default=None)
    if least is None or longest * 1000 <= least:
        return []
    words = f"{length_words(longest)} is longer than the {length_words(least // 1000)} between two of its times"
    end = "no fire is as late as the next time, so that many fires come just before it"
    return [f"A delay of up to {words}: {end}. A shorter jitter or spread is even."]


def _never(value: ScheduleValue, now: datetime) -> str:
    if getattr(value, "reacts", False):
        return f"No fire is known ahead: it fires {value}."
    if isinstance(value, Bounded) and value.end is not None:
        return f"It never fires after {to_iso(now)}: its end, {value.end}, comes before its first fire."
    return f"It never fires after {to_iso(now)}."


def _is_leap_day(fire: datetime, timezone: str) -> bool:
    local = fire.astimezone(clock_of(timezone))
    return (local.month, local.day) == (2, 29)


@lru_cache(maxsize=4096)
def _of_cron(cron: Cron) -> tuple[str, ...]:
    """Return the cautions about an expression by itself."""
    try:
        read = parse_cron(cron.expression, seconds_field=cron.seconds_field, hash_id="")
    except InvalidInput:
        return ()
    texts = dict(zip(_PLACES, read.normalized.split(), strict=False))
    found = [each for place, text in texts.items() if (each := _uneven(_PLACES[place], place, text))]
    day, weekday = texts["day-of-month"], texts["day-of-week"]
    if "*" not in {day, weekday}:
        is_either = not (day.startswith("*") or weekday.startswith("*"))
        rule = "a day that suits either of them will do" if is_either else "a day has to suit both of them"
        found.append(f"Both day fields are given, {day} (day of month) and {weekday} (day of week): {rule}.")
    return tuple(found)


def _uneven(period: _Period, place: str, text: str) -> str:
    """Return a caution if the step of a field does not divide its period; an empty text otherwise."""
    step = int(text[2:]) if text.startswith("*/") and text[2:].isdigit() else 1
    if step == 1 or (period.length and period.length % step == 0):
        return ""
    even = f" For an even interval, use the kind `every`: {step}{period.unit}." if period.unit else ""
    where = f"{text} in the {place} field"
    return f"The step of {where} does not divide the {period.name}: a shorter gap ends each {period.name}.{even}"


class _Period(NamedTuple):
    """The period of a field of a cron expression: its name, its length (0 if it varies), the unit of an interval."""

    name: str
    length: int
    unit: str


_PLACES: Final = {
    "minute": _Period("hour", 60, "m"),
    "hour": _Period("day", 24, "h"),
    "day-of-month": _Period("month", 0, "d"),
    "month": _Period("year", 12, ""),
    "day-of-week": _Period("week", 7, ""),
    "second": _Period("minute", 60, "s"),
}
_SECOND: Final = timedelta(seconds=1)
_COMPARED: Final = 5
"""Times of a schedule that are compared with its delay."""
_MINUTE: Final = timedelta(minutes=1)
_YEAR: Final = timedelta(days=366)
