"""Types of rows that write executions and leases."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class OccurrenceRow(TypedDict):
    """One occurrence of a task, as an execution."""

    task_id: str
    execution_id: str
    occurrence_key: str
    execution_type: str
    task_type: str
    nominal_ms: int
    triggered_ms: int


class AdvancedTask(TypedDict):
    """The properties that a task gains, or loses, by a claim."""

    next_run_ms: int | None
    due_key: int | None
    nominal_ms: int | None
    paused_at: NotRequired[None]
    paused_until: NotRequired[None]
    pause_reason: NotRequired[None]
    on_missed: NotRequired[None]
    additions: NotRequired[str | None]
    skips: NotRequired[str | None]
    wait_key: NotRequired[None]
    waits_since_ms: NotRequired[None]
    wait_reason: NotRequired[None]
    wait_index_key: NotRequired[None]
    buffered_ms: NotRequired[int | None]
    status: NotRequired[str]
    status_index_key: NotRequired[str]


class ClaimRow(OccurrenceRow):
    """An occurrence to run."""

    expected_ms: int | None
    fence: int
    trigger_delay_ms: int | None
    replica_id: str | None
    task: AdvancedTask
    begins: NotRequired[bool]
    element_id: NotRequired[str | None]


class OutcomeRow(ClaimRow):
    """Occurrences that will not run."""

    task_status: str
    status: str
    occurrences: int
    last_nominal_ms: int
    reason_code: str | None
    reason: str | None


class SkipRow(OccurrenceRow):
    """The occurrence at which an unreadable task is taken out of the schedule."""

    status: str
    occurrences: int
    last_nominal_ms: int
    reason_code: str
    reason: str


class StartRow(OccurrenceRow):
    """An execution to start outside the schedule."""

    replica_id: str | None
    attempt: int
    retry_since_ms: int | None


class SlotPlace(TypedDict):
    """The place of an execution among those that want a slot of a limit in one commit."""

    limit_key: str
    place: int


class LimitedClaimRow(ClaimRow):
    """An occurrence to run under limits."""

    limit_keys: list[str]
    places: list[SlotPlace]


class TakenSlotsRow(TypedDict):
    """A limit, and the executions that want a slot of it, in order."""

    limit_key: str
    slots: int | None
    """Of a limit that is not there yet."""
    wanted: list[str]
    force: bool
    at_us: int
    """The time, in epoch microseconds: a rate adds permits up to it."""


class LimitKey(TypedDict):
    """A limit."""

    limit_key: str


class ReleasedSlotsRow(TypedDict):
    """A limit, the executions that leave their slots, and those that take them over."""

    limit_key: str
    ended: dict[str, bool]
    """By execution: to look one up takes no longer the more there are."""
    begun: list[str]


class SlotReturnRow(TypedDict):
    """A slot that the next attempt at an occurrence was to take over from the one before."""

    limit_key: str
    former: str
    begun: str


class LimitKeyRow(TypedDict):
    """The key of one limit."""

    limit_key: str


class ManualRunRow(StartRow):
    """An execution that a caller starts, and its entry of the audit log."""

    limit_keys: list[str]
    again: bool
    rerun_input: str | None
    """True for what failed, whose task may have ended since."""

    change_id: str
    action: str
    surface: str
    actor: str | None
    change_reason: str | None
    thought_id: str | None
    after: str | None
    if_fence: int | None
    idempotency_key: str | None
    request_digest: str | None


class RetryRow(StartRow):
    """Another attempt at an occurrence whose execution was lost."""

    lost_execution_id: str
    lost_fence: int


class WaitedRetryRow(StartRow):
    """The next attempt at an occurrence whose execution failed, and the state of its task as it was read."""

    former_execution_id: str
    due_ms: int
    task_status: str
    paused_ms: int | None
    limit_keys: list[str]
    """Its limits but for overlap keys, which it takes over."""
    places: dict[str, int]
    """By the keys of its limits, its place among those that want a slot."""
    all_limit_keys: list[str] | None
    """The limits under which it runs, with those that it takes over; they may be others than those before."""


class HeldRetryRow(TypedDict):
    """A failed execution whose next attempt waits for the end of a pause, or for another look."""

    execution_id: str
    due_ms: int
    until_ms: int | None
    by_pause: bool


class DroppedRetryRow(TypedDict):
    """A failed execution whose next attempt never starts."""

    execution_id: str
    due_ms: int


class GivenUpRetryRow(DroppedRetryRow):
    """The same, of one that is the outcome from then on, with its fence until then."""

    fence: int


class EndedRetriesRow(TypedDict):
    """A task whose waiting attempts never start, and the change by which that is so."""

    task_id: str
    change_id: str


class ReleasedRetriesRow(EndedRetriesRow):
    """A task whose waiting attempts are looked at now, and the change by which that is so."""

    at_ms: int


class FencedRow(TypedDict):
    """An execution, and the fence under which it runs."""

    execution_id: str
    fence: int


class StopRow(FencedRow):
    """An execution that is asked to stop."""

    reason: str


class DeadLetterRow(TypedDict):
    """Failures of one task for one fault, which no attempt follows."""

    dead_letter_id: str
    task_id: str
    reason_code: str
    fault: str
    task_type: str
    at_ms: int
    gave_up: bool
    ended_because: str | None
    executions: list[FencedRow]


class CountedRow(FencedRow):
    """An outcome that counts for the failures in a row of its task, and the entry of its pause."""

    due_ms: int | None
    """The time of the next attempt at what failed, if that is given up."""
    of_task: str
    is_failure: bool
    fault: str
    at_ms: int
    change_id: str
    actor: str | None


class RerunLinkRow(TypedDict):
    """An execution, and the one that failed and that it runs again."""

    execution_id: str
    former_execution_id: str


class NextCheckRow(FencedRow):
    """The next check of an agent-paced task, and the digits of its due key that are its own."""

    at_ms: int
    is_answer: bool
    own_digits: int
    of_task: str


class OutcomeProperties(TypedDict):
    """The properties that an execution gains with its outcome."""

    status: str
    duration_seconds: float
    outcome_key: NotRequired[str]
    reason_code: NotRequired[str]
    reason: NotRequired[str]
    result: NotRequired[str]
    retry_due_ms: NotRequired[int]
    retry_task_id: NotRequired[str]
    trace_id: NotRequired[str | None]
    span_id: NotRequired[str | None]


class SettleRow(FencedRow):
    """The outcome of a running execution."""

    of_task: str
    task_type: str
    completed_ms: int
    outcome: OutcomeProperties
    element_id: NotRequired[str | None]


class ProgressRow(FencedRow):
    """The progress of a running execution."""

    of_task: str
    progress: float | None
    progress_text: str | None
    at_ms: int


class ThoughtRow(FencedRow):
    """The thought that an execution created."""

    thought_id: str
    content: str | None
    completed_ms: int


class ExecutionKey(TypedDict):
    """The id of one execution."""

    execution_id: str


class CauseRow(ExecutionKey):
    """The cause of an execution whose occurrence its schedule does not name."""

    cause: str | None
    cause_detail: str | None


class LeaseKey(TypedDict):
    """The id of one lease."""

    lease_id: str


class RenewalRow(LeaseKey):
    """A lease, and the time until which it holds from now on."""

    until_ms: int


class LeaseRow(RenewalRow):
    """A lease of executions."""

    replica_id: str
    execution_ids: list[str]
