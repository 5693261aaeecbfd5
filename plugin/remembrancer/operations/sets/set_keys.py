"""The keys of tasks of a declared set, kept as their dedup_keys: `set:NAME/KEY`, and `set:NAME/KEY#2` for the second.

A dedup_key is unique in a graph: two applications at once make one task. An ended task keeps its dedup_key, and a task
made in its place takes the next number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.model.task import ScheduledTask

LONGEST: Final = 100
WORD: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
"""The pattern of the name of a set, and of a key."""
_WORD: Final = re.compile(WORD)
_KEY: Final = re.compile(rf"set:(?P<name>{WORD})/(?P<key>{WORD})(?:#(?P<number>[1-9][0-9]{{0,8}}))?")
_ALLOWED: Final = f"1 to {LONGEST} letters, digits, dots, dashes and underscores, the first a letter or digit"


class Numbered(NamedTuple):
    """A task of a set, and its place among those that were made under its key."""

    number: int
    task: ScheduledTask


def read_name(name: object, field: str, example: str) -> str:
    """Check the name of a set, or a key. Raises InvalidInput."""
    if not isinstance(name, str) or len(name) > LONGEST or _WORD.fullmatch(name) is None:
        raise InvalidInput(field, name, _ALLOWED, example)
    return name


def dedup_key_of(name: str, key: str, number: int = 1) -> str:
    """Return the dedup_key of the task that is made as *number* under a key of a set."""
    return f"set:{name}/{key}" if number == 1 else f"set:{name}/{key}#{number}"


def prefix_of(name: str) -> str:
    """Return the beginning of the dedup_keys of a set."""
    return f"set:{name}/"


def latest(tasks: Iterable[ScheduledTask]) -> tuple[dict[str, Numbered], list[ScheduledTask]]:
    """Return the latest task of each key, and the open ones before them."""
    found: dict[str, list[Numbered]] = {}
    for task in tasks:
        if match := _KEY.fullmatch(task.dedup_key or ""):
            found.setdefault(match["key"], []).append(Numbered(int(match["number"] or 1), task))
    last = {key: max(numbered, key=lambda each: each.number) for key, numbered in found.items()}
    rest = [each.task for key, numbered in found.items() for each in numbered if each.task is not last[key].task]
    return last, [each for each in rest if each.is_open]
