"""What a commit counts: read off the rows that were really written, and kept in the same commit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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


def summed(counters: Iterable[Mapping[str, float]]) -> Counts:
    """Return the sums over the counters of several replicas, in whatever order they come."""
    rows = list(counters)
    return {name: _sum([row[name] for row in rows if name in row]) for name in NAMES}


def tally(counts: Counts, name: str, written: Sequence[Row]) -> None:
    """Add to *counts* what the statement *name* did by writing these rows."""
    if (count := _COUNTS.get(name)) and written:
        count(counts, written)


def _sum(values: list[float]) -> float:
    return math.fsum(values) if any(isinstance(value, float) for value in values) else sum(values)


def _started(counts: Counts, written: Sequence[Row]) -> None:
    counts["executions_started"] += len(written)
    counts["cron_triggers"] += sum(row["execution_type"] == "cron_trigger" for row in written)


def _settled(counts: Counts, written: Sequence[Row]) -> None:
    outcomes = [row["outcome"] for row in written]
    counts["executions_completed"] += sum(outcome["status"] == "completed" for outcome in outcomes)
    counts["executions_failed"] += sum(outcome["status"] == "failed" for outcome in outcomes)
    counts["execution_seconds"] += sum(outcome["duration_seconds"] for outcome in outcomes)


def _dropped(counts: Counts, written: Sequence[Row]) -> None:
    counts["occurrences_dropped"] += sum(row["occurrences"] for row in written)
    _ended(counts, [{"status": row["task_status"]} for row in written])


def _ended(counts: Counts, written: Sequence[Row]) -> None:
    for row in written:
        if name := _ENDS.get(row["status"]):
            counts[name] += 1


def _each(name: str) -> Callable[[Counts, Sequence[Row]], None]:
    """Return what counts every row under *name*."""

    def count(counts: Counts, written: Sequence[Row]) -> None:
        counts[name] += len(written)

    return count


_COUNTS: Final[dict[str, Callable[[Counts, Sequence[Row]], None]]] = {
    "claim_executions": _started,
    "start_executions": _started,
    "retry_executions": _started,
    "settle_executions": _settled,
    "lose_executions": _each("executions_failed"),
    "record_outcomes": _dropped,
    "create_tasks": _each("tasks_created"),
    "retire_tasks": _ended,
    "cancel_tasks": _each("tasks_cancelled"),
    "quarantine_tasks": _each("tasks_failed"),
    "record_deferrals": _each("deferrals"),
}
