"""The fields of Celery's `crontab`, where Sunday is weekday 0 and every field must agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from remembrancer.schedules.importers.calendar_fields import CalendarFields
from remembrancer.schedules.importers.entries import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELDS: Final = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
"""The arguments of `crontab`, in its order."""


def crontab_fields(given: Mapping[str, object], zone: str) -> CalendarFields:
    """Return the fields of a `crontab`; one that is not given is `*`. Raises Refused."""
    if unknown := [name for name in given if name not in FIELDS]:
        raise Refused(f"crontab has no field {unknown[0]}: it has {', '.join(FIELDS)}")
    values = {name: _values(name, given.get(name, "*")) for name in FIELDS}
    return CalendarFields(
        months=values["month_of_year"],
        days=values["day_of_month"],
        weekdays=frozenset((day - 1) % 7 for day in values["day_of_week"]),
        hours=values["hour"],
        minutes=values["minute"],
        timezone=zone,
    )


def _values(name: str, given: object) -> frozenset[int]:
    """Return the numbers of a field: of a text, a number, or a list of numbers."""
    low, high = _RANGES[name]
    if isinstance(given, str):
        found = {value for item in given.split(",") for value in _item(name, item.strip())}
    elif isinstance(given, int) and not isinstance(given, bool):
        found = {given}
    elif isinstance(given, list | tuple | set | frozenset):
        found = set(_whole(name, cast("Iterable[object]", given)))
    else:
        raise Refused(f"{name} of its crontab is a {type(given).__name__}")
    if not found or min(found) < low or max(found) > high:
        raise Refused(f"{name}={given} is out of range: {low} to {high}")
    return frozenset(found)


def _whole(name: str, given: Iterable[object]) -> Iterable[int]:
    for each in given:
        if isinstance(each, bool) or not (isinstance(each, int) or str(each).isdigit()):
            raise Refused(f"{name} of its crontab holds {each!r}")
        yield int(str(each))


def _item(name: str, item: str) -> Iterable[int]:
    """Return the numbers of `*`, `*/5`, `1-5`, `9-17/2`, `mon`; a range may pass the end and go on at the beginning."""
    low, high = _RANGES[name]
    parts = _ITEM.fullmatch(item)
    if parts is None or (parts["step"] and not int(parts["step"])):
        raise Refused(f"{item!r} is no value of {name}")
    step = int(parts["step"] or 1)
    if parts["first"] == "*":
        return range(low, high + 1, step)
    first, last = _number(name, parts["first"]), _number(name, parts["last"] or parts["first"])
    if parts["step"] and not parts["last"]:
        last = high
    if first > last:
        return [*range(first, high + 1), *range(low, last + 1)][::step]
    return range(first, last + 1, step)


def _number(name: str, word: str) -> int:
    if word.isdigit():
        low, high = _RANGES[name]
        if not low <= int(word) <= high:
            raise Refused(f"{name}={word} is out of range: {low} to {high}")
        return int(word)
    names = _NAMES.get(name, ())
    found = next((place for place, each in enumerate(names) if word.lower()[:3] == each), None)
    if found is None:
        raise Refused(f"{word!r} is no value of {name}")
    return found + _RANGES[name][0]


_ITEM: Final = re.compile(
    r"(?P<first>\*|[0-9]{1,4}|[A-Za-z]{3,9})(?:-(?P<last>[0-9]{1,4}|[A-Za-z]{3,9}))?(?:/(?P<step>[0-9]{1,4}))?"
)
_RANGES: Final = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_week": (0, 6),
    "day_of_month": (1, 31),
    "month_of_year": (1, 12),
}
_NAMES: Final = {
    "day_of_week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
    "month_of_year": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
}
