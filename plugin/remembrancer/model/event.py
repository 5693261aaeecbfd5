"""An event: something that happened to a task or an execution, as the graph's event log keeps it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from remembrancer.model.execution import ExecutionType, Reason  # noqa: TC001 (pydantic reads them)
from remembrancer.model.task_status import TaskStatus  # noqa: TC001 (pydantic reads the annotations at run time)


class EventKind(StrEnum):
    """Everything that can happen; an execution's end is named by its outcome."""

    TASK_CREATED = "task_created"
    TASK_DEFERRED = "task_deferred"
    TASK_CANCELLED = "task_cancelled"
    TASK_ENDED = "task_ended"
    """A one-time task had its run, or a task that cannot be read or planned was set aside."""
    EXECUTION_STARTED = "execution_started"
    """It was claimed, and its handler begins."""
    EXECUTION_PROGRESS = "execution_progress"
    EXECUTION_COMPLETED = "execution_completed"
    EXECUTION_FAILED = "execution_failed"
    EXECUTION_SKIPPED = "execution_skipped"
    EXECUTION_MISSED = "execution_missed"
    EXECUTION_SUPERSEDED = "execution_superseded"
    EXECUTION_DEFERRED = "execution_deferred"
    EXECUTION_CANCELLED = "execution_cancelled"
    GAP = "gap"
    """Events are lost to this reader: what follows is what is still kept."""


class Event(BaseModel):
    """One event. Which fields it has depends on its kind: docs/live.md has the table; the others are None."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: EventKind
    at: datetime
    cursor: str = ""
    """Where its reader stands once it has read it: hand it over to go on from there."""
    task_id: str | None = None
    execution_id: str | None = None
    name: str | None = None
    task_status: TaskStatus | None = None
    schedule_cron: str | None = None
    next_run_at: datetime | None = None
    deferral_id: str | None = None
    execution_type: ExecutionType | None = None
    replica_id: str | None = None
    attempt: int | None = None
    nominal_at: datetime | None = None
    last_nominal_at: datetime | None = None
    occurrences: int | None = None
    progress: float | None = None
    """Of the work, from 0 to 1, as its handler reports it."""
    progress_text: str | None = None
    duration_seconds: float | None = None
    reason_code: Reason | None = None
    reason: str | None = None
    """Its first 200 characters; the whole is with the execution, deferral or change."""
    lost: int | None = None
    """How many events a gap leaves out; None if that is not known."""


class EventPage(BaseModel):
    """Events in the order in which they happened, and where to go on."""

    model_config = ConfigDict(frozen=True)

    events: list[Event]
    cursor: str
