"""The request of a declared task: the fields of a request, and short words for schedules.

A kind of schedule is a word too: `every: 90m` stands for `schedule: {kind: every, every: 90m}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_context
from remembrancer.model.reacting_schedules import Cue
from remembrancer.model.request import DEFAULTS, TASK_FIELDS, ScheduleRequest
from remembrancer.model.schedule import VALUES
from remembrancer.operations.requested_schedule import value_given
from remembrancer.schedules.references import references_in

_ZONE: Final = ("timezone", "gap", "fold")
WORDS: Final = {
    kind: next(place.name for place in fields(value) if place.name not in {"kind", *_ZONE})
    for kind, value in VALUES.items()
}
"""From the word of a kind to the field of its value that a plain text or number gives."""
AT: Final = "at"
"""A short word for `defer_until`."""
KNOWN: Final = (*TASK_FIELDS, *WORDS, AT)
"""The fields of a declaration."""
EXAMPLE: Final[dict[str, object]] = {"trigger_prompt": "Write today's report", "cron": "0 9 * * 1-5"}
_TIMES: Final = ("schedule", "schedule_cron", *WORDS, "defer_until", AT)


def refers(request: ScheduleRequest) -> bool:
    """Return whether the graph is needed to check the schedule of a request: it names calendars or tasks, or asks."""
    if request.schedule is None:
        return False
    value = value_given(request.schedule)
    return references_in(value).are_any or isinstance(value, Cue)


def merged(shared: Mapping[str, object], entry: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of an entry with those that it shares; its own schedule takes the place of theirs."""
    if any(word in entry for word in _TIMES):
        shared = {word: value for word, value in shared.items() if word not in _TIMES}
    return {**shared, **entry}


def request_of(given: Mapping[str, object], name: str, thought: str) -> ScheduleRequest:
    """Return the request of one declaration; *name* and *thought* are its own unless it gives them.

    Raises InvalidInput.
    """
    known: dict[str, Any] = {field: value for field, value in given.items() if field in TASK_FIELDS}
    known = {"name": name, "origin_thought_id": thought, **known}
    known = {"goal_description": known["name"], **known}
    if "trigger_prompt" not in known:
        raise InvalidInput("trigger_prompt", None, "the text that the handler gets", EXAMPLE["trigger_prompt"])
    if AT in given:
        if given.get("defer_until") is not None:
            raise InvalidInput(AT, given[AT], "at or defer_until, not both", None)
        known["defer_until"] = given[AT]
    known |= _schedule(given)
    read_context(known.get("context"))
    return ScheduleRequest(**known)


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


def mapping_of(given: object, field: str, example: object) -> Mapping[str, object]:
    """Check an object with named fields. Raises InvalidInput."""
    if given is None and field == "defaults":
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(name, str) for name in cast("Mapping[object, object]", given)
    ):
        raise InvalidInput(field, given, "an object with named fields", example)  # pyright: ignore[reportUnknownArgumentType]  (JSON)
    return cast("Mapping[str, object]", given)
