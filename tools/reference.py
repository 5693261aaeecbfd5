"""Pages of the reference, generated from the definitions: `python tools/reference.py` prints the one of task fields."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from remembrancer.cli.commands.schedule import flags_of
from remembrancer.model.field_definition import FieldGroup
from remembrancer.model.request import DEFAULTS, TASK_FIELDS

if TYPE_CHECKING:
    from remembrancer.model.field_definition import FieldDefinition

_HEAD: Final = """\
# Task fields

The fields of a request to schedule a task have the same names in Python (`schedule_task`, `ScheduleRequest`),
in REST (`POST /v1/scheduler/tasks`), in the answers and in the graph.
A wrong value is refused with what is allowed and an example; nothing is written then.
"""
_COLUMNS: Final = """\
| field | meaning | type | default | example | command line |
|---|---|---|---|---|---|"""


def task_fields_page() -> str:
    """Return the page of task fields: a table for each group of them, a row for each field."""
    return "\n".join([_HEAD, *(_section(group) for group in FieldGroup)])


def _section(group: FieldGroup) -> str:
    rows = [_row(name, each) for name, each in TASK_FIELDS.items() if each.group is group]
    return "\n".join([f"## {group.value}\n", _COLUMNS, *rows, ""])


def _row(name: str, field: FieldDefinition) -> str:
    flags = ", ".join(f"`{flag}`" for flag in flags_of(name)) or "the first argument"
    cells = (f"`{name}`", field.description, field.kind, _default(name), f"`{json.dumps(field.example)}`", flags)
    return f"| {' | '.join(cells)} |"


def _default(name: str) -> str:
    if name not in DEFAULTS:
        return "required"
    default = DEFAULTS[name]
    return "none" if default is None else f"`{default}`"


if __name__ == "__main__":
    sys.stdout.write(task_fields_page())
