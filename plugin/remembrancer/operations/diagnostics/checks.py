"""The ten checks of `doctor`: pure functions of facts, each with its finding, its reason and its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from remembrancer.model.handler_result import THOUGHT_REFUSED
from remembrancer.model.timestamps import from_ms, to_iso
from remembrancer.operations.diagnostics.facts import (
    DiagnosticFacts,
    ProcessStats,
    ending_calendars,
    failed_checks,
    halted,
    opened,
)
from remembrancer.operations.diagnostics.remedies import REMEDIES
from remembrancer.ports.statistics import DELAY_BOUNDS_MS, mean_seconds, most_common

__all__ = ["CheckResult", "DiagnosticFacts", "ProcessStats", "Severity", "diagnose", "worst"]


class Severity(StrEnum):
    """The severity of a check; the worst one gives the exit code of `doctor`."""

    OK = "ok"
    """Nothing to do."""
    WARN = "warn"
    """Worth a look."""
    CRITICAL = "critical"
    """Tasks may not run."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check."""

    number: int
    """The place among the checks, from 1."""
    check: str
    """The name of the check."""
    health: Severity
    """The severity."""
    saw: str
    """The state that it found, as text."""
    why: str
    """The reason why this matters."""
    do: str
    """The remedy."""
    numbers: dict[str, float] = field(default_factory=dict[str, float])
    """The figures behind it, by name."""


Judgement = tuple[Severity, str, dict[str, float]]
OK, WARN, CRITICAL = Severity.OK, Severity.WARN, Severity.CRITICAL
FEW: Final = 5
"""Below this number of cases a share is not judged."""
FEW_IN_MANY: Final = 0.01
LARGE_MEMORY: Final = 1 << 30
LATE_SECONDS: Final = 60.0
ALIVE_SECONDS: Final = 60.0
"""A scheduler elsewhere counts as dead after this time without a heartbeat."""
SKEW_SECONDS: Final = 1.0
OFTEN_DEFERRED: Final = 5
MOST_LETTERS: Final = 100
"""The most dead letters that are counted."""
CALENDAR_DAYS: Final = 90
"""A calendar in use whose data end sooner is to be renewed."""


def diagnose(facts: DiagnosticFacts) -> list[CheckResult]:
    """Return the results of all ten checks."""
    diagnoses: list[CheckResult] = []
    for number, judge in enumerate(_CHECKS, 1):
        name = judge.__name__
        unknown = facts.silent is not None and judge not in _WITHOUT_THE_GRAPH
        health, saw, numbers = _UNKNOWN if unknown else judge(facts)
        diagnoses.append(CheckResult(number, name, health, saw, *REMEDIES[name], numbers))
    return diagnoses


def worst(diagnoses: Iterable[CheckResult]) -> Severity:
    """Return the worst severity."""
    return _worst(OK, *(each.health for each in diagnoses))


def executions(facts: DiagnosticFacts) -> Judgement:
    """Failures among the executions that completed or failed in the last day."""
    counts = facts.day.counts
    failed, ended = counts["executions_failed"], counts["executions_failed"] + counts["executions_completed"]
    rate = failed / ended if ended else 0.0
    common = most_common(facts.day.failures)
    saw = f"{failed:.0f} of {ended:.0f} executions failed in the last day ({rate:.1%})"
    saw += f", most often: {common[0]}" if common else ""
    letters = facts.dead_letters
    if letters:
        many = f"{len(letters)} or more" if len(letters) == MOST_LETTERS else str(len(letters))
        last = letters[0]
        saw += f"; dead letters: {many}, the last {last.dead_letter_id}, {last.failures} times {last.fault!r}"
    health = _worst(_by(rate if ended >= FEW else 0.0, 0.1, 0.5), WARN if letters else OK)
    return health, saw, {"failed": failed, "ended": ended, "rate": rate, "dead_letters": float(len(letters))}


def drift(facts: DiagnosticFacts) -> Judgement:
    """Late starts and missed occurrences of the last day."""
    counts = facts.day.counts
    missed, begun = counts["occurrences_missed"], counts["triggers"]
    due = begun + missed
    late = 1 - facts.day.on_time
    bound = _percentile_ms(facts.day.delays, 0.95) / 1000
    saw = f"{begun:.0f} runs started in the last day, {missed:.0f} occurrences were missed"
    saw += f"; {late:.1%} of both were not on time; 95 % of the runs started within {bound:g} s" if due else ""
    health = _worst(_by(late if due >= FEW else 0.0, 0.05, 0.5), WARN if missed else OK)
    return health, saw, {"begun": begun, "missed": missed, "late_share": late, "delay_p95_seconds": bound}


def memory(facts: DiagnosticFacts) -> Judgement:
    """Memory of the scheduler's process."""
    tasks = float(facts.open_tasks)
    resident = facts.process.resident_bytes if facts.process else None
    if resident is None:
        return (
            OK,
            f"{tasks:,.0f} open tasks; the memory of the process that runs them is unknown",
            {"open_tasks": tasks},
        )
    saw = f"{resident / 1e6:,.0f} MB resident, {tasks:,.0f} open tasks"
    return _by(resident, LARGE_MEMORY, 2 * LARGE_MEMORY), saw, {"resident_bytes": resident, "open_tasks": tasks}


def database(facts: DiagnosticFacts) -> Judgement:
    """Response time, errors, writability and disk space of the graph."""
    if facts.silent is not None:
        return CRITICAL, f"the graph does not respond: {facts.silent.splitlines()[0]}", {"answers": 0.0}
    seconds, ever = facts.answer_seconds, facts.lifelong.counts["database_errors"]
    mine = facts.process.database_errors if facts.process else 0
    numbers = {"answer_seconds": seconds, "errors_ever": ever, "errors_of_process": float(mine)}
    saw = f"responded in {seconds * 1000:.0f} ms; {mine} errors since this scheduler started, {ever:.0f} in all"
    health = _worst(_by(seconds, 1.0, 10.0), WARN if mine else OK)
    numbers["writable"] = float(facts.refusal is None)
    if facts.refusal is not None:
        health, saw = CRITICAL, f"the graph cannot be written: {facts.refusal.splitlines()[0].rstrip('.')}; it {saw}"
    if facts.sounding.damage is not None:
        health, saw = CRITICAL, f"{facts.sounding.damage}: `remembrancer check` compares everything; it {saw}"
    free, size = facts.sounding.disk_free, facts.sounding.disk_size
    if free is not None and size:
        numbers |= {"disk_free_bytes": float(free), "disk_free_share": free / size}
        saw += f"; {free / 1e9:,.1f} GB of disk space are free ({free / size:.0%})"
        used = 1 - free / size
        health = _worst(health, _by(used, 0.9, 0.98))
    if facts.sounding.exposure is not None:
        health, saw = _worst(health, WARN), f"{saw}; {facts.sounding.exposure}"
    return health, saw, numbers


def cron(facts: DiagnosticFacts) -> Judgement:
    """Expressions rejected since the graph was created, tasks quarantined in the last day, and cues that fail."""
    counts = facts.lifelong.counts
    refused, accepted = counts["cron_refused"], counts["recurring_created"]
    share = refused / (refused + accepted) if refused else 0.0
    quarantined = facts.day.counts["tasks_quarantined"]
    saw = f"{refused:.0f} expressions were rejected and {accepted:.0f} accepted in all ({share:.0%} rejected)"
    saw += f"; in the last day {quarantined:.0f} unreadable tasks were quarantined as FAILED" if quarantined else ""
    ending = ending_calendars(facts.calendars, from_ms(facts.now_ms + CALENDAR_DAYS * 86_400_000).date().isoformat())
    failing = failed_checks(facts.failing_cues)
    saw += "".join(f"; {each}" for each in (ending, failing) if each)
    health = _worst(_by(share, 0.1, 0.5) if refused >= FEW else OK, WARN if quarantined or ending or failing else OK)
    return health, saw, {"refused": refused, "accepted": accepted, "share": share, "set_aside": quarantined}


def service(facts: DiagnosticFacts) -> Judgement:
    """Age of the last successful tick, failed or missed ticks, and a halt."""
    health, saw, numbers = _ticks(facts)
    if told := halted(facts):
        spoiled = facts.halt is not None and facts.halt.is_spoiled
        health, saw = _worst(health, CRITICAL if spoiled else WARN), f"{told}; {saw}"
    return health, saw, {**numbers, "halted": float(bool(told))}


def _ticks(facts: DiagnosticFacts) -> Judgement:
    process = facts.process
    if process is None:
        return _without_a_scheduler(facts)
    age = process.pass_age_seconds
    saw = f"up for {process.uptime_seconds:,.0f} s; last successful tick {age:,.1f} s ago (check interval "
    saw += f"{process.interval_seconds:g} s); {process.failed_passes} ticks failed, {process.missed_checks} were missed"
    health = _by(age, process.interval_seconds + 10, 3 * process.interval_seconds + 30)
    health = CRITICAL if not process.loop_running else health
    often = process.failed_passes > process.passes * FEW_IN_MANY
    often = often or process.missed_checks > process.uptime_seconds / process.interval_seconds * FEW_IN_MANY
    health = WARN if health is OK and often else health
    saw = saw if process.loop_running else f"the scheduler's loop has died; {saw}"
    numbers = {"running": float(process.loop_running), "pass_age_seconds": age}
    numbers |= {"failed_passes": float(process.failed_passes), "missed_checks": float(process.missed_checks)}
    return health, saw, numbers


def _without_a_scheduler(facts: DiagnosticFacts) -> Judgement:
    """Return the result if no scheduler runs in this process: live schedulers elsewhere, and overdue tasks."""
    waited, due, alive_ms = _due_seconds(facts), facts.sounding.due, facts.sounding.alive_ms
    silent_seconds = None if alive_ms is None else (facts.now_ms - alive_ms) / 1000
    # A heartbeat in the future came from a wrong clock, and must not count for ever.
    alive = silent_seconds is not None and abs(silent_seconds) < ALIVE_SECONDS
    numbers = {"running": 0.0, "due_seconds": waited}
    if due and not alive:
        return CRITICAL, f"due tasks: {due:,}; no scheduler is running", numbers
    where = "on this graph" if facts.exclusive else "here"
    where += f"; the last heartbeat of one elsewhere was {silent_seconds:,.0f} s ago" if alive else ""
    saw = f"no scheduler runs {where}" + (f"; due tasks: {due:,}" if due else "")
    return CRITICAL if waited > LATE_SECONDS else OK if alive else WARN, saw, numbers


def deferrals(facts: DiagnosticFacts) -> Judgement:
    """The share of deferrals, and the task with the most of them."""
    counts = facts.day.counts
    deferred, begun = counts["deferrals"], counts["executions_started"]
    share = deferred / (deferred + begun) if deferred else 0.0
    most = facts.most_deferred[1] if facts.most_deferred else 0
    saw = f"{deferred:.0f} deferrals and {begun:.0f} runs in the last day"
    if common := most_common(facts.day.reasons):
        saw += f", most often: {common[0]}"
    if facts.most_deferred:
        saw += f"; the open task {facts.most_deferred[0]} was deferred {most} times"
    health = _by(share, 0.5, 0.9) if deferred >= FEW else OK
    health = _worst(health, _by(most, OFTEN_DEFERRED, 4 * OFTEN_DEFERRED))
    return health, saw, {"deferrals": deferred, "share": share, "most_of_one_task": float(most)}


def performance(facts: DiagnosticFacts) -> Judgement:
    """Backlog of due tasks, and handler durations compared with the last day."""
    waited, day, hour = _due_seconds(facts), mean_seconds(facts.day.counts), mean_seconds(facts.hour.counts)
    slower = hour / day if day else 1.0
    saw = f"{facts.sounding.due:,} tasks are due"
    saw += f", the oldest for {waited:,.1f} s; " if facts.sounding.due else "; "
    saw += f"a handler took {hour:.3g} s on average in the last hour, {day:.3g} s in the last day"
    longer = slower if hour >= 1.0 else 1.0
    health = _worst(_by(waited, LATE_SECONDS, 5 * LATE_SECONDS), _by(longer, 2.0, 10.0))
    numbers = {"due": float(facts.sounding.due), "due_seconds": waited, "hour_seconds": hour, "day_seconds": day}
    return health, saw, numbers


def limits(facts: DiagnosticFacts) -> Judgement:
    """Running handlers in relation to their limit, open circuits, stray slots, and budgets with too little left."""
    stray, exhausted = sum(map(len, facts.stray_slots.values())), len(facts.exhausted)
    told = f"; slots held by executions that do not run: {stray}, of {', '.join(facts.stray_slots)}" if stray else ""
    if exhausted:
        spent = ", ".join(each.lineage_id for each in facts.exhausted[:FEW])
        told += f"; budgets with too little left for open tasks: {exhausted}, of the lineages of {spent}"
    told += opened(facts)
    numbers = {"stray_slots": float(stray), "exhausted_budgets": float(exhausted)}
    numbers |= {"open_circuits": float(len(facts.open_circuits))}
    health = WARN if stray or exhausted or facts.open_circuits else OK
    if facts.process is None:
        return health, f"no scheduler runs here: no limit of handlers applies{told}", numbers
    running, most = float(facts.process.handlers), float(facts.process.most_handlers)
    saw = f"{running:.0f} of {most:.0f} handlers are running{told}"
    numbers |= {"handlers": running, "limit": most, "share": running / most}
    return _worst(health, _by(running / most, 0.8, 1.0)), saw, numbers


def integration(facts: DiagnosticFacts) -> Judgement:
    """Expired leases, clock skew, unreadable records, rejected thoughts and commands that are not run."""
    now_ms, overdue, offset = facts.now_ms, facts.sounding.overdue_leases, facts.clock_offset_seconds
    since = facts.sounding.oldest_overdue_ms
    refused = float(facts.day.failures[THOUGHT_REFUSED])
    stuck = 0.0 if since is None else (now_ms - since) / 1000
    saw = f"{overdue} of {facts.sounding.leases} leases have expired"
    saw += "" if since is None else f", the first at {to_iso(from_ms(since))}"
    unreadable = facts.sounding.unreadable
    saw += f"; {unreadable:,} records cannot be read" if unreadable else ""
    saw += f"; the graph's clock is {offset:+.1f} s from this machine's"
    saw += f"; {refused:.0f} thoughts were rejected in the last day"
    commands = facts.unrun_commands
    saw += f"; {commands:,} of the next tasks have a command, which the handler does not run" if commands else ""
    apart = facts.zones_apart
    saw += f"; the rules of {', '.join(apart[:FEW])} differ from those of the graph" if apart else ""
    judged = (
        _by(abs(offset), SKEW_SECONDS, 30.0),
        WARN if overdue or refused or unreadable or commands or apart else OK,
        _by(stuck, 1e-3, 600.0),
    )
    numbers = {"overdue_leases": float(overdue), "stuck_seconds": stuck, "clock_offset_seconds": offset}
    numbers |= {"records_unreadable": float(unreadable), "zones_apart": float(len(apart))}
    return _worst(*judged), saw, {**numbers, "thoughts_refused": refused}


def _worst(*healths: Severity) -> Severity:
    return max(healths, key=list(Severity).index)


def _by(value: float, warn: float, critical: float) -> Severity:
    return CRITICAL if value >= critical else WARN if value >= warn else OK


def _due_seconds(facts: DiagnosticFacts) -> float:
    oldest = facts.sounding.oldest_due_ms
    return 0.0 if oldest is None else max(0.0, (facts.now_ms - oldest) / 1000)


def _percentile_ms(delays: list[int], share: float) -> float:
    """Return the upper bound of the class that holds this percentile; for the last class, its lower bound."""
    wanted, seen = share * sum(delays), 0
    for bound, number in zip(DELAY_BOUNDS_MS, delays, strict=False):
        seen += number
        if seen >= wanted:
            return bound if wanted else 0
    return DELAY_BOUNDS_MS[-1]


_CHECKS: Final[tuple[Callable[[DiagnosticFacts], Judgement], ...]] = (
    *(executions, drift, memory, database, cron),
    *(service, deferrals, performance, limits, integration),
)
"""In the order of the specification's recommendations."""
_WITHOUT_THE_GRAPH: Final = frozenset({memory, database, service, limits})
"""The checks that need only the process."""
_UNKNOWN: Final[Judgement] = (WARN, "unknown while the graph does not respond", {})
