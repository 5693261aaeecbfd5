"""Events: changes of tasks and executions, as stored in the graph's event log."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from remembrancer.model.execution import ExecutionType, Reason  # noqa: TC001 (pydantic reads them)
from remembrancer.model.task_status import TaskStatus  # noqa: TC001 (pydantic reads the annotations at run time)


class EventKind(StrEnum):
    """The kinds of events; the end of an execution is named by its outcome."""

    TASK_CREATED = "task_created"
    TASK_DEFERRED = "task_deferred"
    TASK_PAUSED = "task_paused"
    TASK_RESUMED = "task_resumed"
    """A caller ended its pause; a pause with an end ends without an event."""
    TASK_UPDATED = "task_updated"
    TASK_CANCELLED = "task_cancelled"
    TASK_ENDED = "task_ended"
    """A one-time task had its run, or a task that cannot be read or planned was quarantined."""
    EXECUTION_STARTED = "execution_started"
    """It was claimed, and its handler starts."""
    EXECUTION_PROGRESS = "execution_progress"
    EXECUTION_COMPLETED = "execution_completed"
    EXECUTION_FAILED = "execution_failed"
    EXECUTION_SKIPPED = "execution_skipped"
    EXECUTION_MISSED = "execution_missed"
    EXECUTION_SUPERSEDED = "execution_superseded"
    EXECUTION_DEFERRED = "execution_deferred"
    EXECUTION_CANCELLED = "execution_cancelled"
    GAP = "gap"
    """Events before this point are no longer stored; the stream continues with those that are."""


class Event(BaseModel):
    """One event. Its kind says which fields it has (docs/reference/events.md); the others are None."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: EventKind
    at: datetime
    cursor: str = ""
    """The reader's position after this event: pass it to continue from there."""
    task_id: str | None = None
    execution_id: str | None = None
    name: str | None = None
    task_status: TaskStatus | None = None
    schedule_cron: str | None = None
    next_run_at: datetime | None = None
    paused_until: datetime | None = None
    """The end of a pause; None: until the task is resumed."""
    deferral_id: str | None = None
    execution_type: ExecutionType | None = None
    replica_id: str | None = None
    attempt: int | None = None
    nominal_at: datetime | None = None
    last_nominal_at: datetime | None = None
    occurrences: int | None = None
    progress: float | None = None
    """The progress reported by the handler, 0 to 1."""
    progress_text: str | None = None
    duration_seconds: float | None = None
    reason_code: Reason | None = None
    reason: str | None = None
    """The first 200 characters; the execution, deferral or change has the whole text."""
    lost: int | None = None
    """The number of events missing in a gap; None if it is unknown."""


class EventPage(BaseModel):
    """Events in the order of their occurrence, and the cursor to continue from."""

    model_config = ConfigDict(frozen=True)

    events: list[Event]
    cursor: str
