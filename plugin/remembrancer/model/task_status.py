"""The states and the types of a task."""

from __future__ import annotations

from enum import StrEnum


class TaskStatus(StrEnum):
    """The specification's five states of a task."""

    PENDING = "PENDING"
    """Waiting for its first occurrence."""
    ACTIVE = "ACTIVE"
    """Has fired and goes on, or is firing for its only time."""
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


OPEN_STATUSES = frozenset({TaskStatus.PENDING, TaskStatus.ACTIVE})


class TaskType(StrEnum):
    """The number of a task's occurrences: one, or many."""

    ONE_TIME = "one_time"
    RECURRING = "recurring"
