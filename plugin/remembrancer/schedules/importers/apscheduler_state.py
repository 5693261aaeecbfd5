"""Pickled job states of APScheduler 3, read without its classes: every object becomes a stand-in that only holds data.

A pickle may call whatever it names. This reader knows a closed set of names, none of which does anything but hold its
values, and refuses a state with any other.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from remembrancer.schedules.importers.entries import Refused

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class StandIn:
    """An object of APScheduler's: the name of its class, and its fields."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict[str, Any])

    def __setstate__(self, state: object) -> None:
        """Take the fields, of a dictionary, of slots, or of both."""
        for part in state if isinstance(state, tuple) else (state,):  # pyright: ignore[reportUnknownVariableType]
            if isinstance(part, dict):
                self.fields.update(part)  # pyright: ignore[reportUnknownArgumentType]


def read_state(data: bytes) -> dict[str, Any]:
    """Return a job state. Raises Refused: it holds an object of a class that is not known, or is no pickle."""
    if len(data) > _LARGEST:
        raise Refused(f"its state has {len(data):,} bytes; at most {_LARGEST:,} are read")
    try:
        state = _Reader(io.BytesIO(data)).load()
    except Refused:
        raise
    except Exception as wrong:  # noqa: BLE001 (a broken pickle may raise anything)
        raise Refused(f"its state cannot be read: {type(wrong).__name__}") from None
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):  # pyright: ignore[reportUnknownVariableType]
        raise Refused("its state is no job of APScheduler 3")
    return state  # pyright: ignore[reportUnknownVariableType]


class _Reader(pickle.Unpickler):
    """An unpickler that finds stand-ins, dates and zones, and nothing else."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Return the stand-in of a class."""
        if module in _MODULES and (kind := _KINDS.get(name)):
            return kind
        found = _KNOWN.get((module, name))
        if found is None:
            raise Refused(f"its state holds {module}.{name}, which is not read: only triggers and plain values are")
        return found

    def persistent_load(self, pid: object, /) -> Any:
        """Refuse a reference to what lies outside of the pickle."""
        raise Refused(f"its state refers to {str(pid)[:40]!r} outside of it")


def _kind(name: str) -> type[StandIn]:
    """Return the class of stand-ins for the class *name*."""

    def made(cls: type[StandIn], *_: object, **__: object) -> StandIn:
        found = object.__new__(cls)
        found.kind, found.fields = name, {}
        return found

    return type(name, (StandIn,), {"__new__": made, "__init__": _nothing, "__slots__": ()})


def _nothing(*_: object, **__: object) -> None:
    """Take whatever a pickle calls a class with."""


class _Name:
    """A name in a pickle that may be called; its state cannot be set.

    Args:
        call: The function that is called.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call

    def __call__(self, *given: object) -> object:
        """Call it."""
        return self._call(*given)

    def __setstate__(self, state: object) -> None:
        """Refuse a state."""
        raise Refused("its state changes what it is read with")


def _attribute(found: object = None, name: object = None, *_: object) -> _Name:
    """Stand in for `getattr`, by which a zone is pickled."""
    if found is not _ZONE or name != "_unpickle":
        raise Refused("its state calls getattr on something other than a zone")
    return _ZONE


def _zone(key: object = "UTC", *_: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(key))
    except (OSError, ValueError):
        raise Refused(f"its zone {str(key)[:40]!r} is not known here") from None


_ZONE: Final = _Name(_zone)
_LARGEST: Final = 1 << 20
_MODULES: Final = frozenset(
    (
        *(f"apscheduler.triggers.{name}" for name in ("cron", "interval", "date", "combining", "calendarinterval")),
        *(f"apscheduler.triggers.cron.{name}" for name in ("fields", "expressions")),
    )
)
_KINDS: Final = {
    name: _kind(name)
    for name in (
        *("CronTrigger", "IntervalTrigger", "DateTrigger", "OrTrigger", "AndTrigger", "CalendarIntervalTrigger"),
        *("BaseField", "WeekField", "DayOfMonthField", "DayOfWeekField", "MonthField"),
        *("AllExpression", "RangeExpression", "MonthRangeExpression", "WeekdayRangeExpression"),
        *("WeekdayPositionExpression", "LastDayOfMonthExpression"),
    )
}
_KNOWN: Final[dict[tuple[str, str], object]] = {
    ("builtins", "getattr"): _Name(_attribute),
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("zoneinfo", "ZoneInfo"): _ZONE,
    ("zoneinfo", "ZoneInfo._unpickle"): _ZONE,
    ("backports.zoneinfo", "ZoneInfo"): _ZONE,
    ("pytz", "_p"): _ZONE,
    ("pytz", "_UTC"): _ZONE,
    ("datetime", "datetime"): datetime,
    ("datetime", "date"): date,
    ("datetime", "time"): time,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
}
"""Names that are found, and what they are read as."""
