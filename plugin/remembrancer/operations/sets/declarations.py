"""The declaration of a task: the fields of a request, and short words for schedules.

A kind of schedule is a word too: `every: 90m` stands for `schedule: {kind: every, every: 90m}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_context
from remembrancer.model.reacting_schedules import Cue
from remembrancer.model.request import DEFAULTS, TASK_FIELDS, ScheduleRequest
from remembrancer.model.schedule import VALUES, value_of
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.operations.requested_schedule import value_given
from remembrancer.operations.sets.set_keys import read_name
from remembrancer.operations.validation import validate
from remembrancer.schedules.references import references_in
from remembrancer.schedules.relative.settled import settled
from remembrancer.schedules.relative.times import read_relative

if TYPE_CHECKING:
    from datetime import datetime

MOST: Final = 1000
"""The most tasks of a set."""
NOT_DECLARED: Final = frozenset({"dedup_key"})
"""Fields of a request that a declaration has not: the name of the set and the key stand in its place."""
FIELDS: Final = tuple(name for name in TASK_FIELDS if name not in NOT_DECLARED)
_ZONE: Final = ("timezone", "gap", "fold")
WORDS: Final = {
    kind: next(place.name for place in fields(value) if place.name not in {"kind", *_ZONE})
    for kind, value in VALUES.items()
}
"""From the word of a kind to the field of its value that a plain text or number gives."""
AT: Final = "at"
"""A short word for `defer_until`."""
KNOWN: Final = (*FIELDS, *WORDS, AT)
EXAMPLE: Final[dict[str, object]] = {"trigger_prompt": "Write today's report", "cron": "0 9 * * 1-5"}
_TIMES: Final = ("schedule", "schedule_cron", *WORDS, "defer_until", AT)


def requests_of(
    name: str, tasks: object, defaults: object, now: datetime
) -> tuple[dict[str, ScheduleRequest], list[InvalidInput]]:
    """Return the requests of the declared tasks by their keys, and every fault of the others."""
    faults: list[InvalidInput] = []
    read_name(name, "name", "reports")
    shared = _mapping(defaults, "defaults", {"timezone": "Europe/Berlin"})
    faults += [_unknown(f"defaults.{each}", each, shared[each]) for each in shared if each not in KNOWN]
    declared = _mapping(tasks, "tasks", {"daily-report": EXAMPLE})
    if len(declared) > MOST:
        raise InvalidInput("tasks", len(declared), f"at most {MOST:,} tasks in a set", 100)
    found: dict[str, ScheduleRequest] = {}
    for key, fields_of_it in declared.items():
        try:
            read_name(key, "key", "daily-report")
            entry = _mapping(fields_of_it, f"tasks.{key}", EXAMPLE)
            if wrong := [_unknown(f"tasks.{key}.{each}", each, entry[each]) for each in entry if each not in KNOWN]:
                faults += wrong
                continue
            found[key] = _request(name, key, _merged(shared, entry), now)
            if not refers(found[key]):
                validate(found[key], now, 0.0, {})
        except InvalidInput as wrong:
            faults.append(placed(wrong, key))
    return found, faults


def refers(request: ScheduleRequest) -> bool:
    """Return whether the graph is needed to check the schedule of a request: it names calendars or tasks, or asks."""
    if request.schedule is None:
        return False
    value = value_given(request.schedule)
    found = references_in(value)
    return bool(found.calendars or found.tasks) or isinstance(value, Cue)


def placed(fault: InvalidInput, key: str) -> InvalidInput:
    """Return a fault with its place in the set."""
    place = fault.field if fault.field.startswith("tasks.") else f"tasks.{key}.{fault.field}"
    return InvalidInput(place, fault.value, fault.allowed, fault.example)


def _merged(shared: Mapping[str, object], entry: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of an entry with those of the set's defaults; its own schedule takes the place of theirs."""
    if any(word in entry for word in _TIMES):
        shared = {word: value for word, value in shared.items() if word not in _TIMES}
    return {**shared, **entry}


def _request(name: str, key: str, given: Mapping[str, object], now: datetime) -> ScheduleRequest:
    """Return the request of one declaration. Raises InvalidInput."""
    known: dict[str, Any] = {field: value for field, value in given.items() if field in TASK_FIELDS}
    known = {"name": key, "origin_thought_id": f"set_{name}", **known}
    known = {"goal_description": known["name"], **known}
    if "trigger_prompt" not in known:
        raise InvalidInput("trigger_prompt", None, "the text that the handler gets", EXAMPLE["trigger_prompt"])
    if AT in given:
        if given.get("defer_until") is not None:
            raise InvalidInput(AT, given[AT], "at or defer_until, not both", None)
        known["defer_until"] = given[AT]
    known |= _schedule(given)
    _refuse_relative(known, now)
    read_context(known.get("context"))
    return ScheduleRequest(**{field: value for field, value in known.items() if field in FIELDS})


def _schedule(given: Mapping[str, object]) -> dict[str, Any]:
    """Return the schedule of a declaration, with the zone and its choices within it."""
    said = [word for word in ("schedule", "schedule_cron", *WORDS) if given.get(word) is not None]
    if len(said) > 1:
        raise InvalidInput(said[1], given[said[1]], f"{said[0]} or {said[1]}, not both", None)
    if not said or said[0] == "schedule_cron":
        return {}
    (word,) = said
    inside = given[word]
    if word != "schedule":
        content = cast("Mapping[str, object]", inside) if isinstance(inside, Mapping) else {WORDS[word]: inside}
        inside = {"kind": word, **content}
    zone = {name: given[name] for name in _ZONE if given.get(name) is not None}
    outside = {name: DEFAULTS[name] for name in _ZONE}
    seconds = given.get("seconds_field")
    if word == "cron" and seconds is not None:
        zone["seconds_field"], outside["seconds_field"] = seconds, None
    return {"schedule": _zoned(inside, zone), **outside}


def _zoned(value: object, zone: Mapping[str, object]) -> object:
    """Return a schedule in JSON with a zone in each value that takes one and names none."""
    if isinstance(value, list | tuple):
        return [_zoned(each, zone) for each in cast("list[object]", value)]
    if not isinstance(value, Mapping):
        return value
    given = cast("Mapping[str, object]", value)
    kind = VALUES.get(cast("str", given.get("kind"))) if isinstance(given.get("kind"), str) else None
    if kind is None:
        return given
    taken = {place.name for place in fields(kind)}
    inner = {name: _zoned(given[name], zone) for name in getattr(kind, "nested", ()) if name in given}
    return {**{name: value for name, value in zone.items() if name in taken}, **given, **inner}


def _refuse_relative(known: Mapping[str, object], now: datetime) -> None:
    """Refuse a time from now: it would be another one at each application."""
    until, example = known.get("defer_until"), "2027-01-01T09:00:00Z"
    allowed = "a time that is the same whenever the set is applied; this one is counted from now"
    if isinstance(until, str) and _is_relative(until):
        raise InvalidInput("defer_until", until, allowed, example)
    if not isinstance(known.get("schedule"), Mapping):
        return
    schedule = cast("Mapping[str, object]", known["schedule"])
    try:
        value = value_of(schedule)
    except (ValueError, TypeError) as wrong:
        raise InvalidInput("schedule", schedule, f"a schedule: {wrong}", {"kind": "every", "every": "90m"}) from None
    at = getattr(value, "at", None)
    if settled(value, now) != value or (value.kind == "once" and _is_relative(at)):
        raise InvalidInput("schedule", schedule, allowed, example)


def _is_relative(text: object) -> bool:
    """Return whether *text* names a time from now."""
    try:
        return isinstance(text, str) and read_relative(text) is not None
    except OverflowError:
        return True


def _mapping(given: object, field: str, example: object) -> Mapping[str, object]:
    """Check an object with named fields. Raises InvalidInput."""
    if given is None and field == "defaults":
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(name, str) for name in cast("Mapping[object, object]", given)
    ):
        raise InvalidInput(field, given, "an object with named fields", example)  # pyright: ignore[reportUnknownArgumentType]  (JSON)
    return cast("Mapping[str, object]", given)


def _unknown(place: str, field: str, value: object) -> InvalidInput:
    near = nearest(field, KNOWN)
    if field in NOT_DECLARED:
        return InvalidInput(place, value, "no dedup_key: the set and the key are the identity of the task", EXAMPLE)
    return InvalidInput(place, value, unknown(field, KNOWN), near or KNOWN[0])
