"""Results as models read them: plain values, without what is empty, internal, or as by default."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Final, cast

from pydantic import BaseModel

from remembrancer.model.request import DEFAULTS
from remembrancer.surfaces.jsonable import to_jsonable

_INTERNAL: Final = frozenset(
    {"additions", "fence", "occurrence_key", "rules_edition", "skips", "traceparent", "watch", "wall_time"}
)


def is_shown(name: str) -> bool:
    """Return whether a field of a result tells a model anything: a time in milliseconds is there as text too."""
    return name not in _INTERNAL and not name.endswith("_ms")


def lean(value: object) -> object:
    """Return a result as plain JSON values; an optional field without a value, or as by default, is left out."""
    if isinstance(value, BaseModel):
        needed = {name for name, each in type(value).model_fields.items() if each.is_required()}
        return _lean_fields({name: getattr(value, name) for name in type(value).model_fields}, needed)
    if is_dataclass(value) and not isinstance(value, type):
        needed = {each.name for each in fields(value) if each.default is each.default_factory is MISSING}
        return _lean_fields({each.name: getattr(value, each.name) for each in fields(value)}, needed)
    if isinstance(value, list | tuple | set | frozenset):
        return [lean(each) for each in cast("Iterable[object]", value)]
    return to_jsonable(value)


def _lean_fields(values: Mapping[str, object], needed: Collection[str]) -> dict[str, object]:
    shown = {name: value for name, value in values.items() if value is not None and is_shown(name)}
    return {name: lean(value) for name, value in shown.items() if name in needed or _says_something(name, value)}


def _says_something(name: str, value: object) -> bool:
    if name in DEFAULTS and value == DEFAULTS[name]:
        return False
    return not (isinstance(value, list | tuple | Mapping) and not value)
