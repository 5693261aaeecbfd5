"""Errors as RFC 9457 problem documents, made of what our errors say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from remembrancer.errors import (
    DedupKeyTaken,
    GraphFull,
    GraphUnavailable,
    InvalidInput,
    RemembrancerError,
    ServiceStopped,
    TaskEnded,
    TaskNotFound,
)
from remembrancer.surfaces.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA_TYPE: Final = "application/problem+json"


class Problem(BaseModel):
    """What went wrong, for people and for models; from `field` on, where an input was wrong."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    field: str | None = None
    value: object = None
    allowed: str | None = None
    example: object = None


class Refusal(Exception):
    """A request that is answered with a problem of the API's own.

    Args:
        status: The HTTP status.
        kind: The last part of the problem's type.
        detail: What to do about it.
        headers: What the answer's head carries beside it.
    """

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})


def of_error(error: RemembrancerError, request_id: str) -> JSONResponse:
    """Return the problem that one of our errors is."""
    status, kind = next((told for family, told in _KINDS.items() if isinstance(error, family)), (500, "error"))
    said = {name: plain(getattr(error, name, None)) for name in ("field", "value", "allowed", "example")}
    return _answer(status, kind, str(error), request_id, said)


def of_refusal(refusal: Refusal, request_id: str) -> JSONResponse:
    """Return the problem that a refusal is."""
    answer = _answer(refusal.status, refusal.kind, refusal.detail, request_id, {})
    answer.headers.update(refusal.headers)
    return answer


def of_misfit(faults: Sequence[Mapping[str, object]], request_id: str) -> JSONResponse:
    """Return the problem of a request that does not fit its schema: its first fault, as pydantic tells it."""
    fault = faults[0]
    place = cast("tuple[object, ...]", fault.get("loc", ()))
    field = ".".join(str(part) for part in place) or "body"
    value = plain(fault.get("input"))
    shown = value if value is None or isinstance(value, bool | int | float) else str(value)[:200]
    said = {"field": field, "value": shown, "allowed": str(fault.get("msg"))}
    return _answer(422, "invalid-input", f"{field}: {fault.get('msg')}", request_id, said)


def declared(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return how these problems stand in the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": _TITLES[status], "content": content} for status in statuses}


def _answer(status: int, kind: str, detail: str, request_id: str, said: Mapping[str, object]) -> JSONResponse:
    told = {name: value for name, value in said.items() if value is not None}
    head = {"type": f"urn:remembrancer:{kind}", "title": _TITLES.get(status, "Error"), "status": status}
    document = {**head, "detail": detail, "request_id": request_id, **told}
    return JSONResponse(document, status, media_type=MEDIA_TYPE)


_KINDS: Final[dict[type[RemembrancerError], tuple[int, str]]] = {
    InvalidInput: (422, "invalid-input"),
    TaskNotFound: (404, "task-not-found"),
    TaskEnded: (409, "task-ended"),
    DedupKeyTaken: (409, "dedup-key-taken"),
    ServiceStopped: (503, "service-stopped"),
    GraphFull: (507, "graph-full"),
    GraphUnavailable: (503, "graph-unavailable"),
}
_TITLES: Final = {
    400: "The request cannot be read",
    401: "No valid token",
    403: "The token's scope does not reach so far",
    404: "Not found",
    405: "No such method here",
    409: "It has come to its end, or is there already",
    412: "It has changed meanwhile",
    413: "The body is too large",
    422: "An input is not accepted",
    429: "Too many requests",
    503: "The scheduler or its graph does not answer",
    507: "The disk is full",
}
