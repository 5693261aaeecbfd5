"""The facts that the checks of `doctor` judge: of the graph, and of the process that was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remembrancer.ports.health import GraphHealth
    from remembrancer.ports.statistics import LifetimeStatistics, WindowStatistics


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """The process that runs the scheduler."""

    uptime_seconds: float
    passes: int
    failed_passes: int
    missed_checks: int
    pass_age_seconds: float
    interval_seconds: float
    checker_running: bool
    handlers: int
    most_handlers: int
    resident_bytes: int | None
    database_errors: int
    """Since it opened the graph."""


@dataclass(frozen=True, slots=True)
class DiagnosticFacts:
    """The input of the checks."""

    now_ms: int
    sounding: GraphHealth
    answer_seconds: float
    """Duration of the graph's health query."""
    clock_offset_seconds: float
    """The graph's clock minus this machine's, in seconds."""
    day: WindowStatistics
    hour: WindowStatistics
    lifelong: LifetimeStatistics
    open_tasks: int
    most_deferred: tuple[str, int] | None
    """The open task with the most deferrals, and their number."""
    exclusive: bool
    """True if only one process at a time can open this graph."""
    process: ProcessStats | None
    """None if no scheduler runs in this process."""
    refusal: str | None = None
    """Why the graph cannot be written; None if it can."""
    silent: str | None = None
    """Why the graph did not respond; its facts are empty then. None if it did."""
    zones_apart: tuple[str, ...] = ()
    """The time zones of which this machine has other rules than the graph."""
