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
    """Its last run completed."""
    CANCELLED = "CANCELLED"
    """A caller cancelled it."""
    FAILED = "FAILED"
    """Its last run failed or did not take place, or it was quarantined."""


OPEN_STATUSES = frozenset({TaskStatus.PENDING, TaskStatus.ACTIVE})


class TaskType(StrEnum):
    """The number of a task's occurrences: one, or many."""

    ONE_TIME = "one_time"
    """One occurrence."""
    RECURRING = "recurring"
    """Many occurrences; finite schedules have an end."""
