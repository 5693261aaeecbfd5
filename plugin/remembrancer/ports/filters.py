"""Filters of lists: tasks, pages of tasks, executions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.model.task_status import TaskStatus, TaskType

if TYPE_CHECKING:
    from remembrancer.model.execution import ExecutionStatus
    from remembrancer.model.task import ScheduledTask


@dataclass(frozen=True, slots=True)
class TaskMatch:
    """The properties of the tasks that are looked for; None and an empty list match any.

    Args:
        name: The name, exactly.
        tags: Words, all of which the task has.
        group: The group.
        text: A part of the name, the goal or the prompt, in capital or small letters.
        paused: Whether only paused tasks match, and those that have yet to make up for what a pause held.
    """

    name: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    text: str | None = None
    paused: bool = False

    def takes(self, task: ScheduledTask) -> bool:
        """Return whether a task matches, as the graph finds it."""
        texts = (task.name, task.goal_description, task.trigger_prompt)
        return (
            self.name in {None, task.name}
            and self.group in {None, task.group}
            and set(self.tags) <= set(task.tags)
            and (self.text is None or any(self.text.lower() in text.lower() for text in texts))
            and not (self.paused and task.paused_at is None)
        )


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """A filter of tasks; empty *statuses* match any status, and no *match* any task.

    With *waiting*, only tasks whose occurrence has come and waits for something, by what they wait for and in the order
    in which they are served. With *dedup_prefix*, only tasks whose dedup_key begins with it, in the order of their
    dedup_keys. With *ids*, only those of these tasks that are there, in the order of their ids.
    """

    statuses: frozenset[TaskStatus] = field(default_factory=frozenset)
    recurring: bool | None = None
    limit: int = 1000
    match: TaskMatch | None = None
    dedup_prefix: str | None = None
    ids: frozenset[str] | None = None
    waiting: bool = False

    @property
    def types(self) -> list[TaskType]:
        """The types wanted: both, unless *recurring* says which."""
        return [each for each in TaskType if self.recurring in {None, each is TaskType.RECURRING}]

    def takes(self, task: ScheduledTask) -> bool:
        """Return whether the status, the type and the properties of a task match."""
        return (
            (not self.statuses or task.status in self.statuses)
            and task.task_type in self.types
            and (self.match is None or self.match.takes(task))
        )


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """A filter of executions: with one of these *statuses*, and an id from *first* on; no statuses match any."""

    statuses: frozenset[ExecutionStatus] = field(default_factory=frozenset)
    first: str = ""


@dataclass(frozen=True, slots=True)
class TaskPageQuery:
    """A page of tasks of one status and type, the newest first; those below the id *before* if given."""

    status: TaskStatus
    task_type: TaskType
    limit: int
    before: str | None = None
    match: TaskMatch | None = None
