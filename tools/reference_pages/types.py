"""The fields and values of the public types, by their purpose."""

from __future__ import annotations

import dataclasses
import inspect
from enum import EnumMeta
from types import FunctionType
from typing import Any, Final, get_type_hints

from pydantic import BaseModel

import remembrancer
from reference_pages.docstrings import arguments, paragraph, prose, sentence
from reference_pages.markdown import code, table
from reference_pages.signatures import class_notes, default_text, home_of, module_notes, type_name
from remembrancer.model.request import TASK_FIELDS

GROUPS: Final = {
    "Scheduling": (
        "model.request",
        "model.plain_schedules",
        "model.reacting_schedules",
        "model.schedule",
        "model.policy",
    ),
    "Tasks": (
        *("model.task", "model.task_status", "model.deferral", "model.cancellation"),
        *("operations.statistics", "operations.preview"),
    ),
    "Executions": ("model.execution", "model.addition", "model.summary", "model.prune_result"),
    "Handlers": ("ports.handler", "model.handler_result"),
    "Events and the audit log": ("model.event", "model.audit"),
    "Tokens, queries and replicas": ("model.token", "model.named_query", "model.replica"),
    "Status and reports": ("model.service_status", "model.reports", "operations.diagnostics.checks"),
    "Copies, backups and checks": ("operations.graph_copy", "bootstrap.backups", "ports.graph_check"),
}
"""The modules that define public types, by purpose."""
_FIELDS: Final = ("field", "type", "default", "meaning")
_TASK_FIELDS: Final = frozenset({"ScheduleRequest", "TaskChanges", "TaskFields"})
"""Types with the fields that the page of task fields describes."""


def types() -> str:
    """Return a heading for each purpose, and below it one for each type."""
    return "\n\n".join(
        "\n\n".join([f"## {title}", *(_described(name) for name in names_of(homes))]) for title, homes in GROUPS.items()
    )


def names_of(homes: tuple[str, ...]) -> list[str]:
    """Return the public types that these modules define."""
    named = [name for home in homes for name in remembrancer._API[home]]  # noqa: SLF001
    return [name for name in named if not inspect.isfunction(getattr(remembrancer, name))]


def _described(name: str) -> str:
    found = getattr(remembrancer, name)
    if not isinstance(found, type):
        shown = code(type_name(found))
        return f"### {name}\n\n{shown}\n\n{prose(module_notes(home_of(name))[name])}"
    if name in _TASK_FIELDS:
        return f"### {name}\n\n{paragraph(found)}\n\nThe fields are on the page of [task fields](task-fields.md)."
    rows = _values(found) if isinstance(found, EnumMeta) else [*_fields(found), *_computed(found)]
    head = ("member", "value", "meaning") if isinstance(found, EnumMeta) else _FIELDS
    public = [f"`{each.__name__}`" for each in found.__bases__ if each.__name__ in remembrancer.__all__]
    also = f"It has the fields of {', '.join(public)} too." if public else ""
    parts = [f"### {name}", _said(found), also, table(head, rows) if rows else ""]
    return "\n\n".join(part for part in parts if part)


def _said(found: type) -> str:
    text = inspect.getdoc(found) or ""
    return "\n\n".join(prose(each) for each in text.split("\n\n") if not each.startswith(("Args:", "Raises:")))


def _values(found: Any) -> list[tuple[str, ...]]:
    told = class_notes(home_of(found.__name__), found.__name__)
    return [(code(each.name), code(each.value), prose(told.get(each.name, ""))) for each in found]


def _fields(found: Any) -> list[tuple[str, ...]]:
    told = {**arguments(found), **class_notes(home_of(found.__name__), found.__name__)}
    kinds = get_type_hints(found)
    return [
        (code(name), code(type_name(kinds[name])), default, prose(told.get(name) or _of_task(found, name)))
        for name, default in _defaults(found).items()
    ]


def _of_task(found: type, name: str) -> str:
    return (
        TASK_FIELDS[name].description if issubclass(found, remembrancer.ScheduledTask) and name in TASK_FIELDS else ""
    )


def _defaults(found: Any) -> dict[str, str]:
    """Return the default of each field that the type declares itself, as code; empty without one."""
    own = {
        name
        for each in found.__mro__
        if each is found or not _is_public(each)
        for name in vars(each).get("__annotations__", ())
    }
    if issubclass(found, BaseModel):
        given = {name: (each.default, each.default_factory) for name, each in found.model_fields.items()}
    else:
        given = {each.name: (each.default, each.default_factory) for each in dataclasses.fields(found) if each.repr}
    return {name: _default(*default) for name, default in given.items() if name in own}


def _default(value: object, factory: Any) -> str:
    if factory not in {None, dataclasses.MISSING}:
        value = factory()
    return "" if repr(value) == "PydanticUndefined" or value is dataclasses.MISSING else code(default_text(value))


def _computed(found: type) -> list[tuple[str, ...]]:
    """Return a row for each property and method of the type."""
    rows: list[tuple[str, ...]] = []
    for name, each in vars(found).items():
        function = each.fget if isinstance(each, property) else getattr(each, "__func__", each)
        if name.startswith("_") or not isinstance(function, FunctionType):
            continue
        answer = type_name(inspect.signature(function).return_annotation)
        rows.append((code(name if isinstance(each, property) else f"{name}(…)"), code(answer), "", sentence(each)))
    return rows


def _is_public(each: type) -> bool:
    return each.__name__ in remembrancer.__all__
