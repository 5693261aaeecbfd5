"""Results as plain JSON values, for `--json` and the control channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import cast

from pydantic import BaseModel

from remembrancer.model.timestamps import from_now, to_iso


def to_jsonable(value: object) -> object:
    """Return *value* as dicts, lists, strings, numbers, booleans and None; times as ISO-8601 in UTC."""
    match value:
        case Enum():
            return to_jsonable(cast("object", value.value))
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): to_jsonable(each) for key, each in cast("Mapping[object, object]", value).items()}
        case list() | tuple() | set() | frozenset():
            return [to_jsonable(each) for each in cast("Iterable[object]", value)]
        case _:
            return _plain_value(value)


def _plain_value(value: object) -> object:
    """Return the fields of a model or a dataclass, times as ISO-8601, a wait as `+60s`, the `str` of anything else."""
    if isinstance(value, datetime):
        return to_iso(value) if value.tzinfo else value.isoformat()
    if isinstance(value, timedelta):
        return from_now(value)
    if isinstance(value, BaseModel):
        return {name: to_jsonable(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_jsonable(cast("object", getattr(value, each.name))) for each in fields(value)}
    return str(value)
