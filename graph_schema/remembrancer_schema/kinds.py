"""Names in the graph: labels with their keys, edges with the labels that they join, counters, outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEYS: Final = {
    "time": "time_id",
    "thought": "thought_id",
    "named_calendar": "name",
    "task_template": "name",
    "dead_letter": "dead_letter_id",
    "concurrency_limit": "limit_key",
    "lineage": "lineage_id",
    "scheduled_task": "task_id",
    "task_execution": "execution_id",
    "task_deferral": "deferral_id",
    "task_change": "change_id",
    "execution_summary": "summary_id",
    "execution_lease": "lease_id",
    "lifetime_statistics": "counter_id",
    "hourly_statistics": "hour_id",
    "cron_expression": "expression",
    "access_token": "name",
    "event_stream": "stream",
    "event_batch": "batch_key",
    "zone_rules": "zone",
    "scheduler_replica": "replica_id",
    "remembrancer_graph": "marker",
}
"""The key of every label, in an order in which a graph can be written."""

APART: Final = frozenset({"thought", "access_token", "event_batch", "scheduler_replica", "remembrancer_graph"})
"""Labels that a query of every label leaves out.

A thought may be the agent's own; what opens one graph does not open another; the events of a graph's log are read
there, a replica works on that graph, and its mark stays with it.
"""


@dataclass(frozen=True, slots=True)
class Edge:
    """One type of edge: from which label to which."""

    kind: str
    source: str
    target: str
    named_by: str | None = None
    """The property of the source that names the target too: where there is one, there is the other."""
    required: bool = False
    """True if every source has one."""
    several: bool = False
    """True if a source may have more than one."""


EDGES: Final = (
    Edge("CREATED_BY", "scheduled_task", "thought", "origin_thought_id", required=True),
    Edge("SCHEDULED_FOR", "scheduled_task", "time", required=True),
    Edge("RUNS_AFTER", "scheduled_task", "scheduled_task", "runs_after_id"),
    Edge("DEPENDS_ON", "scheduled_task", "scheduled_task", several=True),
    Edge("EXECUTION_OF", "task_execution", "scheduled_task", "task_id", required=True),
    Edge("CREATED_THOUGHT", "task_execution", "thought", "thought_id"),
    Edge("RETRY_OF", "task_execution", "task_execution"),
    Edge("DEFERRAL_OF", "task_deferral", "scheduled_task", "task_id", required=True),
    Edge("REQUESTED_BY", "task_deferral", "thought", "requested_by"),
    Edge("FOLLOWS_DEFERRAL", "task_deferral", "task_deferral", "follows_id"),
    Edge("CHANGE_OF", "task_change", "scheduled_task", "task_id"),
    Edge("SUMMARY_OF", "execution_summary", "scheduled_task", "task_id", required=True),
    Edge("USES_CALENDAR", "scheduled_task", "named_calendar", several=True),
    Edge("FOLLOWS", "scheduled_task", "scheduled_task", several=True),
    Edge("FROM_TEMPLATE", "scheduled_task", "task_template"),
    Edge("SPAWNED_BY", "scheduled_task", "task_execution"),
    Edge("DEAD_LETTER_OF", "dead_letter", "scheduled_task", "task_id", required=True),
    Edge("STARTED_BY", "lineage", "thought", "lineage_id", required=True),
)
"""Every type of edge."""

HOURLY_COUNTERS: Final = (
    "tasks_created",
    "tasks_begun",
    "tasks_completed",
    "tasks_failed",
    "tasks_cancelled",
    "tasks_quarantined",
    "tasks_rearmed",
    "deferrals",
    "cron_triggers",
    "triggers",
    "triggers_on_time",
    "trigger_delay_ms",
    "executions_started",
    "executions_completed",
    "executions_failed",
    "executions_deferred",
    "executions_cancelled",
    "executions_lost",
    "executions_retried",
    "failures_final",
    "occurrences_dropped",
    "occurrences_missed",
    "execution_seconds",
)
"""The numbers on the node of an hour that add up."""
LIFETIME_COUNTERS: Final = (
    *HOURLY_COUNTERS,
    "recurring_created",
    "recurring_begun",
    "recurring_completed",
    "recurring_failed",
    "recurring_cancelled",
    "cron_refused",
    "database_errors",
)
"""The numbers on the node of a counter that add up."""
OUTCOMES: Final = ("completed", "failed", "skipped", "missed", "superseded", "deferred", "cancelled")
"""The statuses of an execution that has ended; a summary counts its occurrences by them."""
FAILURES: Final = ("handler_failed", "handler_raised", "timed_out", "lease_expired", "shutdown")
"""The reason codes by which a summary counts executions."""
REPEATED: Final = {
    "<hourly_counter>": HOURLY_COUNTERS,
    "<lifetime_counter>": LIFETIME_COUNTERS,
    "<outcome>": OUTCOMES,
    "<failure>": FAILURES,
}
"""Marks in the text of a query: a line with one of them stands for one line for each name."""
