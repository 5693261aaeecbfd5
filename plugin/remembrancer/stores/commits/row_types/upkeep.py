"""Types of rows that write all else: events, statistics, replicas, tokens, summaries, copies, repairs."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from remembrancer.stores.commits.row_types.tasks import ChangeRow, TaskKey


class EmptyRow(TypedDict):
    """The row of a query that takes nothing."""


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


class HaltRow(ChangeRow):
    """A halt."""

    stops_runs: bool


class HaltReleaseRow(ChangeRow):
    """The end of a halt; of one whose times cannot be read too."""

    is_spoiled: bool


class CalendarRow(ChangeRow):
    """A calendar with its properties, and the entry of the audit log."""

    name: NotRequired[str]
    version_before: NotRequired[str]
    calendar: NotRequired[dict[str, object]]


class CalendarLinkRow(TaskKey):
    """A task, the name of a calendar that it uses, and the version that it has; the change that made it so."""

    name: str
    version: str | None
    change_id: NotRequired[str]


class TemplateRow(ChangeRow):
    """A template with its properties, and the entry of the audit log."""

    name: NotRequired[str]
    version_before: NotRequired[int]
    template: NotRequired[dict[str, object]]


class TemplateLinkRow(TaskKey):
    """A task, the name of the template that it was made from, and the version that this had."""

    name: str
    version: int


class FollowedRow(TaskKey):
    """A task, and another whose times it follows; the change that made it so."""

    followed: str
    change_id: NotRequired[str]


class ChangedTask(TaskKey):
    """A task, and its change."""

    change_id: str


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
    """A counter that is forgotten once it was idle for this time."""

    idle_ms: int


class FoldRow(IdleCounterRow):
    """A counter that is added to another one, once it was idle for this time."""

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
    first_at: str
    last_at: str
    first_nominal_at: str
    last_nominal_at: str
    last_triggered_at: str
    paused_at: str
    paused_until: str
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


class CopyCompletionRow(ChangeRow):
    """The end of a copy, with the record of the halt of its source."""

    halt: dict[str, object]


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
    wait_index_key: str | None
    status_index_key: str
    cron_index_key: str | None


class RestoreRow(ChangeRow):
    """The new id of a graph restored from a backup, and the entry of the audit log."""

    graph_id: str
