"""Edits of many tasks at once: the tasks that are selected, and the answer that says what happened to each."""

from __future__ import annotations

from collections.abc import Collection  # noqa: TC003 (read at run time)
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, Field

from remembrancer.model.task import FieldChange
from remembrancer.model.task_status import TaskStatus  # noqa: TC001 (read at run time)


class TaskSelection(TypedDict, total=False):
    """The keyword arguments that select open tasks: those that match all that is given, or all tasks."""

    name: str | None
    """The name, exactly."""
    tags: Collection[str]
    """Words, all of which the task has."""
    group: str | None
    """The group."""
    text: str | None
    """A part of the name, the goal or the prompt, in capital or small letters."""
    statuses: Collection[TaskStatus | str]
    """PENDING or ACTIVE: only tasks of these; both unless given."""
    all: bool
    """True selects all open tasks. Without any other argument it is needed: an empty selection is refused."""


class BulkOutcome(StrEnum):
    """The effect of an edit of many tasks on one of them."""

    CHANGED = "changed"
    """It was changed; in a dry run, it would be."""
    UNCHANGED = "unchanged"
    """It is as asked for already, or the same request has changed it before."""
    GONE = "gone"
    """It ended, or matched no more, after it was found."""
    REFUSED = "refused"
    """The change does not fit this task; `error` says why."""
    FAILED = "failed"
    """The graph did not take the change; `error` says why."""


class BulkTask(BaseModel):
    """One task in the answer to an edit of many."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The id of the task."""
    name: str
    """Its name."""
    outcome: BulkOutcome
    """The effect of the edit on it."""
    fires_before: list[datetime] = Field(default_factory=list[datetime])
    """Up to five times (UTC) at which it would have fired without the change."""
    fires_after: list[datetime] = Field(default_factory=list[datetime])
    """Up to five times (UTC) at which it fires with it."""
    changed: dict[str, FieldChange] = Field(default_factory=dict[str, FieldChange])
    """The fields that an update changes; a value of more than 100 characters is cut."""
    missed: int = 0
    """Occurrences that the pause held which a resumption ends."""
    runs: int = 0
    """So many of them run; the others are skipped."""
    stopping: list[str] = Field(default_factory=list[str])
    """Executions of a cancelled task that were asked to stop."""
    error: str | None = None
    """The reason why it was refused or failed."""


class BulkResult(BaseModel):
    """The answer to an edit of many tasks: how many had each outcome, and each task with its own."""

    model_config = ConfigDict(frozen=True)

    action: str
    """pause, resume, update or cancel."""
    dry_run: bool
    """True if nothing was written."""
    counts: dict[BulkOutcome, int]
    """The number of tasks of each outcome; without those that no task had."""
    tasks: list[BulkTask]
    """The tasks that were selected, the next to run first."""
    warnings: list[str] = Field(default_factory=list[str])
    """Sentences on what a caller may not expect; most edits have none."""
