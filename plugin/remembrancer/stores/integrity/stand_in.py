"""Stand-ins for unreadable tasks: ended tasks with the same id and all readable properties."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from remembrancer.model.task_status import TaskStatus
from remembrancer.stores.integrity.record_check import TIMES, derived_of
from remembrancer.stores.rows.node_rows import task_from
from remembrancer.stores.rows.readable_records import FAULTS

if TYPE_CHECKING:
    from remembrancer.stores.commits.statement import Row

_ROUNDS: Final = 5
_UNREADABLE: Final = "(it could not be read, and was set apart)"
_IN_PLACE: Final[Row] = {
    "name": "(unreadable)",
    "goal_description": _UNREADABLE,
    "trigger_prompt": _UNREADABLE,
    "origin_thought_id": "thought_unreadable",
    "created_at": datetime(1970, 1, 1, tzinfo=UTC),
}


def stand_in(node: Row) -> Row:
    """Return the properties of a failed task, with the readable properties of an unreadable one.

    Its executions, deferrals and changes keep their task. Raises ValueError: no property is readable.
    """
    fields: Row = {**node, "status": TaskStatus.FAILED.value, "next_run_ms": None, "nominal_ms": None}
    fields = {name: value for name, value in fields.items() if name not in TIMES or isinstance(value, datetime)}
    for _ in range(_ROUNDS):
        try:
            task = task_from(fields)
        except ValidationError as misfit:
            for name in {str(fault["loc"][0]) for fault in misfit.errors()}:
                fields.pop(name, None)
                if name in _IN_PLACE:
                    fields[name] = _IN_PLACE[name]
        except FAULTS:  # its context is not JSON
            fields.pop("context", None)
        else:
            fields["task_type"] = task.task_type.value
            return {name: value for name, value in {**fields, **derived_of(fields)}.items() if value is not None}
    raise ValueError("No property is readable.")
