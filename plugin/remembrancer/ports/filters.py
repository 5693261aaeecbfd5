"""Filters of lists: tasks, pages of tasks."""

from __future__ import annotations

from dataclasses import dataclass, field

from remembrancer.model.task_status import TaskStatus, TaskType


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """A filter of tasks; empty *statuses* match any status.

    With *dedup_prefix*, only tasks whose dedup_key begins with it, in the order of their dedup_keys.
    """

    statuses: frozenset[TaskStatus] = field(default_factory=frozenset)
    recurring: bool | None = None
    limit: int = 1000
    dedup_prefix: str | None = None

    @property
    def types(self) -> list[TaskType]:
        """The types wanted: both, unless *recurring* says which."""
        return [each for each in TaskType if self.recurring in {None, each is TaskType.RECURRING}]


@dataclass(frozen=True, slots=True)
class TaskPageQuery:
    """A page of tasks of one status and type, the newest first; those below the id *before* if given."""

    status: TaskStatus
    task_type: TaskType
    limit: int
    before: str | None = None
