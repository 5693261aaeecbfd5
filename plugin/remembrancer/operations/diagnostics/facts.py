"""The facts that the checks of `doctor` judge: of the graph, and of the process that was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.model.timestamps import from_ms, to_iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.circuit import Circuit
    from remembrancer.model.dead_letter import DeadLetter
    from remembrancer.ports.calendars import CalendarInUse
    from remembrancer.ports.halts import HaltRecord
    from remembrancer.ports.health import GraphHealth
    from remembrancer.ports.lineages import LineageState
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
    loop_running: bool
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
    unrun_commands: int = 0
    """So many of the next tasks have a command, while the handler runs none."""
    silent: str | None = None
    """Why the graph did not respond; its facts are empty then. None if it did."""
    calendars: Sequence[CalendarInUse] = ()
    """The calendars that open tasks use."""
    zones_apart: tuple[str, ...] = ()
    """The time zones of which this machine has other rules than the graph."""
    dead_letters: Sequence[DeadLetter] = ()
    """The last of them to fail."""
    exhausted: Sequence[LineageState] = ()
    """A few lineages with open tasks whose budgets have too little left."""
    stray_slots: Mapping[str, Sequence[str]] = field(default_factory=dict[str, "Sequence[str]"])
    """By limit: executions that hold a slot of it, and do not run."""
    halt: HaltRecord | None = None
    """The graph's halt that is in force; None without one."""
    open_circuits: Mapping[str, Circuit] = field(default_factory=dict[str, "Circuit"])
    """The circuits that are open, by their keys."""
    failing_cues: Sequence[tuple[str, str]] = ()
    """A few tasks of kind `cue` whose last check failed, with why."""


def ending_calendars(calendars: Sequence[CalendarInUse], day: str) -> str:
    """Return a sentence on the calendars in use whose data end before *day*; an empty text without any."""
    ending = [each for each in calendars if each.last < day]
    told = ", ".join(f"{each.name} until {each.last} ({each.tasks:,} tasks)" for each in ending[:3])
    return f"{len(ending)} calendars in use are to be renewed: {told}" if ending else ""


def halted(facts: DiagnosticFacts) -> str:
    """Return a sentence on the halt in force; an empty text without any."""
    if (halt := facts.halt) is None:
        return ""
    if halt.is_spoiled:
        return f"nothing begins: {halt.reason[:1].lower()}{halt.reason[1:].rstrip('.')}"
    since = "" if halt.since_ms is None else f" since {to_iso(from_ms(halt.since_ms))}"
    return f"the scheduler is halted{since}: {halt.reason.rstrip('.')}"


def opened(facts: DiagnosticFacts) -> str:
    """Return a clause on the circuits that are open; an empty text without any."""
    told = [
        f"{key} after {each.failures} failures"
        + ("" if each.open_since is None else f", since {to_iso(each.open_since)}")
        + ("" if each.last_failure is None else f", the last: {each.last_failure}")
        for key, each in list(facts.open_circuits.items())[:3]
    ]
    return f"; open circuits, whose tasks wait: {len(facts.open_circuits)}: {'; '.join(told)}" if told else ""


def failed_checks(failing: Sequence[tuple[str, str]]) -> str:
    """Return a sentence on the tasks whose last check failed; an empty text without any."""
    if not failing:
        return ""
    (task_id, error), *_ = failing
    return f"the queries of {len(failing)} cues fail, such as that of {task_id}: {error}"
