"""Errors of this package as the control channel carries them: raised again on the other side."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ValidationError

from remembrancer.errors import GraphUnavailable, RemembrancerError
from remembrancer.surfaces.jsonable import to_jsonable

OWN_ERROR: Final = -32000
"""One of this package's errors: `data` holds its class and its fields."""


def to_failure(error: RemembrancerError, code: int = OWN_ERROR) -> dict[str, object]:
    """Return the JSON-RPC error object that lets the client raise *error* again."""
    data = {"type": type(error).__name__, "fields": to_jsonable(vars(error))}
    return {"code": code, "message": str(error), "data": data}


def from_failure(failure: object) -> RemembrancerError:
    """Return the error in a JSON-RPC error object; one of another kind as GraphUnavailable, with its text."""
    try:
        told = _Failure.model_validate(failure)
    except ValidationError:
        return GraphUnavailable("The scheduler's answer cannot be read; is it of another version?")
    kind = _ERRORS.get(told.data.type) if told.data else None
    if told.data is None or kind is None:
        return GraphUnavailable(f"The running scheduler could not answer: {told.message}")
    error = kind.__new__(kind, told.message)
    vars(error).update(told.data.fields)
    return error


class _Told(BaseModel):
    type: str
    fields: dict[str, object]


class _Failure(BaseModel):
    message: str
    data: _Told | None = None


def _family(kind: type[RemembrancerError]) -> list[type[RemembrancerError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _family(child))]


_ERRORS: Final = {kind.__name__: kind for kind in _family(RemembrancerError)}
