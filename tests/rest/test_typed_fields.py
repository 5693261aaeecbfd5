"""Numbers and flags of JSON bodies: one of another type is refused, on every route; those of a query are text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from pydantic import TypeAdapter, ValidationError

from remembrancer.operations.catalog import OPERATIONS
from remembrancer.surfaces.rest.operation_requests import OperationRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from remembrancer.operations.operation import AnyOperation

WRONG: Final[dict[str, tuple[object, ...]]] = {
    "boolean": ("true", "1", 1, 0, 1.0),
    "integer": ("1", "true", 1.0, True),
    "number": ("1", "true", True),
}


def typed(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each field of a schema that is a number or a flag, with its type."""
    for name, field in schema.get("properties", {}).items():
        for each in (field, *field.get("anyOf", ())):
            if isinstance(each.get("type"), str) and each["type"] in WRONG:
                yield name, each["type"]


def takes(model: Any, given: dict[str, object], name: str) -> bool:
    try:
        TypeAdapter[Any](model).validate_python(given)
    except ValidationError as refused:
        return not any(name in each["loc"] for each in refused.errors())
    return True


def accepted(model: Any) -> list[tuple[str, object]]:
    """Return the values of a wrong type that a model takes."""
    schema = TypeAdapter[Any](model).json_schema()
    shapes = [schema, *(each for each in schema.get("$defs", {}).values() if "Body" in str(each.get("title")))]
    fields = {each for one in shapes for each in typed(one)}
    return [(name, value) for name, kind in fields for value in WRONG[kind] if takes(model, {name: value}, name)]


POSTED: Final = [(each, http) for each in OPERATIONS for http in each.http if http.verb == "POST" and not http.body]


@pytest.mark.parametrize(("operation", "http"), POSTED, ids=[each.name for each, _ in POSTED])
def test_a_body_takes_no_number_or_flag_of_another_type(operation: AnyOperation, http: Any) -> None:
    body = next((each for each in OperationRequest(operation, http).parameters() if each.name == "body"), None)

    assert body is None or accepted(body.annotation) == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=[each.name for each in OPERATIONS])
def test_parameters_take_no_number_or_flag_of_another_type(operation: AnyOperation) -> None:
    taken = accepted(operation.params)

    assert [each for each in taken if each not in {("next_fires", "true"), ("next_fires", True)}] == []


def test_the_fields_of_a_task_take_no_number_as_text() -> None:
    nested = [
        (operation.name, name)
        for operation in OPERATIONS
        for shape in cast("dict[str, Any]", operation.params.model_json_schema().get("$defs", {})).values()
        for name, _ in typed(shape)
    ]

    assert {name for _, name in nested} == {
        "misfire_limit",
        "misfire_grace_seconds",
        "max_attempts",
        "max_deferrals",
        "max_deferral_seconds",
        "misfire_age_seconds",
        "deadline_seconds",
        "pause_on_failure",
        "priority",
        "timeout_seconds",
    }, "a new nested number: make it strict, and name it here"


@pytest.mark.parametrize(
    ("path", "given", "field"),
    [
        ("backfill", {"start": "2026-01-01T00:00:00Z", "end": "now", "again": 1}, "again"),
        ("backfill", {"start": "2026-01-01T00:00:00Z", "end": "now", "dry_run": "true"}, "dry_run"),
        ("skip", {"n": "1"}, "n"),
        ("skip", {"n": 1.0}, "n"),
        ("skip", {"n": True}, "n"),
    ],
)
async def test_a_flag_of_another_type_starts_no_work(
    writer: httpx.AsyncClient, path: str, given: dict[str, Any], field: str
) -> None:
    refused = await writer.post(f"/v1/scheduler/tasks/task_1/{path}", json=given)

    assert (refused.status_code, refused.json()["field"]) == (422, f"body.{field}")


async def test_numbers_and_flags_of_a_query_are_text(writer: httpx.AsyncClient) -> None:
    listed = await writer.get("/v1/scheduler/tasks?next_fires=2&limit=1")
    agenda = await writer.get("/v1/scheduler/agenda?limit=1")
    calendar = await writer.get("/v1/scheduler/calendar.ics?history=true")

    assert {each.status_code for each in (listed, agenda, calendar)} == {200}
