"""An execution: what became of one occurrence (or of a burst of them that shared one fate)."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

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
    """What made the occurrence due."""

    CRON = "cron_trigger"
    ONE_TIME = "one_time_trigger"
    DEFERRED = "deferred_trigger"
    MANUAL = "manual_trigger"


class Reason(StrEnum):
    """The closed list of codes for why an occurrence did not simply succeed; the text beside it says the rest."""

    HANDLER_FAILED = "handler_failed"
    """The handler answered `failed`."""
    HANDLER_RAISED = "handler_raised"
    """The handler raised an exception."""
    TIMED_OUT = "timed_out"
    """The handler ran past its deadline and was stopped."""
    DEFERRED_BY_HANDLER = "deferred_by_handler"
    """The handler answered `defer`."""
    HELD_BY_DEFERRAL = "held_by_deferral"
    """The moment passed while the task was put off to a later one."""
    MISFIRE_SKIPPED = "misfire_skipped"
    """Found later than the grace; the policy is `skip`."""
    MISFIRE_COALESCED = "misfire_coalesced"
    """Found later than the grace; a later one stands for it (`run_once`), or the backlog was full (`run_all`)."""
    TASK_CANCELLED = "task_cancelled"
    """The task was cancelled: after the moment had come and before the handler began, or while it ran."""
    QUARANTINED = "quarantined"
    """The task could not be read or planned, and was set aside."""
    LEASE_EXPIRED = "lease_expired"
    """The scheduler that ran it died or was cut off."""
    SHUTDOWN = "shutdown"
    """The scheduler stopped before the handler was done, or before it began."""


class Execution(BaseModel):
    """One `task_execution` node.

    A burst (occurrences > 1) stands for all schedule moments from `nominal_at` to `last_nominal_at`; one that was
    cancelled stands also for a run that had been put off to between them.
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
    """How much later than its task was armed for, or made if that was later, the schedule's run began.

    None for one that no schedule began.
    """
    completed_at: datetime | None = None
    duration_seconds: float | None = None
    attempt: int = 1
    fence: int = 0
    replica_id: str | None = None
    reason_code: Reason | None = None
    reason: str | None = None
    result: str | None = None
    """What the handler answered, as text, at most 10,000 characters."""
    progress: float | None = None
    """How far the handler has come, 0 to 1, as it last reported."""
    progress_text: str | None = None
    thought_id: str | None = None
    """The thought that this execution created."""
    trace_id: str | None = None
    """The trace of its run, 32 hexadecimal digits, where one was kept."""
    span_id: str | None = None
