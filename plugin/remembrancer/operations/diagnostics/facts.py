"""The facts that the checks of `doctor` judge: of the graph, and of the process that was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remembrancer.ports.health import Sounding
    from remembrancer.ports.statistics import Lifelong, Window


@dataclass(frozen=True, slots=True)
class Process:
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
class Facts:
    """What the checks judge."""

    now_ms: int
    sounding: Sounding
    answer_seconds: float
    """How long the graph took for the sounding."""
    clock_offset_seconds: float
    """How far the graph's clock is ahead of ours."""
    day: Window
    hour: Window
    lifelong: Lifelong
    open_tasks: int
    most_deferred: tuple[str, int] | None
    """The open task that was put off most often, and how often."""
    exclusive: bool
    """Whether a scheduler elsewhere could not hold this graph."""
    process: Process | None
    """None: no scheduler runs where this was asked."""
    refusal: str | None = None
    """Why the graph cannot be written; None where it can."""
    silent: str | None = None
    """Why the graph did not answer: what it would have told stands at nothing then."""
