"""What a graph keeps of its own past in numbers: read in an instant, however long the past is.

Laws: every number was written in the commit that it counts, so that it survives a crash and equals a recount;
what is read for one answer is bounded by the window asked for, never by how much happened in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.task_status import TaskStatus, TaskType

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
    "occurrences_dropped",
    "occurrences_missed",
    "execution_seconds",
)
"""What is counted by hour, and over the graph's whole life; each is explained in the data dictionary."""

STEPS: Final = ("created", "begun", "completed", "failed", "cancelled")
"""The steps of a task's life that are counted, as `tasks_…`; of recurring ones once more, as `recurring_…`."""

LIFELONG: Final[tuple[str, ...]] = (
    *COUNTS,
    *(f"recurring_{step}" for step in STEPS),
    "cron_refused",
    "database_errors",
)
"""What is counted over the graph's whole life."""

ON_TIME_MS: Final = 1000
"""How much later than armed for a run may begin and still count as on time."""

DELAY_BOUNDS_MS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 5000, 15_000, 60_000, 300_000, 3_600_000)
"""Upper bounds of the classes of trigger delays; one more class is for what is later still."""

OTHER: Final = "(other)"
"""Stands for what was counted of no text by itself, where there were many different ones."""


ENDS: Final = tuple(f"executions_{how}" for how in ("completed", "failed", "deferred", "cancelled"))
"""How executions end that a handler ran; a lost one, whose time is not known, is among the failed."""


def mean_seconds(counts: Mapping[str, float]) -> float:
    """Return how long a handler took on average, over the executions of which that is known; 0 without any."""
    timed = sum(counts.get(name, 0) for name in ENDS) - counts.get("executions_lost", 0)
    return counts.get("execution_seconds", 0) / timed if timed > 0 else 0.0


def most_common(texts: Counter[str]) -> tuple[str, int] | None:
    """Return the text that was counted most often, and how often at least; None without any."""
    return next(((text, count) for text, count in texts.most_common() if text != OTHER), None)


@dataclass(slots=True)
class WindowStatistics:
    """What was counted in a span of hours."""

    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    delays: list[int] = field(default_factory=lambda: [0] * (len(DELAY_BOUNDS_MS) + 1))
    """Runs by class of trigger delay, as `DELAY_BOUNDS_MS` says."""
    longest_delay_ms: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])
    """How often, at least, each text stood as the reason of a failed execution; the rest of all is `OTHER`."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    """How often, at least, each text stood as the reason of a deferral; the rest of all is `OTHER`."""

    @property
    def on_time(self) -> float:
        """The share of runs that began on time, of those that began or were missed; 1 without any."""
        due = self.counts["triggers"] + self.counts["occurrences_missed"]
        return self.counts["triggers_on_time"] / due if due else 1.0


@dataclass(frozen=True, slots=True)
class LifetimeStatistics:
    """What was counted since the graph was made, over all replicas."""

    counts: Mapping[str, float]
    errors: Counter[str]
    """How often, at least, each text was an error: of a failed execution, a refused cron expression, the graph."""
    most_deferred: tuple[int, str] | None
    """The largest number of deferrals of one task, and its id."""


@dataclass(frozen=True, slots=True)
class CronUsage:
    """One cron expression, and how many open tasks follow it."""

    expression: str
    tasks: int


@dataclass(frozen=True, slots=True)
class TaskPageQuery:
    """Which tasks to list: of one status and type, below the id *before* if given, the newest first."""

    status: TaskStatus
    task_type: TaskType
    limit: int
    before: str | None = None


class Statistics(Protocol):
    """The books of one memory graph."""

    async def window(
        self, since: datetime, task_type: TaskType | None = None, *, until: datetime | None = None
    ) -> WindowStatistics:
        """Return what was counted from the UTC hour of *since* to that of *until*: two nodes an hour and writer.

        Without *until* the hours count too that are ahead, which a clock that ran ahead has left.
        """
        ...

    async def lifelong(self) -> LifetimeStatistics:
        """Return what was counted since the graph was made: one read of a node a writer."""
        ...

    async def fold(self, idle: timedelta) -> int:
        """Add up the counters of writers that have not committed for so long, be they dead or not; return how many.

        What is counted in all stays the same: a writer that commits again begins a counter at nothing.
        """
        ...

    async def crons(self, limit: int) -> Sequence[CronUsage]:
        """Return the cron expressions that most open tasks follow."""
        ...

    async def tasks_of_cron(self, expression: str, limit: int) -> Sequence[ScheduledTask]:
        """Return open tasks that follow *expression*, in the order of their ids."""
        ...

    async def listed(self, page: TaskPageQuery) -> Sequence[ScheduledTask]:
        """Return tasks of one status and type, the newest first, from their index."""
        ...

    @property
    def connections(self) -> int:
        """How many connections to the graph this process holds: as many as were ever in use at once."""
        ...
