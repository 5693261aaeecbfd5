"""The fields and values of the public types, by their purpose."""

from __future__ import annotations

import dataclasses
import inspect
from enum import EnumMeta
from types import FunctionType
from typing import Any, Final, get_args, get_type_hints, is_typeddict

from pydantic import BaseModel

import remembrancer
from reference_pages.docstrings import arguments, paragraph, prose, sentence
from reference_pages.markdown import code, table
from reference_pages.signatures import class_notes, default_text, home_of, module_notes, type_name
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.schedule import ScheduleValue

GROUPS: Final = {
    "Scheduling": (
        "model.request",
        "model.plain_schedules",
        "model.reacting_schedules",
        "model.schedule",
        "model.policy",
        "model.dependency",
        "model.retry_policy",
    ),
    "Tasks": (
        *("model.task", "model.task_status", "model.deferral", "model.question"),
        *("model.cancellation", "model.bulk_edit"),
        *("operations.statistics", "operations.ahead.preview", "operations.ahead.agenda", "model.blocked"),
    ),
    "Declared sets": ("model.task_set",),
    "Templates": ("model.task_template",),
    "Dead letters": ("model.dead_letter",),
    "Lineages": ("model.lineage",),
    "Calendars": ("model.calendar",),
    "Executions": (
        "model.execution",
        "model.addition",
        "model.summary",
        "model.prune_result",
        "model.recheck",
    ),
    "Limits": ("model.limit", "model.circuit"),
    "Queues and workers": ("model.worker_calls",),
    "Halts": ("model.halt", "model.timer"),
    "Handlers": ("ports.handler", "model.handler_result", "engine.commands.command_handler"),
    "Events and the audit log": ("model.event", "model.audit"),
    "Tokens, queries and replicas": ("model.token", "model.named_query", "model.replica"),
    "Status and reports": ("model.service_status", "model.reports", "operations.diagnostics.checks"),
    "Copies, backups and checks": ("operations.graph_copy", "bootstrap.backups", "ports.graph_check"),
}
"""The modules that define public types, by purpose."""
_FIELDS: Final = ("field", "type", "default", "meaning")
_TASK_FIELDS: Final = frozenset({"NewTaskFields", "ScheduleRequest", "TaskChanges", "TaskFields"})
"""Types with the fields that the page of task fields describes."""
_KINDS: Final = type_name(ScheduleValue)
_UNION: Final = "ScheduleValue"
"""The name of the union of all kinds of schedules; its heading has the list of them."""


def types() -> str:
    """Return a heading for each purpose, and below it one for each type and each part of its fields."""
    parts: list[str] = []
    for title, homes in GROUPS.items():
        parts += [f"## {title}", *([_kinds()] if title == "Scheduling" else [])]
        for name in names_of(homes):
            parts += [_described(name), *(_part(each) for each in parts_of(getattr(remembrancer, name)))]
    return "\n\n".join(parts)


def parts_of(found: Any) -> list[type]:
    """Return the types of a public type's fields that are no public names, each before those of its own fields."""
    if not isinstance(found, type) or found.__name__ in _TASK_FIELDS or isinstance(found, EnumMeta):
        return []
    inner = [each for name in _defaults(found) for each in _classes_in(get_type_hints(found)[name])]
    new = [
        each for each in dict.fromkeys(inner) if not _is_public(each) and each.__module__.startswith("remembrancer.")
    ]
    return [part for each in new for part in (each, *parts_of(each))]


def rows_of(found: Any) -> list[tuple[str, ...]]:
    """Return a row for each field and property of a type, or each value of an enum; the last cell is its meaning."""
    return _values(found) if isinstance(found, EnumMeta) else [*_fields(found), *_computed(found)]


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
    public = [f"`{each.__name__}`" for each in found.__bases__ if each.__name__ in remembrancer.__all__]
    also = f"It has the fields of {', '.join(public)} too." if public else ""
    parts = [f"### {name}", _said(found), also, _table(found)]
    return "\n\n".join(part for part in parts if part)


def _part(found: type) -> str:
    return f"#### {found.__name__}\n\n{_said(found)}\n\n{_table(found)}"


def _table(found: type) -> str:
    rows = rows_of(found)
    head = ("member", "value", "meaning") if isinstance(found, EnumMeta) else _FIELDS
    return table(head, rows) if rows else ""


def _kinds() -> str:
    """Return the list of the kinds of schedules."""
    named = [each.__name__ for each in get_args(ScheduleValue)]
    rows = [(f"[{code(name)}](#{name.lower()})", sentence(getattr(remembrancer, name))) for name in named]
    said = "A schedule of any kind. It is the union of these types, and no name of `remembrancer`."
    return f"### {_UNION}\n\n{said}\n\n{table(('kind', 'fires by'), rows)}"


def _said(found: type) -> str:
    text = inspect.getdoc(found) or ""
    return "\n\n".join(prose(each) for each in text.split("\n\n") if not each.startswith(("Args:", "Raises:")))


def _values(found: Any) -> list[tuple[str, ...]]:
    notes = class_notes(_home(found), found.__name__)
    return [(code(each.name), code(each.value), prose(notes.get(each.name, ""))) for each in found]


def _fields(found: Any) -> list[tuple[str, ...]]:
    notes = _notes(found)
    kinds = get_type_hints(found)
    return [
        (code(name), _type(kinds[name]), default, prose(notes.get(name) or _of_task(found, name)))
        for name, default in _defaults(found).items()
    ]


def _notes(found: type) -> dict[str, str]:
    """Return what docstrings say of the fields of a type, and of those that it takes from another one."""
    known: dict[str, str] = {}
    for each in reversed(found.__mro__):
        if each.__module__.startswith("remembrancer"):
            known |= {**arguments(each), **class_notes(_home(each), each.__name__)}
    return known


def _type(annotation: object) -> str:
    """Return a type as code; a union of all kinds of schedules as a link to the list of them."""
    text = type_name(annotation)
    return f"[{code(text.replace(_KINDS, _UNION))}](#{_UNION.lower()})" if _KINDS in text else code(text)


def _home(found: type) -> str:
    return home_of(found.__name__) if _is_public(found) else found.__module__


def _classes_in(annotation: Any) -> list[type]:
    """Return the classes that an annotation names, those in its brackets too."""
    own = [annotation] if isinstance(annotation, type) and not get_args(annotation) else []
    return [*own, *(each for inner in get_args(annotation) for each in _classes_in(inner))]


def _of_task(found: type, name: str) -> str:
    return (
        TASK_FIELDS[name].description if issubclass(found, remembrancer.ScheduledTask) and name in TASK_FIELDS else ""
    )


def _defaults(found: Any) -> dict[str, str]:
    """Return the default of each field that the type declares itself, as code; empty without one."""
    if is_typeddict(found):
        return dict.fromkeys(found.__annotations__, "")
    own = {
        name
        for each in found.__mro__
        if each is found or not _is_public(each)
        for name in vars(each).get("__annotations__", ())
    }
    if issubclass(found, BaseModel):
        given = {name: (each.default, each.default_factory) for name, each in found.model_fields.items()}
    elif not dataclasses.is_dataclass(found):
        given = {}  # a class with methods alone
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
