"""The types of the rows that writing queries take: one for each shape, named in the specs of the writes.

Every row that a query reads as `r.name` has that name here; a test compares the two. Some names are for the statistics
and the events alone: the query does not read them. The connection adds `row`, the place of the row in its statement.
A time that ends in `_ms` is epoch milliseconds.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class EmptyRow(TypedDict):
    """The row of a query that takes nothing."""


class ChangeRow(TypedDict):
    """An entry of the audit log, and the conditions under which its change is written."""

    task_id: str | None
    """None for a change of the graph."""
    change_id: str
    action: str
    at_ms: int
    surface: str
    actor: str | None
    reason: str | None
    thought_id: str | None
    if_fence: int | None
    task_fence: int | None
    request_key: str | None
    request_digest: str | None
    before: NotRequired[str | None]
    after: NotRequired[str | None]


class TaskRow(TypedDict, total=False):
    """A new task; what is not set is left out."""

    task_id: str
    name: str
    goal_description: str
    status: str
    task_type: str
    schedule_cron: str
    timezone: str
    gap: str
    fold: str
    seconds: str
    trigger_prompt: str
    origin_thought_id: str
    created_ms: int
    deferral_count: int
    misfire: str
    misfire_limit: int
    misfire_grace_seconds: float
    on_lost: str
    max_attempts: int
    timeout_seconds: float
    dedup_key: str
    deferred_task_id: str
    context: str
    defer_until_ms: int
    next_run_ms: int
    due_key: int | None
    nominal_ms: int
    deferral_id: str
    listing: str
    cron_listing: str
    created_through: str
    created_as: str
    traceparent: str
    request_digest: str
    minute_ms: int
    time_id: str


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
    status: NotRequired[str]
    listing: NotRequired[str]


class ClaimRow(OccurrenceRow):
    """An occurrence to run."""

    expected_ms: int
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


class ManualRunRow(StartRow):
    """An execution that a caller starts, and its entry of the audit log."""

    change_id: str
    action: str
    surface: str
    actor: str | None
    change_reason: str | None
    thought_id: str | None
    after: str | None
    if_fence: int | None
    request_key: str | None
    request_digest: str | None


class RetryRow(StartRow):
    """Another attempt at an occurrence whose execution was lost."""

    lost_execution_id: str
    lost_fence: int


class FencedRow(TypedDict):
    """An execution, and the fence under which it runs."""

    execution_id: str
    fence: int


class OutcomeProperties(TypedDict):
    """The properties that an execution gains with its outcome."""

    status: str
    duration_seconds: float
    reason_code: NotRequired[str]
    reason: NotRequired[str]
    result: NotRequired[str]
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


class RetireRow(FencedRow):
    """The end of a task whose only occurrence is settled."""

    status: str | None
    of_task: str
    task_type: str
    at_ms: int


class ExecutionKey(TypedDict):
    """The id of one execution."""

    execution_id: str


class DeferralRow(TypedDict):
    """A deferral."""

    task_id: str
    deferral_id: str
    deferred_ms: int
    original_ms: int | None
    deferred_until_ms: int
    reason: str
    requested_by: str | None
    context: str | None


class RescheduleRow(DeferralRow):
    """A deferral, and the time at which its task runs next."""

    next_run_ms: int
    due_key: int | None
    task_fence: int | None


class DeferRow(RescheduleRow):
    """A deferral that a caller asked for, and its entry of the audit log."""

    expected_ms: int | None
    change_id: str
    action: str
    surface: str
    actor: str | None
    if_fence: int | None
    request_key: str | None
    request_digest: str | None


class SettledDeferralRow(RescheduleRow, FencedRow):
    """A deferral with which an execution ended."""


class QuarantineRow(TypedDict):
    """A task to be quarantined, and the fault for its audit log."""

    task_id: str
    change_id: str
    at_ms: int
    reason: str


class DisarmRow(TypedDict):
    """A node that only its due key finds."""

    due_key: int | None
    task_id: str | None


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


class TaskKey(TypedDict):
    """The id of one task."""

    task_id: str


class TimeLinkRow(TaskKey):
    """A task, and the minute for which it is scheduled."""

    minute_ms: int
    time_id: str


class ArmedTask(AdvancedTask):
    """The properties that a task gains when its schedule is worked out again."""

    since_ms: int | None
    ahead_ms: list[int] | None


class RearmRow(TypedDict):
    """A task whose schedule is worked out again."""

    task_id: str
    task_type: str
    fence: int
    expected_ms: int | None
    task: ArmedTask
    change_id: str
    at_ms: int
    reason: str
    replica_id: str


class RetractionRow(TypedDict):
    """A record of missed occurrences, some or all of which are ahead again."""

    task_id: str
    task_type: str
    change_id: str
    execution_id: str
    before: int
    occurrences: int
    last_ms: int
    triggered_ms: int


class ZoneRow(TypedDict):
    """The rules of one time zone."""

    zone: str
    fingerprint: str
    rules: str


class RollUpRow(TypedDict):
    """The executions of one task and day, to be added to their summary and deleted."""

    summary_id: str
    task_id: str
    day: str
    execution_ids: list[str]


class ThoughtKey(TypedDict):
    """The id of one thought."""

    thought_id: str


class ForgetEventsRow(TypedDict):
    """Batches of events to be deleted, and the number of the oldest event that stays."""

    stream: int
    oldest: int
    batch_keys: list[int]


class HeartbeatRow(TypedDict):
    """A replica that is alive."""

    replica_id: str
    started_ms: int
    heartbeat_ms: int
    host: str
    pid: int
    version: str


class ReplicaKey(TypedDict):
    """The id of one replica."""

    replica_id: str


class NewTokenRow(ChangeRow):
    """A token, and its entry of the audit log."""

    name: str
    scope: str
    digest: str


class RevokedTokenRow(ChangeRow):
    """The name of a token to be revoked, and the entry of the audit log."""

    name: str


class CountersRow(TypedDict):
    """The statistics and the events of one commit."""

    counter_id: str
    counted: dict[str, object]
    commit_before: int | None
    hours: list[dict[str, object]]
    crons: list[dict[str, object]]
    batches: list[dict[str, object]]


class CounterKey(TypedDict):
    """The id of one counter."""

    counter_id: str


class IdleCounterRow(CounterKey):
    """A counter that is forgotten once it was idle for so long."""

    idle_ms: int


class FoldRow(IdleCounterRow):
    """A counter that is added to another one, once it was idle for so long."""

    into: str


class NodeKey(TypedDict):
    """The key of one node, whatever its label calls it."""

    key: object


class NodeRow(TypedDict, total=False):
    """A node that is copied: its key, its properties, and each of its times as text under its own name."""

    key: object
    properties: dict[str, object]
    at: str
    completed_at: str
    created_at: str
    defer_until: str
    deferred_at: str
    deferred_until: str
    first_nominal_at: str
    last_nominal_at: str
    last_triggered_at: str
    nominal_at: str
    original_time: str
    triggered_at: str


class EdgeRow(TypedDict):
    """An edge that is copied, by the keys of its two nodes."""

    source: object
    target: object
    properties: dict[str, object]


class CopyProgressRow(TypedDict):
    """The progress of a copy."""

    source: str
    part: str
    after: str | None


class BatchRow(TypedDict):
    """A batch of events in place of one that cannot be read."""

    key: int
    stream: int
    newest: int
    count: int
    at_ms: int
    events: str


class DerivedRow(TaskKey):
    """The properties of a task that follow from its others."""

    due_key: int | None
    listing: str
    cron_listing: str | None


class RestoreRow(ChangeRow):
    """The new id of a graph restored from a backup, and the entry of the audit log."""

    graph_id: str
