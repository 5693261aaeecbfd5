"""What a commit counts: read off the rows that were really written, and kept in the same commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.stores.session import Row

Counts = dict[str, float]

NAMES: Final = (
    "tasks_created",
    "tasks_completed",
    "tasks_failed",
    "tasks_cancelled",
    "deferrals",
    "cron_triggers",
    "executions_started",
    "executions_completed",
    "executions_failed",
    "occurrences_dropped",
    "execution_seconds",
)

_ENDS: Final = {"COMPLETE": "tasks_completed", "FAILED": "tasks_failed", "CANCELLED": "tasks_cancelled"}


def zero() -> Counts:
    """Return counters that have counted nothing."""
    return dict.fromkeys(NAMES, 0)


def tally(counts: Counts, name: str, written: Iterable[Row]) -> None:
    """Add to *counts* what the statement *name* did by writing these rows."""
    if name in {"claim_executions", "start_executions", "retry_executions"}:
        for row in written:
            counts["executions_started"] += 1
            counts["cron_triggers"] += row["execution_type"] == "cron_trigger"
    elif name == "settle_executions":
        for row in written:
            counts["executions_completed"] += row["status"] == "completed"
            counts["executions_failed"] += row["status"] == "failed"
            counts["execution_seconds"] += row["duration_seconds"]
    elif name == "lose_executions":
        counts["executions_failed"] += sum(1 for _ in written)
    elif name == "record_outcomes":
        for row in written:
            counts["occurrences_dropped"] += row["occurrences"]
            _end(counts, row["task_status"])
    elif name == "create_tasks":
        counts["tasks_created"] += sum(1 for _ in written)
    elif name == "retire_tasks":
        for row in written:
            _end(counts, row["status"])
    elif name in {"cancel_tasks", "quarantine_tasks"}:
        counts["tasks_cancelled" if name == "cancel_tasks" else "tasks_failed"] += sum(1 for _ in written)
    elif name == "record_deferrals":
        counts["deferrals"] += sum(1 for _ in written)


def _end(counts: Counts, status: str) -> None:
    if status in _ENDS:
        counts[_ENDS[status]] += 1
