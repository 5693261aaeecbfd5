"""The parameters, bodies and answers of routes, as the OpenAPI document of the application has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reference_pages.markdown import code, table

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS: Final = ("body field", "type", "default", "meaning")
_ELSEWHERE: Final = {"ScheduleRequest": "[`ScheduleRequest`](task-fields.md)"}
"""Bodies that a page of their own describes."""


class Document:
    """An OpenAPI document, read route by route.

    Args:
        document: Its content.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = document["paths"]
        self._schemas = document["components"]["schemas"]

    def headers(self, path: str, verb: str) -> list[str]:
        """Return the names of the headers that a route takes."""
        taken = self._paths[path][verb].get("parameters", ())
        return [_header(each["name"]) for each in taken if each["in"] == "header"]

    def parameters(self, path: str, verb: str, meanings: Mapping[str, str]) -> list[tuple[str, ...]]:
        """Return a row for each parameter in the path or the query of a route."""
        return [
            (
                code(each["name"]),
                each["in"],
                self._kind(each["schema"]),
                "required" if each["required"] else _default(each["schema"]),
                meanings.get(each["name"], ""),
            )
            for each in self._paths[path][verb].get("parameters", ())
            if each["in"] != "header"
        ]

    def body(self, path: str, verb: str, meanings: Mapping[str, str]) -> str:
        """Return the fields of a route's body; empty without one."""
        body = self._paths[path][verb].get("requestBody")
        if body is None:
            return ""
        schema = body["content"]["application/json"]["schema"]
        (name,) = [_key(each) for each in schema.get("anyOf", [schema]) if "$ref" in each]
        if name in _ELSEWHERE:
            return f"The body is a {_ELSEWHERE[name]}."
        rows = [(*self._field(name, field), meanings[field]) for field in self._schemas[name]["properties"]]
        return table(_FIELDS, rows) if rows else ""

    def answer(self, path: str, verb: str) -> str:
        """Return the status and the type of what a route answers."""
        responses = self._paths[path][verb]["responses"]
        status = next(each for each in ("201", "200") if each in responses)
        also = " or 200" if status == "201" and "200" in responses else ""
        ((media, content),) = responses[status]["content"].items()
        if media != "application/json":
            return f"{status}, {code(media)}"
        return f"{status}{also}, {self._result(content['schema'])}"

    def _field(self, model: str, field: str) -> tuple[str, ...]:
        schema = self._schemas[model]["properties"][field]
        needed = field in self._schemas[model].get("required", ())
        default = "required" if needed else _default(schema)
        return code(field), self._kind(schema), default

    def _result(self, schema: dict[str, Any]) -> str:
        if "$ref" not in schema:
            return self._kind(schema)
        properties = self._schemas[_key(schema)]["properties"]
        others = [each for each in properties if each != "next_cursor"]
        if "next_cursor" not in properties or len(others) > 1:
            return code(_name(schema))
        (items,) = others
        return f"a page: `{items}` ({self._kind(properties[items])}) and `next_cursor`"

    def _kind(self, schema: dict[str, Any]) -> str:
        if "$ref" in schema:
            words = self._schemas[_key(schema)].get("enum")
            return ", ".join(map(code, words)) if words else _ELSEWHERE.get(_name(schema), code(_name(schema)))
        if "anyOf" in schema:
            return " or ".join(self._kind(each) for each in schema["anyOf"] if each.get("type") != "null")
        if schema.get("type") == "array":
            length = f"{schema.get('minItems', 0):,} to {schema['maxItems']:,} " if "maxItems" in schema else ""
            return f"list of {length}{self._kind(schema['items'])}"
        return f"{schema.get('type', 'any')}{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    if "maximum" in schema:
        return f", {schema['minimum']:,} to {schema['maximum']:,}"
    if "maxLength" in schema:
        return f", at most {schema['maxLength']:,} characters"
    return f", {code(schema['pattern'])}" if "pattern" in schema else ""


def _default(schema: dict[str, Any]) -> str:
    default = schema.get("default")
    return "" if default in (None, []) else code(str(default).lower() if isinstance(default, bool) else default)


def _key(schema: dict[str, Any]) -> str:
    return schema["$ref"].rpartition("/")[2]


def _name(schema: dict[str, Any]) -> str:
    return _key(schema).rpartition("__")[2]  # of two models of one name, each has its module before it


def _header(name: str) -> str:
    return "-".join("ID" if part == "id" else part.capitalize() for part in name.split("-"))
