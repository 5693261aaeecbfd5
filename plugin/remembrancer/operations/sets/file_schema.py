"""The JSON schema of a file that declares a set, derived from the fields of a request and the kinds of schedules."""

from __future__ import annotations

from dataclasses import fields
from typing import Final, cast

from pydantic import TypeAdapter

from remembrancer.model.circuit import LEAST_OPEN_SECONDS, MOST_FAILURES, MOST_OPEN_SECONDS
from remembrancer.model.limit import MOST_SLOTS
from remembrancer.model.request import ScheduleRequest
from remembrancer.model.schedule import VALUES
from remembrancer.operations.declared_request import AT, WORDS
from remembrancer.operations.sets.declarations import FIELDS, MOST
from remembrancer.operations.sets.set_keys import LONGEST, WORD

TITLE: Final = "A declared set of tasks of Remembrancer"

_TEMPLATE: Final[dict[str, object]] = {
    "template": {"type": "string", "description": "The template that the task is made from."},
    "with": {
        "type": "object",
        "additionalProperties": {"type": ["string", "number"]},
        "description": "The values of the template's parameters.",
    },
}
_LIMIT: Final[dict[str, object]] = {
    "description": "The most executions at once, or an object with these and a rate.",
    "anyOf": [
        {"type": ["integer", "null"], "minimum": 0, "maximum": MOST_SLOTS},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "slots": {"type": ["integer", "null"], "minimum": 0, "maximum": MOST_SLOTS},
                "rate": {"type": ["string", "null"]},
                "burst": {"type": ["integer", "null"], "minimum": 1, "maximum": MOST_SLOTS},
            },
        },
    ],
}
_CIRCUIT: Final[dict[str, object]] = {
    "description": "The failures in a row that open it, or an object with these and the seconds to a trial.",
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": MOST_FAILURES},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "opens_after": {"type": "integer", "minimum": 1, "maximum": MOST_FAILURES},
                "open_seconds": {"type": "number", "minimum": LEAST_OPEN_SECONDS, "maximum": MOST_OPEN_SECONDS},
            },
        },
    ],
}


def file_schema() -> dict[str, object]:
    """Return the schema, for editors that complete and check as one types."""
    whole = TypeAdapter(ScheduleRequest).json_schema()
    places = cast("dict[str, object]", whole["properties"])
    shown: dict[str, object] = {name: places[name] for name in FIELDS}
    shown[AT] = places["defer_until"]
    shown |= {kind: _word(kind) for kind in WORDS}
    shared = {"type": "object", "properties": shown, "additionalProperties": False}
    task = {**shared, "properties": {**shown, **_TEMPLATE}, "dependentRequired": {"with": ["template"]}}
    key = {"pattern": f"^{WORD}$", "maxLength": LONGEST}
    tasks = {"type": "object", "propertyNames": key, "additionalProperties": {"$ref": "#/$defs/task"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "type": "object",
        "required": ["set", "tasks"],
        "additionalProperties": False,
        "properties": {
            "set": {"type": "string", **key, "description": "The name of the set."},
            "defaults": {"$ref": "#/$defs/shared", "description": "Fields of each task that does not have them."},
            "limits": {"type": "object", "additionalProperties": _LIMIT, "description": "Limits by their keys."},
            "circuits": {"type": "object", "additionalProperties": _CIRCUIT, "description": "Circuits by their keys."},
            "tasks": {**tasks, "maxProperties": MOST, "description": "The tasks by their keys."},
        },
        "$defs": {**cast("dict[str, object]", whole.get("$defs", {})), "shared": shared, "task": task},
    }


def _word(kind: str) -> dict[str, object]:
    """Return the schema of a kind of schedule as a field: its first field alone, or an object with all of them."""
    names = [place.name for place in fields(VALUES[kind]) if place.name != "kind"]
    anything: dict[str, object] = {}
    inside = {"type": "object", "properties": dict.fromkeys(names, anything), "additionalProperties": False}
    about = (VALUES[kind].__doc__ or "").partition("\n")[0]
    return {"description": about, "anyOf": [{"type": ["string", "number", "array"]}, inside]}
