"""Values of foreign jobs as JSON: arguments that a handler can be given."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from remembrancer.schedules.importers.entries import Refused


def plain(value: object) -> Any:
    """Return a value as JSON: times as text, tuples and sets as lists. Raises Refused: it has no such form."""
    return _plain(value, [0], 0)


def shown_arguments(args: list[Any] | None, kwargs: dict[str, Any] | None) -> str:
    """Return the arguments of a call as Python writes them."""
    placed = [repr(each) for each in args or []]
    named = [f"{name}={value!r}" for name, value in (kwargs or {}).items()]
    return ", ".join([*placed, *named])


def _plain(value: object, seen: list[int], depth: int) -> Any:
    seen[0] += 1
    if seen[0] > _MOST or depth > _DEEPEST:
        raise Refused("its arguments hold too many values, or too deep inside each other")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        members = cast("dict[object, object]", value)
        return {str(name): _plain(each, seen, depth + 1) for name, each in members.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each, seen, depth + 1) for each in cast("list[object]", value)]
    raise Refused(f"its arguments hold a {type(value).__name__}")


_MOST: Final = 10_000
_DEEPEST: Final = 16
