"""Schedules inside others: their number and depth, and whether they depend on the task."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import Cron, Once
from remembrancer.model.schedule import DEEPEST, MOST_NESTED, VALUES, Bounded
from remembrancer.schedules.cron.expression import uses_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from remembrancer.model.schedule import ScheduleValue

MOST_MEMBERS: Final = 32
_EXAMPLE: Final = [{"kind": "cron", "expression": "0 9 * * 1-5"}]


def check_nested(value: ScheduleValue) -> None:
    """Refuse a value with too many schedules inside, or with something else. Raises InvalidInput."""
    for number, (depth, field, each) in enumerate(_inside(value), 1):
        if type(each) not in VALUES.values():
            raise InvalidInput(field, each, "schedules: values, or JSON objects with their kind", _EXAMPLE)
        if depth > DEEPEST or number > MOST_NESTED:
            allowed = f"schedules at most {DEEPEST} deep inside each other, and {MOST_NESTED} together"
            raise InvalidInput(field, "more", allowed, _EXAMPLE)
        if getattr(each, "reacts", False):
            allowed = "schedules that name times; one of kind after stands by itself"
            raise InvalidInput(field, getattr(each, "kind", None), allowed, _EXAMPLE)
        if isinstance(each, Once):
            raise InvalidInput(field, "once", "schedules that recur; dates are of kind dates", [{"kind": "dates"}])


def task_in(value: ScheduleValue, task_id: str) -> str:
    """Return the id of the task if the schedule depends on it; an empty text otherwise, so that tasks share it."""
    return task_id if any(map(_depends, with_inner(value))) else ""


def zones_in(value: ScheduleValue) -> set[str]:
    """Return the time zones that a schedule and those inside it name."""
    return {zone for each in with_inner(value) if isinstance(zone := getattr(each, "timezone", None), str)}


def with_inner(value: ScheduleValue) -> list[ScheduleValue]:
    """Return a value and the schedules inside it."""
    return [value, *(cast("ScheduleValue", each) for _, _, each in _inside(value))]


def each_inside(
    value: ScheduleValue, change: Callable[[ScheduleValue, ScheduleValue], object], beside: ScheduleValue
) -> ScheduleValue:
    """Return *value* with each schedule inside it changed, beside the one at its place in another value."""
    found: dict[str, object] = {}
    for name in getattr(value, "nested", ()):
        inner, other = getattr(value, name), getattr(beside, name)
        made = _changed(inner, other, change)
        if made != inner:
            found[name] = made
    return replace(value, **found) if found else value  # pyright: ignore[reportArgumentType]  by the names of the fields


_TEXTS: Final = {
    "every": "90m",
    "expression": "0 9 * * 1-5",
    "at": "09:00",
    "timezone": "Europe/Berlin",
    "anchor": "2026-03-02T09:00",
    "start": "2026-03-02T09:00",
    "end": "2026-12-31T23:59",
    "rule": "FREQ=DAILY;BYHOUR=9",
    "jitter": "10m",
    "spread": "10m",
    "calendar": "holidays",
}
"""Examples of fields that hold text."""


def no_text(value: ScheduleValue) -> InvalidInput:
    """Return the error of a value with a field that cannot be hashed: a JSON object where text is meant."""
    for each in (value, *(inner for _, _, inner in _inside(value))):
        for place in fields(cast("ScheduleValue", each)):
            held: object = getattr(each, place.name)
            if place.name not in getattr(each, "nested", ()) and not _has_hash(held):
                return InvalidInput(place.name, held, "text, or a list of texts", _TEXTS.get(place.name))
    return InvalidInput("schedule", "a value", "fields of texts and numbers", None)


def _changed(inner: object, other: object, change: Callable[[ScheduleValue, ScheduleValue], object]) -> object:
    if isinstance(inner, tuple):
        mine, theirs = cast("tuple[object, ...]", inner), cast("tuple[object, ...]", other)
        made = [_changed(one, another, change) for one, another in zip(mine, theirs, strict=False)]
        return (*made, *mine[len(made) :])
    if type(inner) in VALUES.values() and type(other) in VALUES.values():
        return change(cast("ScheduleValue", inner), cast("ScheduleValue", other))
    return inner


def _has_hash(held: object) -> bool:
    try:
        hash(held)
    except TypeError:
        return False
    return True


def _depends(value: ScheduleValue) -> bool:
    if isinstance(value, Cron):
        return isinstance(value.expression, str) and uses_hash(value.expression)  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
    return isinstance(value, Bounded) and (value.jitter is not None or value.spread is not None)


def _inside(value: ScheduleValue) -> Iterator[tuple[int, str, object]]:
    """Yield the schedules inside *value*, with how deep they are, and the field that holds them."""
    ahead: list[tuple[int, object]] = [(0, value)]
    while ahead:
        depth, outer = ahead.pop()
        for field in cast("tuple[str, ...]", getattr(outer, "nested", ())):
            held: object = getattr(outer, field)
            if held is None:
                continue
            for each in cast("tuple[object, ...]", held) if isinstance(held, tuple) else (held,):
                yield depth + 1, field, each
                ahead.append((depth + 1, each))
