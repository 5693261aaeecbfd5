"""The statistics port: hourly and lifetime counters.

Laws: each number is written in the commit that it counts, so that it survives a crash and equals a recount. The reads
for one answer are bounded by the window that is asked for, never by how much happened in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.task_status import TaskType

COUNTS: Final[tuple[str, ...]] = (
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
"""The counters of an hour and of the graph's whole life; the data dictionary explains each."""

STEPS: Final = ("created", "begun", "completed", "failed", "cancelled")
"""The steps of a task's life that are counted, as `tasks_…`; of recurring ones once more, as `recurring_…`."""

LIFETIME: Final[tuple[str, ...]] = (
    *COUNTS,
    *(f"recurring_{step}" for step in STEPS),
    "cron_refused",
    "database_errors",
)
"""The counters of the graph's whole life."""

ON_TIME_MS: Final = 1000
"""The longest delay of a run, after its armed time, that counts as on time."""

DELAY_BOUNDS_MS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 5000, 15_000, 60_000, 300_000, 3_600_000)
"""Upper bounds of the classes of trigger delays; one more class is for longer delays."""

OTHER: Final = "(other)"
"""The text under which the rest is counted where there were many different texts."""


ENDS: Final = tuple(f"executions_{how}" for how in ("completed", "failed", "deferred", "cancelled"))
"""The counters of executions that a handler ran; a lost one, whose time is not known, is among the failed."""


def mean_seconds(counts: Mapping[str, float]) -> float:
    """Return the mean duration of handlers, over the executions whose duration is known; 0 without any."""
    timed = sum(counts.get(name, 0) for name in ENDS) - counts.get("executions_lost", 0)
    return counts.get("execution_seconds", 0) / timed if timed > 0 else 0.0


def most_common(texts: Counter[str]) -> tuple[str, int] | None:
    """Return the most frequent text, and its least count; None without any."""
    return next(((text, count) for text, count in texts.most_common() if text != OTHER), None)


@dataclass(slots=True)
class WindowStatistics:
    """The counts of a span of hours."""

    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    delays: list[int] = field(default_factory=lambda: [0] * (len(DELAY_BOUNDS_MS) + 1))
    """Runs by class of trigger delay, as `DELAY_BOUNDS_MS` says."""
    longest_delay_ms: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])
    """The least number of failed executions for each reason; the rest is `OTHER`."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    """The least number of deferrals for each reason; the rest is `OTHER`."""

    @property
    def on_time(self) -> float:
        """The fraction of due runs that began on time; 1 without due runs."""
        due = self.counts["triggers"] + self.counts["occurrences_missed"]
        return self.counts["triggers_on_time"] / due if due else 1.0


@dataclass(frozen=True, slots=True)
class LifetimeStatistics:
    """The counts since the graph was made, over all replicas."""

    counts: Mapping[str, float]
    errors: Counter[str]
    """The least number of each error: of failed executions, rejected cron expressions and the graph."""
    most_deferred: tuple[int, str] | None
    """The largest number of deferrals of one task, and its id."""


@dataclass(frozen=True, slots=True)
class CronUsage:
    """One cron expression, and how many open tasks follow it."""

    expression: str
    tasks: int


class Statistics(Protocol):
    """The statistics of one memory graph: hourly, lifetime, and as far as this process knows."""

    commit_sizes: deque[int]
    """The rows of each of the latest commits; the telemetry that measures them takes them out."""

    @property
    def totals(self) -> Mapping[str, float]:
        """The lifetime counters as far as this process knows, without asking the graph."""
        ...

    def count(self, what: str, text: str) -> None:
        """Count something that changes no task, such as `cron_refused`; *text* describes it for readers.

        It is written with the next commit, at the latest when the graph is closed.
        """
        ...

    async def reload(self) -> None:
        """Read the lifetime counters again: when the graph is opened, and when it has been replaced."""
        ...

    async def window(
        self, since: datetime, task_type: TaskType | None = None, *, until: datetime | None = None
    ) -> WindowStatistics:
        """Return the counts from the UTC hour of *since* to that of *until*: it reads two nodes an hour and writer.

        Without *until*, hours in the future count too: a clock that ran ahead leaves some.
        """
        ...

    async def lifetime(self) -> LifetimeStatistics:
        """Return the counts since the graph was made, over all replicas: it reads one node for each writer."""
        ...

    async def fold(self, idle: timedelta) -> int:
        """Add up the counters of writers that have not committed for *idle*, dead or not; return how many they were.

        The totals stay the same: a writer that commits again begins a new counter.
        """
        ...

    async def cron_usage(self, limit: int) -> Sequence[CronUsage]:
        """Return the cron expressions that most open tasks follow."""
        ...

    async def tasks_of_cron(self, expression: str, limit: int) -> Sequence[ScheduledTask]:
        """Return open tasks that follow *expression*, in the order of their ids."""
        ...
