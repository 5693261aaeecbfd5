"""Schema violations in requests: the known fields at a place, and the errors that an unknown one is."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Sequence


def known_at(kind: object, place: Sequence[object]) -> list[str]:
    """Return the names of the known fields at *place*, the path within a request of this *kind*."""
    for part in (None, *place):
        while inner := [each for each in get_args(kind) if each is not type(None)]:
            kind = inner[0]
        if isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
            kind = kind.model_fields[str(part)].annotation
    while inner := [each for each in get_args(kind) if each is not type(None)]:
        kind = inner[0]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return [each.name for each in fields(kind)] if isinstance(kind, type) and is_dataclass(kind) else []


UNKNOWN = frozenset(("extra_forbidden", "unexpected_keyword_argument"))
"""Pydantic's error types for an unknown field: of a model, of a dataclass."""
