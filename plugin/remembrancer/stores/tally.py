"""What a commit counts: read off the rows that were really written, and kept in the same commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    if count := _COUNTS.get(name):
        for row in written:
            count(counts, row)


def _started(counts: Counts, row: Row) -> None:
    counts["executions_started"] += 1
    counts["cron_triggers"] += row["execution_type"] == "cron_trigger"


def _settled(counts: Counts, row: Row) -> None:
    outcome = row["outcome"]
    counts["executions_completed"] += outcome["status"] == "completed"
    counts["executions_failed"] += outcome["status"] == "failed"
    counts["execution_seconds"] += outcome["duration_seconds"]


def _dropped(counts: Counts, row: Row) -> None:
    counts["occurrences_dropped"] += row["occurrences"]
    _ended(counts, {"status": row["task_status"]})


def _ended(counts: Counts, row: Row) -> None:
    if name := _ENDS.get(row["status"]):
        counts[name] += 1


def _one(name: str) -> Callable[[Counts, Row], None]:
    """Return what counts every row under *name*."""

    def count(counts: Counts, _: Row) -> None:
        counts[name] += 1

    return count


_COUNTS: Final[dict[str, Callable[[Counts, Row], None]]] = {
    "claim_executions": _started,
    "start_executions": _started,
    "retry_executions": _started,
    "settle_executions": _settled,
    "lose_executions": _one("executions_failed"),
    "record_outcomes": _dropped,
    "create_tasks": _one("tasks_created"),
    "retire_tasks": _ended,
    "cancel_tasks": _one("tasks_cancelled"),
    "quarantine_tasks": _one("tasks_failed"),
    "record_deferrals": _one("deferrals"),
}
