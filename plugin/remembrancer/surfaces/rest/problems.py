"""Errors as RFC 9457 problem documents, built from the fields of this package's errors."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Final, cast

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from remembrancer.errors import (
    DeferralsExhausted,
    DiskFull,
    DuplicateTask,
    ExecutionNotFound,
    ExecutionUnreadable,
    GraphUnavailable,
    IdempotencyKeyReused,
    InvalidInput,
    LimitReached,
    NotRunning,
    RemembrancerError,
    SchedulerBusy,
    SchedulerHalted,
    TaskChanged,
    TaskContended,
    TaskEnded,
    TaskNotFound,
    TaskUnreadable,
    TimerRefused,
    WorkNotHeld,
)
from remembrancer.model.control_characters import visible_json
from remembrancer.surfaces.examples import EXAMPLES, body_example
from remembrancer.surfaces.jsonable import to_jsonable
from remembrancer.surfaces.violations import to_invalid_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA_TYPE: Final = "application/problem+json"


class Problem(BaseModel):
    """An error, for people and for models; the fields from `field` on are set if the request has to change."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    field: str | None = None
    """The invalid part of the request: a parameter, a header, or a field of the body."""
    value: object = None
    """Its value; null if it is missing."""
    allowed: str | None = None
    """The accepted values, in words."""
    example: object = None
    """A value that works."""


_SCHEMA: Final = Problem.model_json_schema()
"""Made once: each route of each application has it several times."""


class ProblemError(Exception):
    """A request that the API itself rejects with a problem document.

    Args:
        status: The HTTP status.
        kind: The last part of the problem's type.
        detail: What to do about it.
        headers: Additional response headers.
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
    """Return the problem document of an error of this package."""
    status, kind = next((known for family, known in _KINDS.items() if isinstance(error, family)), (500, "error"))
    return _answer(status, kind, str(error), request_id, _said_of(error))


def of_refusal(refusal: ProblemError, request_id: str) -> JSONResponse:
    """Return the problem document of a rejected request."""
    answer = _answer(refusal.status, refusal.kind, refusal.detail, request_id, refusal.said)
    answer.headers.update(refusal.headers)
    return answer


def from_validation_error(faults: Sequence[Mapping[str, object]], request_id: str, body: object) -> JSONResponse:
    """Return the problem document of a request that violates its schema.

    *body* is the type of the request's body, None if it takes none.
    """
    is_json = faults[0].get("type") != _NO_JSON
    error = to_invalid_input(faults, body, _WITHIN_BODY) if is_json else _no_json(faults[0], body)
    return _answer(422, "invalid-input", f"{error.field}: {error.allowed}", request_id, _said_of(error))


def internal_error(request_id: str) -> JSONResponse:
    """Return the problem document of an unexpected error: the log has its details, under the request's id."""
    detail = "An unexpected error occurred; the scheduler's log has the details under this request_id."
    return _answer(500, "fault", detail, request_id, None)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return these problems as responses of the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": _SCHEMA}}
    return {status: {"description": _TITLES[status], "content": content} for status in statuses}


def etag(fence: int, status: str) -> str:
    """Return the entity tag of a task's state: it changes with every claim, reschedule or end."""
    return f'"{fence}-{status}"'


def _no_json(fault: Mapping[str, object], body: object) -> InvalidInput:
    """Return where a body is not valid JSON; the framework gives the position as the last part of the location."""
    place = cast("tuple[object, ...]", fault["loc"])
    at = place[-1] + 1 if isinstance(place[-1], int) else place[-1]
    why = cast("Mapping[str, object]", fault.get("ctx") or {}).get("error")
    allowed = f"a JSON document; this one is invalid at character {at}: {why}"
    return InvalidInput(str(place[0]), None, allowed, body_example(body))


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
                f"the current ETag of the task, {now}, or no If-Match",
                now,
            )
        case DuplicateTask():
            return "dedup_key", error.keys, "a key that no task has", EXAMPLES["dedup_key"]
        case _:
            return None


def _answer(
    status: int, kind: str, detail: str, request_id: str, said: tuple[str, object, str, object] | None
) -> JSONResponse:
    fields = dict(zip(("field", "value", "allowed", "example"), said, strict=True)) if said else {}
    return Document(problem(status, kind, detail, request_id) | fields, status)


def problem(status: int, kind: str, detail: str, request_id: str, title: str | None = None) -> dict[str, object]:
    """Return a problem without the part about a field."""
    head = {"type": f"urn:remembrancer:{kind}", "title": title or _TITLES.get(status, "Error"), "status": status}
    return {**head, "detail": detail, "request_id": request_id}


class Document(JSONResponse):
    """A problem document as sent: control characters and lone surrogates that it quotes are escaped."""

    media_type = MEDIA_TYPE

    def render(self, content: object) -> bytes:
        """Return its bytes."""
        written = json.dumps(_finite(content), ensure_ascii=False, separators=(",", ":"))
        return visible_json(written).encode()


def _finite(value: object) -> object:
    """Return a value with numbers that JSON lacks, such as NaN, as text."""
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
_WITHIN_BODY: Final = 1
"""Parts of a place that come before those within the body: the word for the body itself."""
_KINDS: Final[dict[type[RemembrancerError], tuple[int, str]]] = {
    IdempotencyKeyReused: (422, "idempotency-key"),
    TimerRefused: (422, "timer-refused"),
    DeferralsExhausted: (422, "deferrals-exhausted"),
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
    SchedulerHalted: (409, "halted"),
    LimitReached: (409, "limit-reached"),
    WorkNotHeld: (409, "work-not-held"),
    SchedulerBusy: (503, "scheduler-busy"),
    DiskFull: (507, "graph-full"),
    GraphUnavailable: (503, "graph-unavailable"),
}
_TITLES: Final = {
    400: "Malformed request",
    401: "Missing or invalid token",
    403: "Insufficient scope",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    412: "Precondition failed",
    413: "Body too large",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Scheduler or graph unavailable",
    507: "Disk full",
}
