"""A declared set of tasks, and the answer to its application."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from remembrancer.model.task import FieldChange
from remembrancer.model.task_status import TaskStatus


class SetAction(StrEnum):
    """The effect of an application on one task of the set."""

    CREATED = "created"
    """There was no task under the key, or it was cancelled."""
    CHANGED = "changed"
    """The task has other fields now."""
    REPLACED = "replaced"
    """The task was cancelled and another one made: it runs once now and ran again and again before, or the reverse."""
    UNCHANGED = "unchanged"
    """The task is as declared; nothing was written."""
    ENDED = "ended"
    """The task is complete or failed, and what is declared names no other time ahead; nothing was written."""
    REMOVED = "removed"
    """The task is declared no more, and was cancelled."""
    KEPT = "kept"
    """The task is declared no more, and goes on, since `prune` was not asked for."""


class DeclaredTask(BaseModel):
    """A task of a set: the effect of the application on it, and its fires before and after."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Its key in the set."""
    action: SetAction
    """The effect of the application on it."""
    task_id: str | None
    """None in a dry run for a task that is still to be made."""
    name: str
    """Its name."""
    status: TaskStatus = TaskStatus.PENDING
    """Its status after the application."""
    changed: dict[str, FieldChange] = Field(default_factory=dict[str, FieldChange])
    """By the name of the field."""
    fires_before: list[datetime] = Field(default_factory=list[datetime])
    """The next times (UTC) at which it would have fired without the application; empty where nothing changes."""
    fires_after: list[datetime] = Field(default_factory=list[datetime])
    """The next times (UTC) at which it fires; empty where nothing changes."""
    description: str = ""
    """Its schedule in English, where something changes."""
    warnings: list[str] = Field(default_factory=list[str])
    """Points that a careful reader of its schedule would raise."""


class AppliedSet(BaseModel):
    """The answer to the application of a set: what became of each task, in the order of the declaration."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The name of the set."""
    dry_run: bool = False
    """True if nothing was written."""
    tasks: list[DeclaredTask]
    """Each task, in the order of the declaration."""

    def count(self, action: SetAction) -> int:
        """Return the number of tasks with this effect."""
        return sum(each.action is action for each in self.tasks)
