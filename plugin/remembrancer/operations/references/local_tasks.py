"""Schedules that refer to tasks of the same call, or of the same set: in which order these are made.

A task is named by its key, its `dedup_key` or its name, as among dependencies. Such a name counts before the ids of the
graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput
from remembrancer.model.reacting_schedules import After
from remembrancer.operations.dependencies.resolution import LocalNames
from remembrancer.operations.references.resolution import may_refer
from remembrancer.operations.requested_schedule import value_given
from remembrancer.schedules.references import references_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.operations.dependencies.resolution import LocalTask

_EXAMPLE = "task_1723644600.123_9f3k2a"


def followed_within(tasks: Sequence[LocalTask], schedules: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Return for each task whose schedule refers to others of *tasks* these, by the words that name them.

    Args:
        tasks: The tasks of the call, each by a word of its own in place of an id.
        schedules: Their schedules by these words, as they are asked for.

    Raises:
        InvalidInput: Several tasks have a name that a schedule refers to.
    """
    named = {each: found for each, given in schedules.items() if (found := _named(given))}
    if not named:
        return {}
    local = LocalNames(tasks)
    followed = {
        each: {name: other for name in sorted(names) if (other := local.find(name, "task_id")) is not None}
        for each, names in named.items()
    }
    return {each: others for each, others in followed.items() if others}


def in_order(words: Sequence[str], followed: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the words of tasks, each after those that it follows. Raises InvalidInput: some follow each other."""
    ordered: dict[str, None] = {}
    for start in words:
        trail = [start]
        while trail:
            before = [each for each in followed.get(trail[-1], {}).values() if each not in ordered]
            if not before:
                ordered[trail.pop()] = None
            elif before[0] in trail:
                raise _circle(trail[trail.index(before[0]) :], followed)
            else:
                trail.append(before[0])
    return [*ordered]


def _named(given: object) -> frozenset[str]:
    """Return the words by which a schedule refers to other tasks; none of one that is refused later."""
    if given is None or not may_refer(given):
        return frozenset()
    try:
        value = value_given(given)
    except InvalidInput:
        return frozenset()
    found = {value.task_id} if isinstance(value, After) else references_in(value).tasks
    return frozenset(each for each in found if isinstance(each, str))  # pyright: ignore[reportUnnecessaryIsInstance]


def _circle(path: Sequence[str], followed: Mapping[str, Mapping[str, str]]) -> InvalidInput:
    """Return the refusal of tasks that follow each other."""
    steps = zip(path, [*path[1:], path[0]], strict=True)
    names = [next(name for name, other in followed[each].items() if other == following) for each, following in steps]
    told = " -> ".join([*names, names[0]])
    return InvalidInput(
        "task_id", names[0], f"tasks that do not follow each other; each of these would: {told}", _EXAMPLE
    )
