"""Tools as functions with real signatures, for hosts that read those."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, cast

from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from remembrancer.surfaces.tools.operation_tool import OperationTool
    from remembrancer.surfaces.tools.schemas import Schema

    ToolFunction = Callable[..., Awaitable[dict[str, Any]]]

_PLAIN: Final[Mapping[str, Any]] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": None,
    "object": dict[str, Any],
}


def function_of(tool: OperationTool, call: Callable[[str, Mapping[str, object]], Awaitable[dict[str, Any]]]) -> Any:
    """Return a tool as a coroutine function: its name, its docstring, and its parameters, all by name.

    An argument that is None is not given.
    """

    async def function(**given: object) -> dict[str, Any]:
        return await call(tool.name, {name: value for name, value in given.items() if value is not None})

    required = cast("Sequence[str]", tool.parameters["required"])
    properties = cast("Mapping[str, Schema]", tool.parameters["properties"])
    signature = inspect.Signature(
        [_parameter(name, each, is_required=name in required) for name, each in properties.items()],
        return_annotation=dict[str, Any],
    )
    made: Any = function
    made.__name__ = made.__qualname__ = tool.name
    made.__doc__ = tool.description
    made.__signature__ = signature
    made.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    made.__annotations__["return"] = signature.return_annotation
    return made


def _parameter(name: str, schema: Schema, *, is_required: bool) -> inspect.Parameter:
    about = Field(
        description=cast("str", schema["description"]), examples=cast("list[Any] | None", schema.get("examples"))
    )
    kind = _kind(schema) if is_required else Union[_kind(schema), None]  # noqa: UP007 (the kind is a value)
    default = inspect.Parameter.empty if is_required else None
    annotation: Any = Annotated[kind, about]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _kind(schema: Schema) -> Any:
    """Return the type of a schema's values in plain Python."""
    if "enum" in schema:
        return Literal[tuple(cast("Sequence[str | None]", schema["enum"]))]
    if "anyOf" in schema:
        return Union[tuple(_kind(each) for each in cast("Sequence[Schema]", schema["anyOf"]))]  # noqa: UP007 (likewise)
    named = schema.get("type")
    if isinstance(named, list):
        return Union[tuple(_PLAIN[each] for each in cast("Sequence[str]", named))]  # noqa: UP007 (likewise)
    if named == "array":
        return list[_kind(cast("Schema", schema.get("items", {})))]
    return _PLAIN.get(cast("str", named), Any)
