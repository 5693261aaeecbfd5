"""Executions: the record of one occurrence, or of a burst of occurrences with the same outcome."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from remembrancer.model.addition import Cause, Detail  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.task_status import TaskType  # noqa: TC001 (pydantic reads the annotations at run time)


class ExecutionStatus(StrEnum):
    """Running, or one of the seven terminal outcomes."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"
    SUPERSEDED = "superseded"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"


TERMINAL_STATUSES: Final = frozenset(ExecutionStatus) - {ExecutionStatus.RUNNING}


class ExecutionType(StrEnum):
    """The origin of the occurrence."""

    CRON = "cron_trigger"
    ONE_TIME = "one_time_trigger"
    DEFERRED = "deferred_trigger"
    MANUAL = "manual_trigger"


class Reason(StrEnum):
    """Codes for why an occurrence did not simply succeed; the reason's text has the details."""

    HANDLER_FAILED = "handler_failed"
    """The handler returned `Failed`."""
    HANDLER_RAISED = "handler_raised"
    """The handler raised an exception."""
    TIMED_OUT = "timed_out"
    """The handler exceeded its timeout and was stopped."""
    DEFERRED_BY_HANDLER = "deferred_by_handler"
    """The handler returned `Defer`."""
    HELD_BY_DEFERRAL = "held_by_deferral"
    """Its time passed while the task was deferred to a later one."""
    MISFIRE_SKIPPED = "misfire_skipped"
    """Found after the grace period; the policy is `skip`."""
    MISFIRE_COALESCED = "misfire_coalesced"
    """Found after the grace period; one later run replaces it (`run_once`), or the backlog was full (`run_all`)."""
    HELD_BY_PAUSE = "held_by_pause"
    """Its time passed while the task was paused, and it was not to be made up for."""
    SKIP_REQUESTED = "skip_requested"
    """A caller asked to skip it."""
    RESCHEDULED = "rescheduled"
    """A caller moved it to another time; the reason names that."""
    SCHEDULE_CHANGED = "schedule_changed"
    """The task got another schedule after the time of this occurrence, and before it ran."""
    TASK_CANCELLED = "task_cancelled"
    """The task was cancelled: between the due time and the start of the handler, or while the handler ran."""
    QUARANTINED = "quarantined"
    """The task could not be read or planned, and was quarantined."""
    LEASE_EXPIRED = "lease_expired"
    """The scheduler that ran it died or lost its connection."""
    SHUTDOWN = "shutdown"
    """The scheduler stopped before the handler ended, or before it started."""


class Execution(BaseModel):
    """One `task_execution` node.

    A burst (occurrences > 1) covers all nominal times from `nominal_at` to `last_nominal_at`; a cancelled burst also
    covers a run that was deferred to a time between them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    execution_id: str
    occurrence_key: str
    task_id: str
    execution_type: ExecutionType
    task_type: TaskType
    status: ExecutionStatus
    nominal_at: datetime
    last_nominal_at: datetime | None = None
    occurrences: int = 1
    triggered_at: datetime
    trigger_delay_ms: int | None = None
    """Delay of a scheduled run after its task's armed time, or after the task's creation if that was later.

    None for a run without a schedule.
    """
    completed_at: datetime | None = None
    duration_seconds: float | None = None
    attempt: int = 1
    fence: int = 0
    replica_id: str | None = None
    reason_code: Reason | None = None
    reason: str | None = None
    result: str | None = None
    """The handler's result as text, at most 10,000 characters."""
    progress: float | None = None
    """The last progress reported by the handler, 0 to 1."""
    progress_text: str | None = None
    thought_id: str | None = None
    """The thought that this execution created."""
    cause: Cause | None = None
    """The origin of an occurrence that the schedule does not name; None for one that it names."""
    cause_detail: Detail = None
    """More about the cause, such as the time in the past that a backfill makes up for, in `nominal_at`."""
    trace_id: str | None = None
    """The trace id of its run, 32 hexadecimal digits; None without a recorded trace."""
    span_id: str | None = None
