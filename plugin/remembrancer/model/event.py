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
    """A task was scheduled."""
    TASK_DEFERRED = "task_deferred"
    """Its next run was deferred."""
    QUESTION_ASKED = "question_asked"
    """Its next run waits for an answer; the reason is the question."""
    QUESTION_REMINDED = "question_reminded"
    """No answer came in time, and the question is asked again."""
    QUESTION_ESCALATED = "question_escalated"
    """No answer came in time, and the question is asked of others."""
    QUESTION_ANSWERED = "question_answered"
    """The question has an answer, which is the reason; the run is due."""
    TASK_PAUSED = "task_paused"
    """It was paused, until a time or until it is resumed."""
    TASK_RESUMED = "task_resumed"
    """A caller ended its pause; a pause with an end ends without an event."""
    TASK_UPDATED = "task_updated"
    """Fields of it were changed; the audit log has them."""
    TASK_CANCELLED = "task_cancelled"
    """It was cancelled."""
    TASK_ENDED = "task_ended"
    """A one-time task had its run, or a task that cannot be read or planned was quarantined."""
    CHECK_FAILED = "check_failed"
    """The query of a task with a schedule of kind `cue` failed; it is tried again."""
    EXECUTION_STARTED = "execution_started"
    """It was claimed, and its handler starts."""
    EXECUTION_PROGRESS = "execution_progress"
    """Its handler reported progress."""
    EXECUTION_COMPLETED = "execution_completed"
    """Its handler was done."""
    EXECUTION_FAILED = "execution_failed"
    """It failed, or was lost with its scheduler."""
    DEAD_LETTERED = "dead_lettered"
    """A task failed, and no attempt follows; `occurrences` counts its failures for this fault so far."""
    BUDGET_EXHAUSTED = "budget_exhausted"
    """The budget of a lineage has too little left for this task: one event, until the budget is changed."""
    EXECUTION_SKIPPED = "execution_skipped"
    """Occurrences did not run: of a paused or a quarantined task."""
    EXECUTION_MISSED = "execution_missed"
    """Occurrences did not run: they were found after the grace period."""
    EXECUTION_SUPERSEDED = "execution_superseded"
    """Occurrences did not run: the task got another schedule after their time."""
    EXECUTION_DEFERRED = "execution_deferred"
    """Its handler deferred it, or its time passed while the task was deferred."""
    EXECUTION_CANCELLED = "execution_cancelled"
    """It was cancelled with its task, or at shutdown before it began."""
    SCHEDULER_HALTED = "scheduler_halted"
    """Nothing begins from then on, on any replica."""
    SCHEDULER_RELEASED = "scheduler_released"
    """The halt is over."""
    CIRCUIT_OPENED = "circuit_opened"
    """Failures in a row have opened a circuit: what uses its service waits. The reason names it."""
    CIRCUIT_CLOSED = "circuit_closed"
    """A trial was completed, or the circuit was reset: what waits for it runs."""
    GAP = "gap"
    """Events before this point are no longer stored; the stream continues with those that are."""


class Event(BaseModel):
    """One event. Its kind says which fields it has (docs/reference/events.md); the others are None."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: EventKind
    """The kind of the event."""
    at: datetime
    """The time (UTC) of the event, by the clock of its writer."""
    cursor: str = ""
    """The reader's position after this event: pass it to continue from there."""
    task_id: str | None = None
    """The task that it is about."""
    execution_id: str | None = None
    """The execution that it is about."""
    name: str | None = None
    """The name of a new task."""
    task_status: TaskStatus | None = None
    """The state of the task after the event."""
    schedule_cron: str | None = None
    """The cron expression of a new task that has one."""
    next_run_at: datetime | None = None
    """The time (UTC) of the task's next run."""
    paused_until: datetime | None = None
    """The end of a pause; None: until the task is resumed."""
    deferral_id: str | None = None
    """The deferral that was made."""
    execution_type: ExecutionType | None = None
    """The origin of the occurrence."""
    replica_id: str | None = None
    """The scheduler that runs it."""
    attempt: int | None = None
    """The number of the attempt, from 1."""
    nominal_at: datetime | None = None
    """The time (UTC) that the schedule named."""
    last_nominal_at: datetime | None = None
    """The last nominal time (UTC) of a burst that did not run."""
    occurrences: int | None = None
    """The number of occurrences that it accounts for."""
    progress: float | None = None
    """The progress reported by the handler, 0 to 1."""
    progress_text: str | None = None
    """The text reported by the handler."""
    duration_seconds: float | None = None
    """Seconds that the run took."""
    reason_code: Reason | None = None
    """The code of the reason, if the execution did not succeed."""
    reason: str | None = None
    """The first 200 characters; the execution, deferral or change has the whole text."""
    lost: int | None = None
    """The number of events missing in a gap; None if it is unknown."""


class EventPage(BaseModel):
    """Events in the order of their occurrence, and the cursor to continue from."""

    model_config = ConfigDict(frozen=True)

    events: list[Event]
    """The events, the oldest first."""
    cursor: str
    """The position after the last of them: pass it to read the next page."""
