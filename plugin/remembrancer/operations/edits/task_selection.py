"""Selections of tasks as callers name them: what is looked for, checked, as a filter of the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.bulk_edit import TaskSelection
from remembrancer.model.constraints import LONGEST_NAME, MOST_WORDS, label_form, read_text, read_word
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.ports.filters import TaskFilter, TaskMatch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MOST_AT_ONCE: Final = 10_000
"""Tasks that one call edits at most."""
_KNOWN: Final = tuple(TaskSelection.__annotations__)
_TEXT: Final = "daily report"


def read_match(
    *, name: object = None, tags: object = (), group: object = None, text: object = None, paused: bool = False
) -> TaskMatch | None:
    """Return what tasks are to match; None if any task does. A value that no task can have is no error.

    Raises InvalidInput: a value is no text, or too long.
    """
    allowed, example = f"a list of up to {MOST_WORDS} words", TASK_FIELDS["tags"].example
    words = _listed("tags", tags, allowed, example)
    if len(words) > MOST_WORDS:
        raise InvalidInput("tags", words, allowed, example)
    match = TaskMatch(
        name=None if name is None else read_text("name", name, LONGEST_NAME, TASK_FIELDS["name"].example),
        tags=tuple(sorted({_label("tags", each, example) for each in words})),
        group=None if group is None else _label("group", group, TASK_FIELDS["group"].example),
        text=None if text is None else read_text("text", text, LONGEST_NAME, _TEXT),
        paused=paused,
    )
    return None if match == TaskMatch() else match


def read_selection(which: TaskSelection, *, paused: bool = False) -> TaskFilter:
    """Return the filter of the open tasks that an edit of many selects, one more than it may edit.

    Raises InvalidInput: nothing is selected, or both everything and a part, or a value is wrong.
    """
    given = cast("Mapping[str, object]", which)
    for name in given:
        if name not in _KNOWN:
            raise InvalidInput(name, given[name], unknown(name, _KNOWN), nearest(name, _KNOWN) or "tags")
    every = given.get("all", False)
    if not isinstance(every, bool):
        raise InvalidInput("all", every, "true or false", example=True)
    statuses = _statuses(given.get("statuses", ()))
    parts = [given.get(name) for name in ("name", "group", "text")]
    match = read_match(name=parts[0], tags=given.get("tags", ()), group=parts[1], text=parts[2])
    if every is (match is not None or bool(statuses)):
        allowed = "true, or else at least one of " + ", ".join(each for each in _KNOWN if each != "all")
        raise InvalidInput("all", every, f"{allowed}; not both", example=True)
    if paused:
        match = replace(match or TaskMatch(), paused=True)
    return TaskFilter(statuses or frozenset(OPEN_STATUSES), None, MOST_AT_ONCE + 1, match)


def _label(field: str, value: object, example: object) -> str:
    return label_form(read_text(field, value, LONGEST_NAME, example))


def _listed(field: str, given: object, allowed: str, example: object) -> list[object]:
    if isinstance(given, list | tuple | set | frozenset):
        return list(cast("Collection[object]", given))
    raise InvalidInput(field, given, allowed, example)


def _statuses(given: object) -> frozenset[TaskStatus]:
    allowed = " | ".join(sorted(OPEN_STATUSES))
    listed = _listed("statuses", given, f"a list of {allowed}", ["PENDING"])
    read = frozenset(read_word("statuses", each, TaskStatus, "PENDING") for each in listed)
    if ended := sorted(read - OPEN_STATUSES):
        raise InvalidInput("statuses", ended[0], f"{allowed}: the others have ended", "PENDING")
    return read
