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
    """What the checks judge."""

    now_ms: int
    sounding: GraphHealth
    answer_seconds: float
    """How long the graph took for the sounding."""
    clock_offset_seconds: float
    """How far the graph's clock is ahead of ours."""
    day: WindowStatistics
    hour: WindowStatistics
    lifelong: LifetimeStatistics
    open_tasks: int
    most_deferred: tuple[str, int] | None
    """The open task that was put off most often, and how often."""
    exclusive: bool
    """Whether a scheduler elsewhere could not hold this graph."""
    process: ProcessStats | None
    """None: no scheduler runs where this was asked."""
    refusal: str | None = None
    """Why the graph cannot be written; None where it can."""
    silent: str | None = None
    """Why the graph did not answer: what it would have told stands at nothing then."""
