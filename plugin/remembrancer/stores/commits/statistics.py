"""What a commit counts: read off the rows that were really written, by UTC hour and type of task.

An hour is that of the moment which the row itself carries: an execution counts where it was triggered as started,
and where it was completed as ended. A count over all hours is therefore a count over the nodes, of any window.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.model.handler_result import THOUGHT_REFUSED
from remembrancer.ports.statistics import DELAY_BOUNDS_MS, LIFELONG, ON_TIME_MS, STEPS
from remembrancer.stores.commits.events import events_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from remembrancer.stores.commits.statement import Row

Counts = dict[str, float]
HOUR_MS: Final = 3_600_000
_LONGEST: Final = 160
"""Characters of a text that is counted; a longer one is counted by its beginning."""
_LOST: Final = "The scheduler went away while it ran"
"""The reason of a lost execution names the replica: of those there is no end."""
_NONE_GIVEN: Final = "(none given)"
_ENDS: Final = {"COMPLETE": "tasks_completed", "FAILED": "tasks_failed", "CANCELLED": "tasks_cancelled"}
_BUCKETS: Final = len(DELAY_BOUNDS_MS) + 1


def zero() -> Counts:
    """Return counters that have counted nothing."""
    return dict.fromkeys(LIFELONG, 0)


@dataclass(slots=True)
class HourlyDelta:
    """What was counted of one hour and one type of task."""

    counts: Counter[str] = field(default_factory=Counter[str])
    delays: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    longest_delay_ms: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])


class CommitStatistics:
    """What one commit counts."""

    def __init__(self) -> None:
        self.hours: dict[tuple[int, str], HourlyDelta] = {}
        self.open_crons: Counter[str] = Counter()
        """How many open tasks each cron expression gained or lost."""
        self.most_deferred: tuple[int, str] = (0, "")
        """The largest `deferral_count` written, and of which task."""
        self.happened: list[Row] = []
        """What the commit did, for the event log."""

    def __bool__(self) -> bool:
        """Whether anything was counted or happened."""
        return bool(self.hours or self.happened)

    def add(self, name: str, written: Sequence[Row]) -> None:
        """Add what the statement *name* did by writing these rows."""
        self.count(name, written)
        self.happened += events_of(name, written)

    def count(self, name: str, written: Sequence[Row]) -> None:
        """Add what is counted of that, and no event of it."""
        if (count := _COUNTED.get(name)) and written:
            count(self, written)

    def at(self, moment_ms: int, row: Row) -> HourlyDelta:
        """Return the sums of the hour of *moment_ms* and of the row's type of task."""
        key = (moment_ms // HOUR_MS, row["task_type"])
        sums = self.hours.get(key)
        if sums is None:
            sums = self.hours[key] = HourlyDelta()
        return sums

    def totals(self) -> Iterator[tuple[str, float]]:
        """Yield what the counters of the graph's whole life gain."""
        for sums in self.hours.values():
            yield from sums.counts.items()
        for (_, task_type), sums in self.hours.items():
            if task_type == "recurring":
                for step in STEPS:
                    yield f"recurring_{step}", sums.counts[f"tasks_{step}"]


def shortened(text: str | None) -> str:
    """Return what a text is counted as: its first line, not too long."""
    return ((text or "").strip().splitlines() or [_NONE_GIVEN])[0][:_LONGEST]


def _by_hour(tally: CommitStatistics, written: Sequence[Row], moment: str) -> Iterator[tuple[HourlyDelta, list[Row]]]:
    """Yield the sums of each hour and type of task that *written* falls into, with its rows: nearly always one."""
    parts: dict[tuple[int, str], list[Row]] = {}
    for row in written:
        parts.setdefault((row[moment] // HOUR_MS, row["task_type"]), []).append(row)
    for rows in parts.values():
        yield tally.at(rows[0][moment], rows[0]), rows


def _started(tally: CommitStatistics, written: Sequence[Row]) -> None:
    for sums, rows in _by_hour(tally, written, "triggered_ms"):
        counts = sums.counts
        counts["executions_started"] += len(rows)
        if crons := sum(row["execution_type"] == "cron_trigger" for row in rows):
            counts["cron_triggers"] += crons
        if begun := sum("begins" in row for row in rows):
            counts["tasks_begun"] += begun
        delays = [row["trigger_delay_ms"] for row in rows if row.get("trigger_delay_ms") is not None]
        if delays:
            _delayed(sums, delays)


def _delayed(sums: HourlyDelta, delays_ms: Sequence[int]) -> None:
    counts = sums.counts
    counts["triggers"] += len(delays_ms)
    counts["trigger_delay_ms"] += sum(delays_ms)
    if on_time := sum(delay_ms <= ON_TIME_MS for delay_ms in delays_ms):
        counts["triggers_on_time"] += on_time
    sums.longest_delay_ms = max(sums.longest_delay_ms, *delays_ms)
    for delay_ms in delays_ms:
        sums.delays[bisect_left(DELAY_BOUNDS_MS, delay_ms)] += 1


def _settled(tally: CommitStatistics, written: Sequence[Row]) -> None:
    for sums, rows in _by_hour(tally, written, "completed_ms"):
        outcomes = [row["outcome"] for row in rows]
        for status, count in Counter(outcome["status"] for outcome in outcomes).items():
            sums.counts[f"executions_{status}"] += count
        # How long a lost one really ran is not known.
        known = [outcome["duration_seconds"] for outcome in outcomes if not _is_lost(outcome)]
        if known:
            sums.counts["execution_seconds"] += sum(known)
        if lost := len(outcomes) - len(known):
            sums.counts["executions_lost"] += lost
        sums.failures.update(_failure(outcome) for outcome in outcomes if outcome["status"] == "failed")


def _is_lost(outcome: Row) -> bool:
    return outcome.get("reason_code") == "lease_expired"


def _failure(outcome: Row) -> str:
    """Return what a failure is counted as: refused thoughts, whose reasons quote them, all as one; and so lost runs."""
    reason = outcome.get("reason")
    if _is_lost(outcome):
        return _LOST
    return THOUGHT_REFUSED if (reason or "").startswith(THOUGHT_REFUSED) else shortened(reason)


def _dropped(tally: CommitStatistics, written: Sequence[Row]) -> None:
    for row in written:
        counts = tally.at(row["triggered_ms"], row).counts
        counts["occurrences_dropped"] += row["occurrences"]
        if row["status"] == "missed":
            counts["occurrences_missed"] += row["occurrences"]
        if row.get("begins"):
            counts["tasks_begun"] += 1
        if name := _ENDS.get(row.get("task_status", "")):
            counts[name] += 1


def _created(tally: CommitStatistics, written: Sequence[Row]) -> None:
    for row in written:
        tally.at(row["created_ms"], row).counts["tasks_created"] += 1
        if expression := row.get("schedule_cron"):
            tally.open_crons[expression] += 1


def _retired(tally: CommitStatistics, written: Sequence[Row]) -> None:
    for row in written:
        tally.at(row["at_ms"], row).counts[_ENDS[row["status"]]] += 1


def _ended_as(status: str, *, by_checker: bool = False) -> Callable[[CommitStatistics, Sequence[Row]], None]:
    """Return what counts tasks that somebody, or the checker, has ended so."""

    def count(tally: CommitStatistics, written: Sequence[Row]) -> None:
        for row in written:
            counts = tally.at(row["at_ms"], row).counts
            counts[_ENDS[status]] += 1
            if by_checker:
                counts["tasks_quarantined"] += 1
            if row["before"] == "PENDING":
                counts["tasks_begun"] += 1
            if expression := row.get("schedule_cron"):
                tally.open_crons[expression] -= 1

    return count


def _deferred(tally: CommitStatistics, written: Sequence[Row]) -> None:
    for row in written:
        sums = tally.at(row["deferred_ms"], row)
        sums.counts["deferrals"] += 1
        sums.reasons[shortened(row["reason"])] += 1
        tally.most_deferred = max(tally.most_deferred, (row["deferral_count"], row["task_id"]))


def _retracted(tally: CommitStatistics, written: Sequence[Row]) -> None:
    """What was missed lies ahead again: it counts no more, in the hour in which it was counted."""
    for row in written:
        counts = tally.at(row["triggered_ms"], row).counts
        for name in ("occurrences_dropped", "occurrences_missed"):
            counts[name] += row["occurrences"] - row["before"]


def _rearmed(tally: CommitStatistics, written: Sequence[Row]) -> None:
    for row in written:
        tally.at(row["at_ms"], row).counts["tasks_rearmed"] += 1


_COUNTED: Final[dict[str, Callable[[CommitStatistics, Sequence[Row]], None]]] = {
    "claim_executions": _started,
    "start_executions": _started,
    "retry_executions": _started,
    "settle_executions": _settled,
    "lose_executions": _settled,
    "record_outcomes": _dropped,
    "skip_unreadable": _dropped,
    "create_tasks": _created,
    "retire_tasks": _retired,
    "cancel_tasks": _ended_as("CANCELLED"),
    "quarantine_tasks": _ended_as("FAILED", by_checker=True),
    "record_deferrals": _deferred,
    "rearm_tasks": _rearmed,
    "shorten_missed": _retracted,
    "erase_missed": _retracted,
}
