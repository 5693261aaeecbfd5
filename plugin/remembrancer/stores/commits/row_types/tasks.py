"""Types of rows that write tasks, their deferrals, their changes and their armed times."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from remembrancer.stores.commits.row_types.executions import AdvancedTask, FencedRow

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    idempotency_key: str | None
    request_digest: str | None
    before: NotRequired[str | None]
    after: NotRequired[str | None]


class ClearedLetterRow(ChangeRow):
    """A dead letter that is cleared, and the number of its failures as it was read."""

    dead_letter_id: str
    failures: int


class KeyReturnRow(ChangeRow):
    """The return of an ended task's dedup_key."""

    dedup_key: str | None


class EditRow(ChangeRow):
    """A change of the properties of an open task that is still as it was read."""

    kind: str
    task_type: str
    fence: int
    task: Mapping[str, object]
    defer_until_ms: int | None
    paused_ms: int | None
    paused_until_ms: int | None
    next_run_ms: int | None
    crons: tuple[str | None, str | None]


class TaskRow(TypedDict, total=False):
    """A new task: its properties, and the other values that the query, the counters and the events read."""

    task_id: str
    origin_thought_id: str
    task_type: str
    name: str
    status: str
    schedule_cron: str
    next_run_ms: int
    defer_until_ms: int
    created_ms: int
    minute_ms: int
    time_id: str
    properties: Mapping[str, object]


class RetireRow(FencedRow):
    """The end of a task whose only occurrence is settled."""

    status: str | None
    of_task: str
    additions: str | None
    task_type: str
    at_ms: int


class DeferralRow(TypedDict):
    """A deferral."""

    task_id: str
    deferral_id: str
    deferred_ms: int
    original_ms: int | None
    deferred_until_ms: int | None
    reason: str
    requested_by: str | None
    context: str | None
    question: str | None


class RescheduleRow(DeferralRow):
    """A deferral, and the time at which its task runs next."""

    next_run_ms: int | None
    due_key: int | None
    task_fence: int | None
    live_id: str | None
    since_ms: int
    of_deferred_run: bool
    most_in_row: int | None


class DeferRow(RescheduleRow):
    """A deferral that a caller asked for, and its entry of the audit log."""

    expected_ms: int | None
    change_id: str
    action: str
    surface: str
    actor: str | None
    if_fence: int | None
    idempotency_key: str | None
    request_digest: str | None


class SettledDeferralRow(RescheduleRow, FencedRow):
    """A deferral with which an execution ended."""


class LimitRow(ChangeRow):
    """The number of slots of a limit, and its rate."""

    limit_key: str
    slots: int | None
    rate: str | None
    permit_us: int | None
    burst: int | None


class AnswerRow(ChangeRow):
    """The answer to a question, and the run that it lets begin."""

    fence: int
    question_id: str
    answer: str
    next_run_ms: int | None
    due_key: int | None
    run_ms: int


class ReminderRow(TypedDict):
    """A question that is asked again."""

    task_id: str
    fence: int
    question_id: str
    question: str
    next_run_ms: int
    due_key: int | None
    at_ms: int
    kind: str
    text: str


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


class TaskKey(TypedDict):
    """The id of one task."""

    task_id: str


class WakeRow(TaskKey):
    """A task that waits, as it was read, and its due key."""

    fence: int
    next_run_ms: int | None
    due_key: NotRequired[int | None]


class ParkRow(WakeRow):
    """A due task as it was read, and what it waits for."""

    wait_key: str
    waits_since_ms: int
    wait_reason: str
    wait_index_key: str | None


class TimeLinkRow(TaskKey):
    """A task, and the minute for which it is scheduled."""

    minute_ms: int
    time_id: str


class FollowRow(TaskKey):
    """A new task, and the task that it follows."""

    runs_after_id: str


class FollowChangeRow(FollowRow):
    """A changed task that follows another, and the change."""

    change_id: str


class NotedRow(TaskKey):
    """A task of which something has changed, and when."""

    at_ms: int


class DependencyRow(TaskKey):
    """A new task, and one that it depends on."""

    other_id: str
    on_failure: str
    window_ms: int | None


class DependencyChangeRow(DependencyRow):
    """A changed task that depends on another, and the change."""

    change_id: str


class EditionRow(TaskKey):
    """The edition of dependencies that a change of a task was checked against."""

    edition: int
    change_id: str
    """The change that makes the next edition."""


class ReactionRow(TaskKey):
    """A waiting task as it was read, and the properties that change."""

    fence: int
    task: Mapping[str, object]


class FailedCheckRow(TaskKey):
    """Why the check of a waiting task failed."""

    schedule_spec: str | None
    reason: str
    at_ms: int


class EndRow(TaskKey):
    """The end of a task that waits for what can come no more."""

    of_task: str
    task_type: str
    fence: int
    status: str
    change_id: str
    at_ms: int
    reason: str


class ArmedTask(AdvancedTask):
    """The properties that a task gains when its schedule is worked out again."""

    outcomes_since_ms: int | None
    excluded_ms: list[int] | None
    rules_edition: int | None


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
    surface: str
    actor: str | None
    defer_until_ms: int | None


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
    version: str | None


class KeptZoneRow(ZoneRow):
    """The rules of one time zone that come into force, and the edition that they make."""

    edition: int


class ReadingsRow(TypedDict):
    """The readings of the kinds of schedules, as JSON."""

    readings: str
