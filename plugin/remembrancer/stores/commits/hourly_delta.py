"""The statistics of one commit before they are written: counts by UTC hour and type of task.

The hour is that of the time which the row itself carries: an execution counts where it was triggered as started, and
where it was completed as ended. A count over all hours is therefore a count over the nodes, of any window.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.ports.statistics import DELAY_BOUNDS_MS, LIFETIME, STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remembrancer.stores.commits.statement import Row

Counts = dict[str, float]
HOUR_MS: Final = 3_600_000
_BUCKETS: Final = len(DELAY_BOUNDS_MS) + 1


def zero() -> Counts:
    """Return counters that have counted nothing."""
    return dict.fromkeys(LIFETIME, 0)


@dataclass(slots=True)
class HourlyDelta:
    """The counts of one hour and one type of task."""

    counts: Counter[str] = field(default_factory=Counter[str])
    delays: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    longest_delay_ms: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])


class StatisticsDelta:
    """The counts that one commit adds."""

    def __init__(self) -> None:
        self.hours: dict[tuple[int, str], HourlyDelta] = {}
        self.open_crons: Counter[str] = Counter()
        """The number of open tasks that each cron expression gained or lost."""
        self.most_deferred: tuple[int, str] = (0, "")
        """The largest `deferral_count` written, and the id of its task."""

    def at(self, timestamp_ms: int, row: Row) -> HourlyDelta:
        """Return the counts of the hour of *timestamp_ms* and of the row's type of task."""
        key = (timestamp_ms // HOUR_MS, row["task_type"])
        delta = self.hours.get(key)
        if delta is None:
            delta = self.hours[key] = HourlyDelta()
        return delta

    def totals(self) -> Iterator[tuple[str, float]]:
        """Yield the gains of the counters of the graph's whole life."""
        for delta in self.hours.values():
            yield from delta.counts.items()
        for (_, task_type), delta in self.hours.items():
            if task_type == "recurring":
                for step in STEPS:
                    yield f"recurring_{step}", delta.counts[f"tasks_{step}"]
