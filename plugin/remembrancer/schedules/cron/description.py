"""The description of a cron expression in English, or the expression itself where none would be exact."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, Final

from cron_descriptor import (  # pyright: ignore[reportMissingTypeStubs]
    FormatError,
    MissingFieldError,
    Options,
    WrongArgumentError,
    get_description,
)

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import SecondsField
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.cron.fields import DAY, HOUR, MINUTE, MONTH, SECOND, WEEKDAY, FieldSpec, read_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.schedules.cron.expression import CronExpression

_OWN: Final = re.compile(r"\bH\b")


@lru_cache(4096)
def describe(expression: str, seconds_field: SecondsField | None = None) -> str:
    """Return what *expression* means in English, such as "At 09:00, Monday through Friday".

    *seconds_field* is the place of the seconds among six fields; without it, they are taken to be the first.
    """
    if _OWN.search(expression.upper()):
        return f"By {expression}, where H is a time of each task's own"
    if seconds_field is None and len(expression.split()) == _SIX:
        seconds_field = SecondsField.FIRST
    try:
        cron = parse_cron(expression, seconds_field=seconds_field)
        return ", ".join(part for part in (_time(cron), *_days(cron)) if part)
    except (InvalidInput, FormatError, MissingFieldError, WrongArgumentError, ValueError, IndexError):
        return f"By {expression}"


def _time(cron: CronExpression) -> str:
    """Return the times of day: a list where they are few, else as cron-descriptor words them."""
    walls = cron.walls
    if len(walls.hours) * len(walls.minutes) <= _FEW and len(walls.seconds) == 1:
        second = f":{walls.seconds[0]:02}" if walls.seconds != (0,) else ""
        return (
            f"At {_listed([f'{hour:02}:{minute:02}{second}' for hour, minute in product(walls.hours, walls.minutes)])}"
        )
    minute, hour, *_ = cron.normalized.split()
    second = cron.normalized.split()[SECOND.order] if cron.seconds_field else "0"
    fields = ((SECOND, second, walls.seconds), (MINUTE, minute, walls.minutes), (HOUR, hour, walls.hours))
    texts = [_even(place, text, values) for place, text, values in fields]
    options = Options()
    options.use_24hour_time_format = True
    return get_description(" ".join([*texts[second == "0" :], "* * *"]), options)


def _even(place: FieldSpec, text: str, values: tuple[int, ...]) -> str:
    """Return a field as it is; as a list of values where its step does not divide the range (every 7 minutes)."""
    found = _STEP.fullmatch(text)
    return text if found is None or (place.high + 1) % int(found[1]) == 0 else ",".join(map(str, values))


def _days(cron: CronExpression) -> list[str]:
    """Return the days, and the months unless every month is meant."""
    _, _, day, month, weekday, *_ = cron.normalized.split()
    months = read_field(MONTH, month, None).values
    is_every_month = len(months) == len(MONTH.names)
    return [_day_words(day, weekday), "" if is_every_month else f"only in {_through(_MONTHS, [m - 1 for m in months])}"]


def _day_words(day: str, weekday: str) -> str:
    if day == "*":
        return "" if weekday == "*" else _on_weekdays(weekday)
    if weekday == "*":
        return _on_days(day)
    if day.startswith("*") or weekday.startswith("*"):
        return f"{_on_days(day)}, if that is {_weekday(weekday, 'or', 'a ')}"
    return f"{_on_days(day)}, or on {_weekday(weekday, 'or', '')}"


def _on_days(day: str) -> str:
    """Return days of the month: numbers, the last, or the working day that is nearest to one."""
    values = read_field(DAY, day, None).values
    if values:
        return f"on {_numbers(values)} of the month"
    told: list[str] = []
    for item in day.split(","):
        found = read_field(DAY, item, None).values
        if found:
            told.append(_numbers(found))
        else:
            told.append("the last day" if item == "L" else f"the weekday nearest day {item.strip('W')}")
    return f"on {_listed(told)} of the month"


def _numbers(values: tuple[int, ...]) -> str:
    if len(values) == 1:
        return f"day {values[0]}"
    step = values[1] - values[0]
    is_even = len(values) > _PAIR and all(later - value == step for value, later in pairwise(values))
    if not is_even:
        return f"days {_listed([str(value) for value in values])}"
    if step == 1:
        return f"days {values[0]} through {values[-1]}"
    return f"every {step}{_ENDINGS.get(step, 'th')} day from day {values[0]} to day {values[-1]}"


def _on_weekdays(weekday: str) -> str:
    values = read_field(WEEKDAY, weekday, None).values
    if len(values) == len(_WEEKDAYS):
        return ""
    monday_first = sorted(values, key=lambda value: (value - 1) % len(_WEEKDAYS))
    if len(values) > _PAIR and (monday_first[-1] - monday_first[0]) % len(_WEEKDAYS) == len(values) - 1:
        return f"{_WEEKDAYS[monday_first[0]]} through {_WEEKDAYS[monday_first[-1]]}"
    return f"{'only ' if values else ''}on {_weekday(weekday, 'and', '')}"


def _weekday(weekday: str, joint: str, article: str) -> str:
    """Return weekdays by name, or by their place in the month."""
    values = read_field(WEEKDAY, weekday, None).values
    if values:
        return _listed([f"{article}{_WEEKDAYS[value]}" for value in values], joint)
    told: list[str] = []
    for item in weekday.split(","):
        if item.startswith("L"):
            told.append(f"the last {_WEEKDAYS[int(item[1:])]}")
        else:
            number, _, turn = item.partition("#")
            told.append(f"the {_TURNS[int(turn) - 1]} {_WEEKDAYS[int(number)]}")
    return f"{_listed(told, joint)} of the month"


def _through(names: tuple[str, ...], places: Sequence[int]) -> str:
    if len(places) > _PAIR and places[-1] - places[0] == len(places) - 1:
        return f"{names[places[0]]} through {names[places[-1]]}"
    return _listed([names[place] for place in places])


def _listed(words: Sequence[str], joint: str = "and") -> str:
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last


_SIX: Final = 6
_FEW: Final = 6
_PAIR: Final = 2
_STEP: Final = re.compile(r"\*/([0-9]+)")
_ENDINGS: Final = {2: "nd", 3: "rd", 22: "nd", 23: "rd", 21: "st"}
_TURNS: Final = ("first", "second", "third", "fourth", "fifth")
_WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
