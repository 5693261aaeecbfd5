"""Ids of tasks as people type them: whole, or their beginning, if one task alone has it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import InvalidInput, TaskNotFound

if TYPE_CHECKING:
    from remembrancer.cli.command import GraphOptions
    from remembrancer.cli.connect import Connection

_O = TypeVar("_O", bound="GraphOptions")


async def task_id_of(reached: Connection, typed: str) -> str:
    """Return the id that *typed* is or begins; a whole one is not looked up.

    Raises:
        InvalidInput: Several tasks have such an id; the message names them.
        TaskNotFound: None has.
    """
    if _WHOLE.fullmatch(typed):
        return typed
    found = await reached.scheduler.run_query("tasks_by_prefix", {"prefix": typed, "limit": _NAMED + 1})
    ids = [str(row["task_id"]) for row in found]
    if not ids:
        raise TaskNotFound(typed)
    if len(ids) > 1 and ids[0] != typed:  # a whole id comes before those that it begins
        names = "; ".join(f"{row['task_id']} ({row['task']})" for row in found[:_NAMED])
        more = " and more" if len(ids) > _NAMED else ""
        raise InvalidInput("TASK_ID", typed, f"more of the id; it begins those of {names}{more}", ids[0])
    return ids[0]


async def with_whole_ids(reached: Connection, asked: _O) -> _O:
    """Return the options of a schedule with the whole ids of the tasks that they name."""
    typed = {name: vars(asked)[name] for name in _TASKS}
    whole: dict[str, object] = {
        name: await task_id_of(reached, value) for name, value in typed.items() if value is not None
    }
    if depends_on := vars(asked).get("depends_on"):
        whole["depends_on"] = [await _dependency_of(reached, each) for each in depends_on]
    return replace(asked, **whole) if whole else asked


async def _dependency_of(reached: Connection, typed: str) -> str:
    """Return a dependency with the whole id of its task; one that begins no id may be a dedup_key."""
    task, colon, more = typed.partition(":")
    if not task.startswith("task_"):
        return typed
    try:
        return f"{await task_id_of(reached, task)}{colon}{more}"
    except TaskNotFound:
        return typed


_WHOLE: Final = re.compile(r"task_\d{10}\.\d{3}_[0-9a-z]{6}")
_TASKS: Final = ("follow", "after")
"""The options of a schedule that name another task."""
_NAMED: Final = 5
"""Tasks that a refusal names."""
