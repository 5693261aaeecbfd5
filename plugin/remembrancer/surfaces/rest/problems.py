"""Errors as RFC 9457 problem documents, made of what our errors say of themselves."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Final, cast

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from remembrancer.errors import (
    DiskFull,
    DuplicateTask,
    ExecutionNotFound,
    ExecutionUnreadable,
    GraphUnavailable,
    IdempotencyKeyReused,
    InvalidInput,
    NotRunning,
    RemembrancerError,
    SchedulerBusy,
    TaskChanged,
    TaskContended,
    TaskEnded,
    TaskNotFound,
    TaskUnreadable,
)
from remembrancer.model.control_characters import visible, visible_json
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.surfaces.jsonable import to_jsonable
from remembrancer.surfaces.rest.examples import EXAMPLES, body_example, example_at
from remembrancer.surfaces.schema_errors import UNKNOWN, known_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA_TYPE: Final = "application/problem+json"


class Problem(BaseModel):
    """What went wrong, for people and for models; from `field` on, where it is the request that has to change."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    field: str | None = None
    """What of the request is refused: a parameter, a header, a field of the body."""
    value: object = None
    """What it was; null where nothing was given."""
    allowed: str | None = None
    """What would be accepted, in words."""
    example: object = None
    """A value that works."""


class ProblemError(Exception):
    """A request that is answered with a problem of the API's own.

    Args:
        status: The HTTP status.
        kind: The last part of the problem's type.
        detail: What to do about it.
        headers: What the answer's head carries beside it.
        said: The field, its value, what is allowed, and an example.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        said: tuple[str, object, str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.said = said


def of_error(error: RemembrancerError, request_id: str) -> JSONResponse:
    """Return the problem that one of our errors is."""
    status, kind = next((told for family, told in _KINDS.items() if isinstance(error, family)), (500, "error"))
    return _answer(status, kind, str(error), request_id, _said_of(error))


def of_refusal(refusal: ProblemError, request_id: str) -> JSONResponse:
    """Return the problem that a refusal is."""
    answer = _answer(refusal.status, refusal.kind, refusal.detail, request_id, refusal.said)
    answer.headers.update(refusal.headers)
    return answer


def from_validation_error(faults: Sequence[Mapping[str, object]], request_id: str, body: object) -> JSONResponse:
    """Return the problem of a request that does not fit its schema: its first fault, as pydantic tells it.

    *body* is the type that the request's body has to have, None where it has none.
    """
    fault = faults[0]
    way = cast("tuple[object, ...]", fault.get("loc", ()))
    place = [str(part) for part in way]
    field, kind = ".".join(place) or "body", str(fault.get("type"))
    value = None if kind in _NOTHING_GIVEN else to_jsonable(fault.get("input"))
    shown = value if value is None or isinstance(value, bool | int | float) else visible(str(value)[:200])
    if kind == _NO_JSON:
        field, place = place[0], place[:1]
    allowed = (
        _no_json(fault) if kind == _NO_JSON else _ALLOWED.get(kind, str(fault.get("msg")).removeprefix("Value error, "))
    )
    example = _example(place, cast("Mapping[str, object]", fault.get("ctx") or {}), body)
    if kind in UNKNOWN:
        known = known_at(body, way[1:-1])
        meant = nearest(place[-1], known)
        allowed, example = unknown(place[-1], known), {meant: EXAMPLES[meant]} if meant else None
    return _answer(422, "invalid-input", f"{field}: {allowed}", request_id, (field, shown, allowed, example))


def internal_error(request_id: str) -> JSONResponse:
    """Return the problem of an error of ours that nobody foresaw: the log has it, under the request's id."""
    return _answer(500, "fault", "This is our fault; the log of the scheduler has more.", request_id, None)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return how these problems stand in the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": _TITLES[status], "content": content} for status in statuses}


def etag(fence: int, status: str) -> str:
    """Return the mark of a task's state: every claim, move or end of it makes another."""
    return f'"{fence}-{status}"'


def _no_json(fault: Mapping[str, object]) -> str:
    """Say where a body ceases to be JSON; the framework tells the place as a part of the field's."""
    place = cast("tuple[object, ...]", fault["loc"])[-1]
    why = cast("Mapping[str, object]", fault.get("ctx") or {}).get("error")
    return f"a JSON document; at character {place + 1 if isinstance(place, int) else place} this is none: {why}"


def _example(place: Sequence[str], about: Mapping[str, object], body: object) -> object:
    """Return a value for the field at this place in a request: the innermost that has a name of ours."""
    pattern = cast("str | None", about.get("pattern"))
    names = [part.lower() for part in reversed(place) if part.lower() in EXAMPLES]
    if not names or names[0] == "body":
        return body_example(body)
    return example_at(names[0], pattern)


def _said_of(error: RemembrancerError) -> tuple[str, object, str, object] | None:  # noqa: PLR0911 (one for each kind)
    match error:
        case InvalidInput():
            return error.field, to_jsonable(error.quoted), error.allowed, to_jsonable(error.example)
        case TaskNotFound():
            return "task_id", error.task_id, "the id of a task that GET /v1/scheduler/tasks lists", EXAMPLES["task_id"]
        case ExecutionNotFound():
            allowed = "the id of an execution that GET /v1/scheduler/executions lists"
            return "execution_id", error.execution_id, allowed, EXAMPLES["execution_id"]
        case TaskEnded():
            return "task_id", error.task_id, f"a PENDING or ACTIVE task; it is {error.status}", EXAMPLES["task_id"]
        case TaskChanged():
            now = etag(error.fence, error.status)
            return (
                "If-Match",
                f"a fence of {error.wanted}",
                f"the ETag of the task as it stands now, {now}, or none",
                now,
            )
        case DuplicateTask():
            return "dedup_key", error.keys, "a key that no task is kept under", EXAMPLES["dedup_key"]
        case _:
            return None


def _answer(
    status: int, kind: str, detail: str, request_id: str, said: tuple[str, object, str, object] | None
) -> JSONResponse:
    told = dict(zip(("field", "value", "allowed", "example"), said, strict=True)) if said else {}
    return Document(problem(status, kind, detail, request_id) | told, status)


def problem(status: int, kind: str, detail: str, request_id: str, title: str | None = None) -> dict[str, object]:
    """Return a problem without what is said of a field."""
    head = {"type": f"urn:remembrancer:{kind}", "title": title or _TITLES.get(status, "Error"), "status": status}
    return {**head, "detail": detail, "request_id": request_id}


class Document(JSONResponse):
    """A problem as it is sent: control characters and lone surrogates, which it may quote, are spelled."""

    media_type = MEDIA_TYPE

    def render(self, content: object) -> bytes:
        """Return its bytes."""
        written = json.dumps(_finite(content), ensure_ascii=False, separators=(",", ":"))
        return visible_json(written).encode()


def _finite(value: object) -> object:
    """Return a value with its numbers that JSON has not, such as NaN, as text."""
    match value:
        case float() if not isfinite(value):
            return str(value)
        case dict():
            return {name: _finite(each) for name, each in cast("dict[str, object]", value).items()}
        case list():
            return [_finite(each) for each in cast("list[object]", value)]
        case _:
            return value


_NO_JSON: Final = "json_invalid"
_NOTHING_GIVEN: Final = ("missing", _NO_JSON)
_ALLOWED: Final = {
    "missing": "it has to be given",
}
_KINDS: Final[dict[type[RemembrancerError], tuple[int, str]]] = {
    IdempotencyKeyReused: (422, "idempotency-key"),
    InvalidInput: (422, "invalid-input"),
    TaskNotFound: (404, "task-not-found"),
    ExecutionNotFound: (404, "execution-not-found"),
    TaskUnreadable: (500, "task-unreadable"),
    ExecutionUnreadable: (500, "execution-unreadable"),
    TaskChanged: (412, "changed"),
    TaskEnded: (409, "task-ended"),
    TaskContended: (409, "task-contended"),
    DuplicateTask: (409, "dedup-key-taken"),
    NotRunning: (503, "service-stopped"),
    SchedulerBusy: (503, "scheduler-busy"),
    DiskFull: (507, "graph-full"),
    GraphUnavailable: (503, "graph-unavailable"),
}
_TITLES: Final = {
    400: "The request cannot be read",
    401: "No valid token",
    403: "The token's scope does not reach so far",
    404: "Not found",
    405: "No such method here",
    409: "It has come to its end, or is there already",
    408: "The request came too slowly",
    412: "It has changed meanwhile",
    413: "The body is too large",
    422: "An input is not accepted",
    429: "Too many requests",
    500: "Something is wrong here",
    503: "The scheduler or its graph does not answer",
    507: "The disk is full",
}
