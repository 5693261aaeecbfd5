"""Executions: the record of one occurrence, or of a burst of occurrences with the same outcome."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, field_validator

from remembrancer.model.addition import Cause, Detail  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.json_bounds import read_stored
from remembrancer.model.task_status import TaskType  # noqa: TC001 (pydantic reads the annotations at run time)


class ExecutionStatus(StrEnum):
    """Running, or one of the seven terminal outcomes."""

    RUNNING = "running"
    """Its handler runs; it has no outcome yet."""
    COMPLETED = "completed"
    """The handler was done."""
    FAILED = "failed"
    """The handler failed, was stopped at its deadline, or was lost with its scheduler."""
    SKIPPED = "skipped"
    """It did not run: its time passed in a pause, another run was in its way, or its task was quarantined."""
    MISSED = "missed"
    """It was found after the grace period and did not run."""
    SUPERSEDED = "superseded"
    """It did not run: the task got another schedule after its time."""
    DEFERRED = "deferred"
    """The handler moved it to a later time, or its time passed while the task was deferred."""
    CANCELLED = "cancelled"
    """Its task was cancelled, another run took its place, or the scheduler stopped before it began."""


TERMINAL_STATUSES: Final = frozenset(ExecutionStatus) - {ExecutionStatus.RUNNING}


class ExecutionType(StrEnum):
    """The origin of the occurrence."""

    CRON = "cron_trigger"
    """An occurrence of a recurring schedule."""
    ONE_TIME = "one_time_trigger"
    """The occurrence of a one-time task."""
    DEFERRED = "deferred_trigger"
    """A run that a deferral moved."""
    MANUAL = "manual_trigger"
    """A run that a caller asked for."""


class Reason(StrEnum):
    """Codes for why an occurrence did not simply succeed; the reason's text has the details."""

    HANDLER_FAILED = "handler_failed"
    """The handler returned `Failed`."""
    HANDLER_RAISED = "handler_raised"
    """The handler raised an exception."""
    WORKER_LOST = "worker_lost"
    """The worker that held it was not heard of within its lease."""
    RETRY_REQUESTED = "retry_requested"
    """The handler returned `Retry`."""
    TIMED_OUT = "timed_out"
    """The handler exceeded its timeout and was stopped."""
    DEFERRED_BY_HANDLER = "deferred_by_handler"
    """The handler returned `Defer`."""
    ASKED = "asked"
    """The handler returned `Ask`: the run waits for an answer."""
    NO_ANSWER = "no_answer"
    """It waited for an answer, and none came in time."""
    ANSWERED_NO = "answered_no"
    """It waited for an answer, and the answer was no."""
    DEFERRALS_EXHAUSTED = "deferrals_exhausted"
    """The handler returned `Defer`, and the task's limit of deferrals in a row is reached."""
    TIMER_REFUSED = "timer_refused"
    """The handler returned `Defer` or `Ask`, and the host does not let that be put on a timer."""
    HELD_BY_DEFERRAL = "held_by_deferral"
    """Its time passed while the task was deferred to a later one, or a caller's deferral outranked its handler's."""
    MISFIRE_SKIPPED = "misfire_skipped"
    """Found after the grace period; the policy is `skip`."""
    MISFIRE_COALESCED = "misfire_coalesced"
    """Found after the grace period; one later run replaces it (`run_once`), or the backlog was full (`run_all`)."""
    MISFIRE_TOO_OLD = "misfire_too_old"
    """Found so long after its time that it is not caught up with: beyond `misfire_age_seconds`."""
    DEADLINE_PASSED = "deadline_passed"
    """It had not begun by its deadline, whatever it waited for."""
    HELD_BY_PAUSE = "held_by_pause"
    """Its time passed while the task was paused, and it was not to be made up for."""
    HELD_BY_HALT = "held_by_halt"
    """Its time passed while the scheduler was halted; a later run replaces it, or its `misfire` is `skip`."""
    SKIP_REQUESTED = "skip_requested"
    """A caller asked to skip it."""
    RESCHEDULED = "rescheduled"
    """A caller moved it to another time; the reason names that."""
    BUDGET_EXHAUSTED = "budget_exhausted"
    """The budget of its lineage had nothing left for it; the reason says of what."""
    SCHEDULE_CHANGED = "schedule_changed"
    """The task got another schedule after the time of this occurrence, and before it ran."""
    DEPENDENCY_FAILED = "dependency_failed"
    """A task that it depends on has an outcome that cancels it."""
    DEPENDENCY_UNMET = "dependency_unmet"
    """The outcomes that it depends on had not come when the next occurrence of its task was due."""
    OVERLAP = "overlap"
    """Another execution was in its way; the reason names that."""
    REPLACED = "replaced"
    """An occurrence came that was to run in its place; the reason names its task."""
    TASK_CANCELLED = "task_cancelled"
    """The task was cancelled: between the due time and the start of the handler, or while the handler ran."""
    STOPPED_BY_HALT = "stopped_by_halt"
    """The scheduler was halted while it ran, and running executions were to stop."""
    QUARANTINED = "quarantined"
    """The task could not be read or planned, and was quarantined."""
    NEXT_CHECK_CLAMPED = "next_check_clamped"
    """It completed; the next check that its handler asked for is outside of the bounds of the task, and was moved."""
    NEXT_CHECK_REFUSED = "next_check_refused"
    """It completed; the next check that its handler asked for is no time, or its task is not of kind `paced`."""
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
    """The key of the execution: one attempt at one occurrence."""
    occurrence_key: str
    """Nominal time, task and attempt: unique, so that no two schedulers run the same attempt."""
    task_id: str
    """The task that was executed."""
    execution_type: ExecutionType
    """The origin of the occurrence."""
    task_type: TaskType
    """The type of its task at that time."""
    status: ExecutionStatus
    """Running, or its outcome."""
    nominal_at: datetime
    """The time (UTC) that the schedule named; of a manual run, the time of the request."""
    last_nominal_at: datetime | None = None
    """The last nominal time of a burst that did not run; None for an execution that began."""
    occurrences: int = 1
    """The number of occurrences that it accounts for; more than one is a burst with one outcome."""
    triggered_at: datetime
    """The time (UTC) at which it began, or was accounted for."""
    trigger_delay_ms: int | None = None
    """Delay of a scheduled run after its task's armed time, or after the task's creation if that was later.

    None for a run without a schedule.
    """
    completed_at: datetime | None = None
    """The time (UTC) of its outcome; None while it runs."""
    duration_seconds: float | None = None
    """Seconds from its start to its outcome; None while it runs."""
    attempt: int = 1
    """The number of the attempt at the occurrence, from 1."""
    retry_due_ms: int | None = None
    """The time (epoch ms) of the next attempt, which waits; None if none does."""
    retry_since_ms: int | None = None
    """The start of the first attempt (epoch ms); None for a first one."""
    fence: int = 0
    """The fence of its claim: only its holder can settle it."""
    replica_id: str | None = None
    """The scheduler that ran it or accounted for it; None where a caller or a handler did."""
    reason_code: Reason | None = None
    """The code of the reason, if it did not simply succeed."""
    reason: str | None = None
    """The reason as text, at most 10,000 characters."""
    result: str | None = None
    """The handler's result as text, at most 10,000 characters."""
    next_check_at: datetime | None = None
    """The time (UTC) of the next check that its outcome armed; None unless its task is of kind `paced`."""
    progress: float | None = None
    """The last progress reported by the handler, 0 to 1."""
    progress_text: str | None = None
    """The last text reported by the handler, at most 200 characters."""
    thought_id: str | None = None
    """The thought that this execution created."""
    limit_keys: tuple[str, ...] | None = None
    """The limits of which it holds a slot while it runs; None without any."""
    rerun_input: str | None = None
    """The prompt and the context that it runs with in place of its task's, as JSON; None unless it was run again so."""
    stop_reason: str | None = None
    """The reason for which it was asked to stop by another scheduler; None unless it was."""
    cause: Cause | None = None
    """The origin of an occurrence that the schedule does not name; None for one that it names."""
    cause_detail: Detail = None
    """More about the cause, such as the time in the past that a backfill makes up for, in `nominal_at`."""
    trace_id: str | None = None
    """The trace id of its run, 32 hexadecimal digits; None without a recorded trace."""
    span_id: str | None = None
    """The span id of its run, 16 hexadecimal digits; None without a recorded trace."""

    @field_validator("rerun_input")
    @classmethod
    def _check_rerun_input(cls, value: str | None) -> str | None:
        if value is not None and not isinstance(read_stored(value), dict):
            raise ValueError("it is no JSON object")
        return value
