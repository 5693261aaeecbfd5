"""Blocked tasks: each with the tasks in its way, down to the root, and what would let it run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictInt

from remembrancer.model.blocked import BlockedTask, BlockStep, RelatedTask, TaskDependencies
from remembrancer.model.constraints import read_limit
from remembrancer.model.dependency import OnFailure
from remembrancer.model.question import question_from
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_iso
from remembrancer.operations.operation import AnyOperation, Http, Operation, Params
from remembrancer.operations.parameters import OneTask
from remembrancer.policies.dependencies.policy import task_waited_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

_ROUNDS: Final = 50
"""Tasks on one path at most: what is still further down is left out."""


class BlockedTasks(Params):
    """The most blocked tasks to return."""

    limit: Annotated[StrictInt, Field(description="The most blocked tasks to return.")] = 100


BLOCKED: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="blocked_tasks",
        summary="Return the tasks that wait for others: for what, down to the root, and what would let them run.",
        params=BlockedTasks,
        result=list[BlockedTask],
        http=(Http(verb="GET", path="/scheduler/blocked"),),
    ),
    Operation(
        name="task_dependencies",
        summary="Return the tasks that a task depends on, and the open ones that depend on it.",
        params=OneTask,
        result=TaskDependencies,
        http=(Http(verb="GET", path="/scheduler/tasks/{task_id}/dependencies"),),
    ),
)
"""Dependencies, and what they block."""


async def blocked_tasks(store: Graph, limit: int) -> list[BlockedTask]:
    """Return the tasks that wait for others, those first that have waited longest."""
    waiting = await store.dependencies.waiting(None, None, read_limit(limit))
    known = {each.task_id: each for each in waiting}
    missing = {other for each in waiting if (other := task_waited_for(each)) and other not in known}
    for _ in range(_ROUNDS):
        if not missing:
            break
        found = await store.dependencies.tasks(missing)
        known |= found
        missing = {other for each in found.values() if (other := task_waited_for(each)) and other not in known}
    ordered = sorted(waiting, key=lambda each: (each.waits_since_ms or 0, each.task_id))
    paths = {each.task_id: _path(each, known) for each in ordered}
    failed = {path[-1].task_id for path in paths.values() if path and path[-1].status is TaskStatus.FAILED}
    letters = {each: [one.dead_letter_id for one in await store.dead_letters.all(each, 1)] for each in sorted(failed)}
    return [_blocked(each, paths[each.task_id], known, letters) for each in ordered]


async def task_dependencies(store: Graph, task_id: str) -> TaskDependencies:
    """Return both ends of the dependencies of a task. Raises TaskNotFound."""
    task = await store.tasks.get(task_id)
    others = await store.dependencies.related({each.task for each in task.depends_on})
    dependents = await store.dependencies.dependents([task_id])
    return TaskDependencies(
        task_id=task_id,
        depends_on=[
            RelatedTask(
                task_id=each.task,
                name=others[each.task].name if each.task in others else each.task,
                status=TaskStatus(others[each.task].status) if each.task in others else None,
                on_failure=each.on_failure,
            )
            for each in task.depends_on
        ],
        dependents=[
            RelatedTask(
                task_id=each.task.task_id,
                name=each.task.name,
                status=TaskStatus(each.task.status),
                on_failure=OnFailure(each.on_failure),
            )
            for each in dependents
        ],
    )


async def dependents_warnings(store: Graph, task_ids: Sequence[str], act: str) -> list[str]:
    """Return a sentence for each task that depends on tasks which have ended."""
    ended = set(task_ids)
    told: list[str] = []
    for each in await store.dependencies.dependents(task_ids):
        if each.task.task_id in ended:
            continue
        effect = {
            OnFailure.BLOCK: "is blocked when it is due",
            OnFailure.IGNORE: "runs all the same",
            OnFailure.CANCEL: "is cancelled when it is due",
        }[OnFailure(each.on_failure)]
        told.append(f"{each.task.name} ({each.task.task_id}) depends on the {act} task: it {effect}.")
    return told


def _path(task: ScheduledTask, known: Mapping[str, ScheduledTask]) -> list[BlockStep]:
    path: list[BlockStep] = []
    seen = {task.task_id}
    other = task_waited_for(task)
    while other is not None and other not in seen:
        seen.add(other)
        path.append(_step(other, known.get(other)))
        standing = known.get(other)
        other = None if standing is None else task_waited_for(standing)
    return path


def _blocked(
    task: ScheduledTask,
    path: list[BlockStep],
    known: Mapping[str, ScheduledTask],
    letters: Mapping[str, Sequence[str]],
) -> BlockedTask:
    return BlockedTask(
        task_id=task.task_id,
        name=task.name,
        nominal_at=None if task.nominal_ms is None else from_ms(task.nominal_ms),
        waits_since=None if task.waits_since_ms is None else from_ms(task.waits_since_ms),
        reason=task.wait_reason or "",
        path=path,
        unblock=_unblock(task, path, known, letters),
    )


def _step(task_id: str, task: ScheduledTask | None) -> BlockStep:
    """Return a task in the way, and why nothing has come of it."""
    if task is None:
        return BlockStep(task_id=task_id, name=task_id, reason="It is not there, or cannot be read.")
    return BlockStep(task_id=task_id, name=task.name, status=task.status, reason=_reason(task))


def _reason(task: ScheduledTask) -> str:
    if task.wait_reason is not None:
        return task.wait_reason
    if not task.is_open:
        return f"It has ended as {task.status}."
    if task.question is not None:
        return f"It waits for an answer to: {question_from(task.question).question}"
    if task.paused_at is not None:
        until = "until it is resumed" if task.paused_until is None else f"until {to_iso(task.paused_until)}"
        return f"It is paused {until}."
    if task.next_run_ms is not None:
        return f"It is due at {to_iso(from_ms(task.next_run_ms))}."
    return "It runs, or waits for something to happen."


def _unblock(
    task: ScheduledTask,
    path: Sequence[BlockStep],
    known: Mapping[str, ScheduledTask],
    letters: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return what would let a task run: at the root first, then at the task itself."""
    told: list[str] = []
    if path:
        root = known.get(path[-1].task_id)
        name = f"{path[-1].name} ({path[-1].task_id})"
        if root is not None and root.is_open and root.paused_at is not None:
            told.append(f"Resume {name}: `remembrancer resume {root.task_id}`.")
        elif root is not None and root.question is not None:
            told.append(f"Answer the question of {name}: `remembrancer answer {root.task_id} …`.")
        elif root is not None and root.is_open:
            told.append(f"Run {name} now, so that it completes: `remembrancer run-now {root.task_id}`.")
        told += [
            f"Run {name} again, so that it completes: `remembrancer dead-letter run {letter}`."
            for letter in letters.get(path[-1].task_id, ())
        ]
    told.append(f"Change `depends_on` or `trigger_rule` of {task.name} ({task.task_id}).")
    told.append(f"Run {task.name} ({task.task_id}) now, without waiting: `remembrancer run-now {task.task_id}`.")
    return told
