"""The dependencies of tasks, by id: names resolved, lengths read, circles refused with their path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.dependency import LATEST, PERIOD, Dependency, OnFailure, TriggerRule
from remembrancer.model.task_status import TaskStatus
from remembrancer.policies.dependencies.joins import LONGEST, delay_ms, window_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.dependencies import KnownTask
    from remembrancer.ports.graph import Graph

_EXAMPLE: Final = "task_1723644600.123_9f3k2a"
_DEAD: Final = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})


class LocalTask(NamedTuple):
    """A task that is made by the same call, or belongs to the same set."""

    task_id: str
    names: tuple[str, ...]
    """The words by which others of the call may name it: its key, its dedup_key, its name."""


class LocalNames:
    """The words by which the tasks of one call may name each other.

    Args:
        tasks: The tasks of the call.
    """

    def __init__(self, tasks: Sequence[LocalTask] = ()) -> None:
        self._ids: dict[str, set[str]] = {}
        for each in tasks:
            for name in each.names:
                self._ids.setdefault(name, set()).add(each.task_id)

    def knows(self, name: str) -> bool:
        """Return whether a task of the call has this name."""
        return name in self._ids

    def find(self, name: str, field: str) -> str | None:
        """Return the id of the task of this name; None without one. Raises InvalidInput: several have it."""
        found = self._ids.get(name, set())
        if len(found) > 1:
            raise InvalidInput(field, name, "the key of one task; several of this call have this name", _EXAMPLE)
        return next(iter(found), None)


async def resolved_dependencies(
    store: Graph, tasks: Sequence[ScheduledTask], local: LocalNames | None = None, new: Sequence[ScheduledTask] = ()
) -> list[ScheduledTask]:
    """Return *tasks* with the ids of those that they depend on.

    A new task closes no circle with tasks that were there before: nothing waits for it yet.

    Args:
        store: The graph.
        tasks: Those whose dependencies may be names.
        local: The names that count before those of the graph.
        new: The tasks that are made by the same call.

    Raises:
        InvalidInput: A task is not there, or tasks of this call would wait for each other.
    """
    if not any(task.depends_on for task in tasks):
        return list(tasks)
    local = local or LocalNames()
    made = {each.task_id for each in new}
    there = await store.dependencies.related(
        {each.task for task in tasks for each in task.depends_on if not local.knows(each.task)} - made
    )
    found = [await _resolved(store, task, local, made | there.keys()) for task in tasks]
    refuse_circles(found)
    return found


async def checked_dependencies(store: Graph, before: ScheduledTask, after: ScheduledTask) -> int | None:
    """Refuse a change of a task by which it would wait for itself; return the edition of dependencies that it needs.

    None for a change that lets it wait for no other task than before. Raises InvalidInput.
    """
    new = {each.task for each in after.depends_on} - {each.task for each in before.depends_on}
    follows = after.runs_after_id if after.runs_after_id != before.runs_after_id else None
    others = sorted(new | {follows} if follows else new)
    if not others:
        return None
    edition = await store.dependencies.edition()
    for other in others:
        path = await store.dependencies.path(other, after.task_id)
        if path:
            field = "depends_on" if other in new else "schedule"
            raise _circle(field, [after.task_id, *(each.task_id for each in path)], _names(after, path))
    return edition


async def warnings_about(store: Graph, tasks: Sequence[ScheduledTask]) -> dict[str, list[str]]:
    """Return by its id what the author of a task should know of those that it depends on: which ended in failure."""
    if not any(task.depends_on for task in tasks):
        return {}
    found = await store.dependencies.related({each.task for task in tasks for each in task.depends_on})
    return {task.task_id: told for task in tasks if (told := _warnings(task, found))}


def _warnings(task: ScheduledTask, others: Mapping[str, KnownTask]) -> list[str]:
    told: list[str] = []
    for each in task.depends_on if task.trigger_rule is not TriggerRule.ALL_DONE else ():
        other = others.get(each.task)
        if other is None or other.status not in _DEAD or each.on_failure is OnFailure.IGNORE:
            continue
        effect = "is blocked" if each.on_failure is OnFailure.BLOCK else "is cancelled when it is due"
        told.append(f"It depends on {other.name} ({each.task}), which has ended as {other.status}: it {effect}.")
    return told


async def _resolved(store: Graph, task: ScheduledTask, local: LocalNames, there: set[str]) -> ScheduledTask:
    if not task.depends_on:
        return task
    found: list[Dependency] = []
    for place, each in enumerate(task.depends_on):
        field = f"depends_on[{place}]"
        _check_lengths(each, field)
        other = local.find(each.task, f"{field}.task") or await _known(store, each.task, f"{field}.task", there)
        if other == task.task_id:
            raise _circle("depends_on", [task.task_id, task.task_id], {task.task_id: task.name})
        found.append(each if other == each.task else replace(each, task=other))
    ids = [each.task for each in found]
    if twice := next((each for each in ids if ids.count(each) > 1), None):
        raise InvalidInput("depends_on", twice, "each task once", _EXAMPLE)
    return task.model_copy(update={"depends_on": tuple(found)})


def _check_lengths(each: Dependency, field: str) -> None:
    """Refuse a delay or a window that is no length of time. Raises InvalidInput."""
    if each.delay is not None and not 0 <= delay_ms(each, f"{field}.delay") <= LONGEST:
        raise InvalidInput(f"{field}.delay", each.delay, "a length of time up to 366d", "5m")
    if each.window not in {PERIOD, LATEST} and not 0 < window_ms(each, f"{field}.window") <= LONGEST:
        raise InvalidInput(f"{field}.window", each.window, "period, latest, or a length of time up to 366d", "24h")


async def _known(store: Graph, name: str, field: str, there: set[str]) -> str:
    """Return the id of a task of the graph, by its id or its dedup_key. Raises InvalidInput."""
    if name in there:
        return name
    held = await store.tasks.find_by_dedup_key(name)
    if held is None:
        allowed = "the id or the key of a task in this graph, or the name of a task of the same call"
        if ":" in name:
            allowed += f"; after its last colon, if any: {', '.join(OnFailure)}"
        raise InvalidInput(field, name, allowed, _EXAMPLE)
    return held.task_id


def refuse_circles(tasks: Sequence[ScheduledTask]) -> None:
    """Refuse tasks of one call that wait for each other. Raises InvalidInput."""
    waits = {
        task.task_id: [*(each.task for each in task.depends_on), *([task.runs_after_id] if task.runs_after_id else ())]
        for task in tasks
    }
    names = {task.task_id: task.name for task in tasks}
    done: set[str] = set()
    for start, first in waits.items():
        trail: dict[str, None] = {start: None}
        steps = [(start, iter(first))] if start not in done else []
        while steps:
            task_id, others = steps[-1]
            other = next((each for each in others if each in waits and each not in done), None)
            if other is None:
                steps.pop()
                done.add(task_id)
                trail.pop(task_id, None)
            elif other in trail:
                path = [*trail]
                raise _circle("depends_on", [*path[path.index(other) :], other], names)
            else:
                trail[other] = None
                steps.append((other, iter(waits[other])))


def _names(task: ScheduledTask, path: Sequence[KnownTask]) -> Mapping[str, str]:
    return {**{each.task_id: each.name for each in path}, task.task_id: task.name}


def _circle(field: str, path: Sequence[str], names: Mapping[str, str]) -> InvalidInput:
    """Return the refusal of a circle, with its path by names and ids: each task waits for the next."""
    told = " -> ".join(f"{names.get(each, each)} ({each})" for each in path)
    allowed = f"tasks that do not wait for this one; each of these would wait for the next: {told}"
    return InvalidInput(field, path[1], allowed, [_EXAMPLE])
