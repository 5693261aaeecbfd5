"""Types of arguments: what the methods of the service take under each name, checked before anything is done."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import Parameter, signature
from types import NoneType
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.request import ScheduleRequest

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class ArgumentType:
    """The values that an argument of one name may have.

    Args:
        kinds: The types that a value may have; true and false are no numbers.
        allowed: The same in words.
        example: A value that works.
        of: The type that each of its elements must have; None where that is checked later.
    """

    kinds: tuple[type, ...]
    allowed: str
    example: object
    of: type | None = None

    def takes(self, value: object) -> bool:
        """Return True if *value* has such a type."""
        if not isinstance(value, self.kinds) or (isinstance(value, bool) and bool not in self.kinds):
            return False
        if self.of is None or not isinstance(value, Collection):
            return True
        return not isinstance(value, str) and all(
            isinstance(each, self.of) for each in cast("Collection[object]", value)
        )


class ArgumentTypes:
    """The types of the arguments of one method.

    Args:
        method: Its parameters that have a default of None take None too.
    """

    def __init__(self, method: Callable[..., object]) -> None:
        parameters = signature(method).parameters
        self._names = [name for name, each in parameters.items() if each.kind is not Parameter.KEYWORD_ONLY]
        self._optional = {name for name, each in parameters.items() if each.default is None}
        known = _TYPES | _OF_METHODS.get(method.__name__, {})
        self._checked = {name: known[name] for name in parameters if name in known}

    def check(self, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """Refuse an argument of another type. Raises InvalidInput."""
        if not self._checked:
            return
        given = {**dict(zip(self._names, args, strict=False)), **kwargs}
        for name, wanted in self._checked.items():
            if name in given and not self._may_be(name, given[name]) and not wanted.takes(given[name]):
                raise InvalidInput(name, given[name], wanted.allowed, wanted.example)

    def _may_be(self, name: str, value: object) -> bool:
        return value is None and name in self._optional


def _text(allowed: str, example: str) -> ArgumentType:
    return ArgumentType((str,), f"text, {allowed}", example)


_TIME: Final = ArgumentType((str, datetime, timedelta), "a date and time, or a time from now", "in 2h")
_TYPES: Final = {
    "task_id": _text("the id of a task", "task_1739800000.5_0a1b2c"),
    "execution_id": _text("the id of an execution", "exec_1739800000.5_0a1b2c"),
    "before": _text("the id of an execution", "exec_1739800000.5_0a1b2c"),
    "after": _text("what an earlier answer gave to go on from", "0"),
    "cursor": _text("what an earlier answer gave to go on from", "0"),
    "query": _text("a query in Cypher", "MATCH (t:scheduled_task) RETURN t.name"),
    "parameters": ArgumentType((Mapping,), "a mapping of names to values", {"limit": 10}, str),
    "name": _text("the name of a token", "dashboard"),
    "scope": _text("read, write or admin", "read"),
    "fence": ArgumentType((int,), "a whole number, the fence of a task as it was read", 3),
    "expression": _text("a cron expression", "0 9 * * 1-5"),
    "timezone": _text("an IANA zone", "Europe/Berlin"),
    "kinds": ArgumentType(
        (Collection, NoneType), "a collection of kinds of events, each a text", ["execution_started"], str
    ),
    "until": _TIME,
    "start": _TIME,
    "end": _TIME,
    "fires": ArgumentType((int,), "a whole number of fires", 5),
    "wait_seconds": ArgumentType((int, float), "a number of seconds", 10),
    "keep_days": ArgumentType((int, float), "a number of days", 90),
    "dry_run": ArgumentType((bool,), "true or false", example=True),
    "tags": ArgumentType((Collection,), "a collection of words", ["errand", "home"], str),
    "changes": ArgumentType((Mapping,), "a mapping of the fields of a task to values", {"timeout_seconds": 60}, str),
    "statuses": ArgumentType((Collection,), "a collection of statuses of tasks", ["PENDING"], str),
    "history": ArgumentType((bool,), "true or false", example=True),
    "system": ArgumentType((bool,), "true or false", example=True),
    "waiting": ArgumentType((bool,), "true or false", example=True),
    "next_fires": ArgumentType((bool, int), "a whole number of fires, or true for five", 5),
    "recurring": ArgumentType((bool,), "true, false, or None for both", example=True),
    "requests": ArgumentType(
        (Sequence,), "a sequence of ScheduleRequest", "[ScheduleRequest('name', 'goal', …)]", ScheduleRequest
    ),
    "force": ArgumentType((bool,), "true or false", example=True),
    "stop_running": ArgumentType((bool,), "true or false", example=True),
    "key": _text("the key of a limit", "database"),
    "slots": ArgumentType((int,), "a whole number of slots, or None for no limit", 3),
    "folder": ArgumentType((str, os.PathLike), "the path of an empty folder", "./snapshot"),
}
"""By the names that the methods have for them."""
_CALENDAR: Final = {
    "name": _text("the name of a calendar", "de"),
    "country": _text("the ISO 3166 code of a country", "DE"),
    "subdivision": _text("a state or province", "BE"),
    "categories": ArgumentType((Sequence,), "a list of categories of holidays", ["public"], str),
    "ics": _text("an iCalendar text", "BEGIN:VCALENDAR … END:VCALENDAR"),
    "dates": ArgumentType((Sequence,), "a list of dates as text", ["2026-12-24"], str),
    "years": ArgumentType((int,), "a whole number of years", 5),
}
_SET: Final = {
    "name": _text("the name of a set", "reports"),
    "tasks": ArgumentType((Mapping,), "a mapping of keys to the fields of tasks", {"tea": {"every": "90m"}}),
    "defaults": ArgumentType((Mapping,), "a mapping of fields to values", {"timezone": "Europe/Berlin"}),
    "prune": ArgumentType((bool,), "true or false", example=True),
}
_TEMPLATE: Final = {
    "name": _text("the name of a template", "report"),
    "task": ArgumentType((Mapping,), "a mapping of fields to values", {"trigger_prompt": "Tea", "every": "90m"}),
    "parameters": ArgumentType((Mapping,), "a mapping of names to parameters", {"topic": {"type": "text"}}, str),
    "description": _text("the purpose of a template", "Reports on a topic"),
    "version": ArgumentType((int,), "a whole number, the version of a template as it was read", 1),
    "values": ArgumentType((Mapping,), "a mapping of parameters to values", {"topic": "sales"}, str),
    "overrides": ArgumentType((Mapping,), "a mapping of fields to values", {"timezone": "Europe/Berlin"}, str),
}
_OF_METHODS: Final = {
    **dict.fromkeys(("define_template", "get_template", "remove_template", "schedule_from_template"), _TEMPLATE),
    "apply_set": _SET,
    "preview": {"after": _TIME},
    "preview_schedule": {"after": _TIME},
    "agenda": {"limit": ArgumentType((int,), "a whole number of entries", 100)},
    "find_tasks": {"name": _text("the name of a task", "Daily report")},
    "page_of_tasks": {"name": _text("the name of a task", "Daily report")},
    "run_query": {"name": _text("the name of a query", "why_not")},
    **dict.fromkeys(("define_calendar", "renew_calendar", "get_calendar", "remove_calendar"), _CALENDAR),
}
"""Arguments whose name means another thing in other methods."""
