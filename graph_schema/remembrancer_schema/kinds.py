"""What the graph is made of: each label with its key, and each edge with the labels that it joins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEYS: Final = {
    "time": "time_id",
    "thought": "thought_id",
    "scheduled_task": "task_id",
    "task_execution": "execution_id",
    "task_deferral": "deferral_id",
    "task_change": "change_id",
    "execution_summary": "summary_id",
    "execution_lease": "lease_id",
    "scheduler_counter": "counter_id",
    "scheduler_hour": "hour_id",
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

A thought may be the agent's own; what opens one graph does not open another; what a graph's event log told is told,
a replica works on that graph, and its mark stays with it.
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
    """Whether every source has one."""


EDGES: Final = (
    Edge("CREATED_BY", "scheduled_task", "thought", "origin_thought_id", required=True),
    Edge("SCHEDULED_FOR", "scheduled_task", "time", required=True),
    Edge("EXECUTION_OF", "task_execution", "scheduled_task", "task_id", required=True),
    Edge("CREATED_THOUGHT", "task_execution", "thought", "thought_id"),
    Edge("RETRY_OF", "task_execution", "task_execution"),
    Edge("DEFERRAL_OF", "task_deferral", "scheduled_task", "task_id", required=True),
    Edge("REQUESTED_BY", "task_deferral", "thought", "requested_by"),
    Edge("CHANGE_OF", "task_change", "scheduled_task", "task_id"),
    Edge("SUMMARY_OF", "execution_summary", "scheduled_task", "task_id", required=True),
)
