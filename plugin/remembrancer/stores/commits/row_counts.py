"""Functions that count the rows of one statement; a write's spec names the one that counts its rows.

They take the rows that were really written, all of one statement in one commit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Final

from remembrancer.model.handler_result import THOUGHT_REFUSED
from remembrancer.ports.statistics import DELAY_BOUNDS_MS, ON_TIME_MS
from remembrancer.stores.commits.hourly_delta import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from remembrancer.stores.commits.hourly_delta import HourlyDelta, StatisticsDelta
    from remembrancer.stores.commits.statement import Row

_LONGEST: Final = 160
"""Characters of a text that is counted; a longer one is counted by its beginning."""
_LOST: Final = "The scheduler went away while it ran"
"""Counted in place of the reason of a lost execution, which names the replica: their number has no bound."""
_NONE_GIVEN: Final = "(none given)"
_ENDS: Final = {"COMPLETE": "tasks_completed", "FAILED": "tasks_failed", "CANCELLED": "tasks_cancelled"}


def shortened(text: str | None) -> str:
    """Return the text under which another one is counted: its first line, up to 160 characters."""
    return ((text or "").strip().splitlines() or [_NONE_GIVEN])[0][:_LONGEST]


def _by_hour(delta: StatisticsDelta, written: Sequence[Row], timestamp: str) -> Iterator[tuple[HourlyDelta, list[Row]]]:
    """Yield the hour of each hour and type of task that *written* falls into, with its rows: nearly always one."""
    parts: dict[tuple[int, str], list[Row]] = {}
    for row in written:
        parts.setdefault((row[timestamp] // HOUR_MS, row["task_type"]), []).append(row)
    for rows in parts.values():
        yield delta.at(rows[0][timestamp], rows[0]), rows


def started(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count executions that began."""
    for hour, rows in _by_hour(delta, written, "triggered_ms"):
        counts = hour.counts
        counts["executions_started"] += len(rows)
        if crons := sum(row["execution_type"] == "cron_trigger" for row in rows):
            counts["cron_triggers"] += crons
        if begun := sum("begins" in row for row in rows):
            counts["tasks_begun"] += begun
        delays = [row["trigger_delay_ms"] for row in rows if row.get("trigger_delay_ms") is not None]
        if delays:
            _delayed(hour, delays)


def retried(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count later attempts that began, which are executions too."""
    started(delta, written)
    for hour, rows in _by_hour(delta, written, "triggered_ms"):
        hour.counts["executions_retried"] += len(rows)


def dead_lettered(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count failures that no attempt follows."""
    for row in written:
        delta.at(row["at_ms"], row).counts["failures_final"] += len(row["executions"])


def _delayed(hour: HourlyDelta, delays_ms: Sequence[int]) -> None:
    counts = hour.counts
    counts["triggers"] += len(delays_ms)
    counts["trigger_delay_ms"] += sum(delays_ms)
    if on_time := sum(delay_ms <= ON_TIME_MS for delay_ms in delays_ms):
        counts["triggers_on_time"] += on_time
    hour.longest_delay_ms = max(hour.longest_delay_ms, *delays_ms)
    for delay_ms in delays_ms:
        hour.delays[bisect_left(DELAY_BOUNDS_MS, delay_ms)] += 1


def settled(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count executions that ended, with the outcome of each."""
    for hour, rows in _by_hour(delta, written, "completed_ms"):
        outcomes = [row["outcome"] for row in rows]
        for status, count in Counter(outcome["status"] for outcome in outcomes).items():
            hour.counts[f"executions_{status}"] += count
        # The store does not know how long a lost execution ran.
        known = [outcome["duration_seconds"] for outcome in outcomes if not _is_lost(outcome)]
        if known:
            hour.counts["execution_seconds"] += sum(known)
        if lost := len(outcomes) - len(known):
            hour.counts["executions_lost"] += lost
        hour.failures.update(_failure(outcome) for outcome in outcomes if outcome["status"] == "failed")


def _is_lost(outcome: Row) -> bool:
    return outcome.get("reason_code") == "lease_expired"


def _failure(outcome: Row) -> str:
    """Return the text under which a failure is counted: one for all refused thoughts, and one for all lost runs."""
    reason = outcome.get("reason")
    if _is_lost(outcome):
        return _LOST
    return THOUGHT_REFUSED if (reason or "").startswith(THOUGHT_REFUSED) else shortened(reason)


def dropped(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count occurrences that will not run."""
    for row in written:
        counts = delta.at(row["triggered_ms"], row).counts
        counts["occurrences_dropped"] += row["occurrences"]
        if row["status"] == "missed":
            counts["occurrences_missed"] += row["occurrences"]
        if row.get("begins"):
            counts["tasks_begun"] += 1
        if name := _ENDS.get(row.get("task_status", "")):
            counts[name] += 1


def created(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count new tasks."""
    for row in written:
        delta.at(row["created_ms"], row).counts["tasks_created"] += 1
        if expression := row.get("schedule_cron"):
            delta.open_crons[expression] += 1


def edited(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count the open tasks of a cron expression, where that was changed."""
    for row in written:
        for expression, step in zip(row["crons"], (-1, 1), strict=True):
            if expression:
                delta.open_crons[expression] += step


def retired(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count tasks that ended with their only occurrence."""
    for row in written:
        delta.at(row["at_ms"], row).counts[_ENDS[row["status"]]] += 1


def ended_watched(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count tasks that ended while they waited; one that never ran begins and ends at once."""
    retired(delta, written)
    for row in written:
        delta.at(row["at_ms"], row).counts["tasks_begun"] += row["before"] == "PENDING"


def ended_as(status: str, *, by_scheduler: bool = False) -> Callable[[StatisticsDelta, Sequence[Row]], None]:
    """Return the function that counts tasks ended with *status*: by a caller, or by the scheduler itself."""

    def count(delta: StatisticsDelta, written: Sequence[Row]) -> None:
        for row in written:
            counts = delta.at(row["at_ms"], row).counts
            counts[_ENDS[status]] += 1
            if by_scheduler:
                counts["tasks_quarantined"] += 1
            if row["before"] == "PENDING":
                counts["tasks_begun"] += 1
            if expression := row.get("schedule_cron"):
                delta.open_crons[expression] -= 1

    return count


def deferred(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count deferrals."""
    for row in written:
        hour = delta.at(row["deferred_ms"], row)
        hour.counts["deferrals"] += 1
        hour.reasons[shortened(row["reason"])] += 1
        delta.most_deferred = max(delta.most_deferred, (row["deferral_count"], row["task_id"]))


def retracted(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Take back the counts of missed occurrences that are ahead again, in the hour that counted them."""
    for row in written:
        counts = delta.at(row["triggered_ms"], row).counts
        for name in ("occurrences_dropped", "occurrences_missed"):
            counts[name] += row["occurrences"] - row["before"]


def rearmed(delta: StatisticsDelta, written: Sequence[Row]) -> None:
    """Count tasks whose schedule was worked out again."""
    for row in written:
        delta.at(row["at_ms"], row).counts["tasks_rearmed"] += 1
