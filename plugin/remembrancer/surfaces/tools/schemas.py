"""JSON schemas of tools, short enough for a model to read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final, cast

from pydantic import TypeAdapter

from remembrancer.operations.operation import Effect
from remembrancer.surfaces.examples import example_at
from remembrancer.surfaces.tools.results import is_shown

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

    Schema = dict[str, object]

CONFIRM: Final = "confirm"
"""The argument of a tool that destroys."""
LIST_LENGTH: Final = 50
"""The length of a list whose `limit` is not given: what a model reads costs it room."""
HIDDEN: Final = frozenset({"fence", "thought_id"})
"""Parameters that surfaces fill, or that no model has a value for."""
FILLED: Final = frozenset({"origin_thought_id", "goal_description"})
"""Fields of a task that need no value here."""
_ROOM: Final = "result"
_CONFIRMATION: Final[Schema] = {
    "type": "boolean",
    "default": False,
    "description": "Only where the host cannot ask: true once the user has agreed to what this call ends or removes.",
}
_OF_ANSWERS: Final = frozenset({"title", "description", "default", "required", "examples", "additionalProperties"})
"""Parts of a schema that would only repeat what an answer says itself; a field without a value is left out of it."""


def body_of(operation: AnyOperation) -> str | None:
    """Return the parameter that holds all others, such as the request of a task; None without one."""
    return next((each.body for each in operation.http if each.body), None)


def input_schema(operation: AnyOperation, withheld: Collection[str] = ()) -> Schema:
    """Return the schema of a tool's arguments: the parameters, those of the request among them, with examples.

    Those that are *withheld* are left out, as are those that no model has a value for.
    """
    whole = operation.params.model_json_schema()
    known = cast("dict[str, Schema]", whole.get("$defs", {}))
    plain = cast("Schema", _written_out(whole, known))
    properties = cast("dict[str, Schema]", plain.get("properties", {}))
    required = cast("list[str]", plain.get("required", []))
    if body := body_of(operation):
        inner = properties.pop(body)
        properties = cast("dict[str, Schema]", inner["properties"]) | properties
        required = [*cast("list[str]", inner.get("required", [])), *(each for each in required if each != body)]
        required = [each for each in required if each not in FILLED]
    left_out = {*HIDDEN, *withheld}
    properties = {name: _property(name, each) for name, each in properties.items() if name not in left_out}
    required = [each for each in required if each in properties]
    if operation.effect is Effect.DESTROYS and CONFIRM not in withheld:
        properties[CONFIRM] = _CONFIRMATION
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def output_schema(operation: AnyOperation) -> Schema:
    """Return the schema of a tool's answer, which is an object: a list, or a single value, is in `result`."""
    schema = TypeAdapter(operation.result).json_schema(mode="serialization")
    known = cast("dict[str, Schema]", schema.pop("$defs", {}))
    answer = cast("Schema", _answered(_written_out(schema, known)))
    return answer if is_object(operation) else {"type": "object", "properties": {_ROOM: answer}}


def is_object(operation: AnyOperation) -> bool:
    """Return whether the result of an operation is an object of its own."""
    return TypeAdapter(operation.result).json_schema(mode="serialization").get("type") == "object"


def as_object(value: object, *, is_object: bool) -> dict[str, object]:
    """Return an answer as an object, as `output_schema` describes it."""
    return cast("dict[str, object]", value) if is_object else {_ROOM: value}


def _property(name: str, schema: Schema) -> Schema:
    """Return the schema of one argument, with an example where it has none."""
    made = {key: value for key, value in schema.items() if key != "title"}
    if name == "limit" and "maximum" not in made:
        made |= {"minimum": 1, "maximum": 1000, "default": LIST_LENGTH}
    if "examples" not in made and "enum" not in made and (example := example_at(name)) is not None:
        made["examples"] = [example]
    return made


def _written_out(schema: object, known: Mapping[str, Schema]) -> object:
    """Return a schema with what it refers to in its place: not every host follows references."""
    if isinstance(schema, list):
        return [_written_out(each, known) for each in cast("list[object]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    found = cast("Mapping[str, object]", schema)
    reference = found.get("$ref")
    if isinstance(reference, str):
        rest = {key: value for key, value in found.items() if key != "$ref"}
        named = known[reference.rpartition("/")[2]]
        return cast("Schema", _written_out({**named, **rest}, known))
    return {key: _written_out(value, known) for key, value in found.items() if key != "$defs"}


def _answered(schema: object, *, names: bool = False) -> object:
    """Return the schema of an answer: types, names and words; *names*: these are properties, by their names."""
    if isinstance(schema, list):
        return [_answered(each) for each in cast("list[object]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    found = cast("Mapping[str, object]", schema)
    if names:
        return {key: _answered(value) for key, value in found.items() if is_shown(key)}
    kept = {key: value for key, value in found.items() if key not in _OF_ANSWERS and key != "format"}
    return {key: _answered(value, names=key == "properties") for key, value in kept.items()}
