"""The fields of a cron trigger of APScheduler 3, where Monday is weekday 0 and every field must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.schedules.importers.calendar_fields import (
    DAYS,
    LAST_YEAR,
    MONTHS,
    SIXTY,
    WEEKDAYS,
    CalendarFields,
    any_of,
)
from remembrancer.schedules.importers.entries import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.model.schedule import ScheduleValue
    from remembrancer.schedules.importers.apscheduler_state import StandIn


class CronFields:
    """The fields of a trigger: those with days of the month, those with weekdays at a place of it, or both.

    Args:
        alternatives: Sets of fields of which any may agree.
    """

    def __init__(self, alternatives: list[CalendarFields]) -> None:
        self.alternatives = alternatives

    def schedule(self) -> ScheduleValue:
        """Return the schedule that they mean. Raises Refused."""
        return any_of([each.schedule() for each in self.alternatives])


def fields_of(trigger: StandIn) -> CronFields:
    """Return the fields of a cron trigger. Raises Refused."""
    named = {each.fields.get("name"): each for each in cast("list[StandIn]", trigger.fields.get("fields") or [])}
    if missing := [name for name in _RANGES if name not in named]:
        raise Refused(f"its cron trigger has no field {missing[0]}")
    if _expressions(named["week"]) != [("AllExpression", {"step": None})]:
        raise Refused("its cron trigger names weeks of the year")
    values = {name: _values(_expressions(named[name]), name) for name in _RANGES if name not in {"week", "day"}}
    days, places = _days(_expressions(named["day"]))
    common: dict[str, Any] = {
        "years": None if _is_any(named["year"]) else values["year"],
        "months": values["month"],
        "weekdays": values["day_of_week"],
        "hours": values["hour"],
        "minutes": values["minute"],
        "seconds": values["second"],
        "timezone": str(getattr(trigger.fields.get("timezone"), "key", "UTC")),
    }
    of_days = [CalendarFields(days=days, **common)] if days else []
    of_places = [CalendarFields(places=places, **common)] if places else []
    return CronFields(of_days + of_places)


def _is_any(field: StandIn) -> bool:
    return _expressions(field) == [("AllExpression", {"step": None})]


def _expressions(field: StandIn) -> list[tuple[str, dict[str, Any]]]:
    return [(each.kind, each.fields) for each in cast("list[StandIn]", field.fields.get("expressions") or [])]


def _days(expressions: list[tuple[str, dict[str, Any]]]) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    """Return the days of the month, and the weekdays at a place of it."""
    plain = [each for each in expressions if each[0] in _PLAIN]
    days: set[int] = set(_values(plain, "day")) if plain else set()
    places: set[tuple[int, int]] = set()
    for kind, fields in expressions:
        if kind == "LastDayOfMonthExpression":
            days.add(-1)
        elif kind == "WeekdayPositionExpression":
            option, weekday = int(fields["option_num"]), int(fields["weekday"])
            places.add((-1 if option == _LAST else option + 1, weekday))
        elif kind not in _PLAIN:
            raise Refused(f"its day field holds a {kind}")
    return frozenset(days), frozenset(places)


def _values(expressions: Iterable[tuple[str, dict[str, Any]]], name: str) -> frozenset[int]:
    """Return the numbers of a field."""
    low, high = _RANGES[name]
    found: set[int] = set()
    for kind, fields in expressions:
        if kind not in _PLAIN:
            raise Refused(f"its field {name} holds a {kind}")
        step = int(fields.get("step") or 1)
        first = low if fields.get("first") is None else int(fields["first"])
        last = high if fields.get("last") is None else int(fields["last"])
        found.update(range(max(first, low), min(last, high) + 1, step))
    return frozenset(found)


_PLAIN: Final = frozenset(("AllExpression", "RangeExpression", "MonthRangeExpression", "WeekdayRangeExpression"))
_LAST: Final = 5
"""APScheduler's number for the last weekday of a month."""
_RANGES: Final = {
    "year": (1970, LAST_YEAR),
    "month": (min(MONTHS), max(MONTHS)),
    "week": (1, 53),
    "day": (min(DAYS), max(DAYS)),
    "day_of_week": (min(WEEKDAYS), max(WEEKDAYS)),
    "hour": (0, 23),
    "minute": (0, max(SIXTY)),
    "second": (0, max(SIXTY)),
}
