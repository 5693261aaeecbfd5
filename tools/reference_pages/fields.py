"""The fields of a task, from their definitions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from reference_pages.markdown import table
from remembrancer.cli.commands.schedule import flags_of
from remembrancer.model.field_definition import FieldGroup
from remembrancer.model.request import DEFAULTS, TASK_FIELDS

if TYPE_CHECKING:
    from remembrancer.model.field_definition import FieldDefinition

_HEAD: Final = ("field", "meaning", "type", "default", "example", "command line")


def task_fields() -> str:
    """Return a table for each group of fields, with a row for each field."""
    return "\n\n".join(f"## {group.value}\n\n{table(_HEAD, _rows(group))}" for group in FieldGroup)


def _rows(group: FieldGroup) -> list[tuple[str, ...]]:
    return [_row(name, each) for name, each in TASK_FIELDS.items() if each.group is group]


def _row(name: str, field: FieldDefinition) -> tuple[str, ...]:
    flags = ", ".join(f"`{flag}`" for flag in flags_of(name)) or "the first argument"
    return f"`{name}`", field.description, field.kind, _default(name), f"`{json.dumps(field.example)}`", flags


def _default(name: str) -> str:
    if name not in DEFAULTS:
        return "required"
    default = DEFAULTS[name]
    return "none" if default is None else f"`{default}`"
