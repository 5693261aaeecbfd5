"""Times relative to now in the fields of a schedule's value, made exact: a kept schedule holds no `in 2h`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.schedule import DEEPEST, VALUES
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.schedules.relative.times import read_relative

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.schedule import ScheduleValue

_TIMES: Final = {"bounded": ("start", "end"), "every": ("anchor",), "rrule": ("start",)}
"""The fields of each kind that hold a time."""


def settled(value: ScheduleValue, now: datetime, depth: int = 0) -> ScheduleValue:
    """Return *value* with each time that is relative to *now* as the time that it is.

    The value itself is returned if it has none. Raises InvalidInput: such a time is too far away.
    """
    found: dict[str, object] = {}
    for name in _TIMES.get(value.kind, ()):
        text = getattr(value, name)
        counted = name == "start" and getattr(value, "count", None) is not None
        text = "now" if counted and text is None else text
        if isinstance(text, str) and (exact := _exact(text, name, now, counted=counted)):
            found[name] = exact
    for name in getattr(value, "nested", ()) if depth <= DEEPEST else ():  # a deeper one is refused when it is made
        inner = getattr(value, name)
        made = _settled_inside(inner, now, depth + 1)
        if made != inner:
            found[name] = made
    return replace(value, **found) if found else value  # pyright: ignore[reportArgumentType]  by the names of the fields


def _settled_inside(inner: object, now: datetime, depth: int) -> object:
    if isinstance(inner, tuple):
        return tuple(_settled_inside(each, now, depth) for each in cast("tuple[object, ...]", inner))
    return settled(cast("ScheduleValue", inner), now, depth) if type(inner) in VALUES.values() else inner


def _exact(text: str, name: str, now: datetime, *, counted: bool = False) -> str | None:
    """Return the time that *text* names from *now*, in whole seconds; None if it names none.

    Occurrences that are *counted* from now on begin with the next second: one of this moment would not run.
    """
    try:
        ahead = read_relative(text)
        if ahead is None:
            return None
        later = counted and not ahead
        return to_iso(from_ms((to_ms(now + ahead) // 1000 + later) * 1000))
    except OverflowError:
        raise InvalidInput(name, text, "a time of less than 100 years from now", "in 2h") from None
