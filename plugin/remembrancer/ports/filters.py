"""Filters: which tasks and changes a list holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from remembrancer.model.policy import TaskStatus, TaskType


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to find; an empty *statuses* means any."""

    statuses: frozenset[TaskStatus] = field(default_factory=frozenset)
    recurring: bool | None = None
    limit: int = 1000

    @property
    def types(self) -> list[TaskType]:
        """The types wanted: both, unless *recurring* says which."""
        return [each for each in TaskType if self.recurring in {None, each is TaskType.RECURRING}]
