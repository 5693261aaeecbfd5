"""Gauges of one scheduler: read from the process at once, and from the graph a little before."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.memory_usage import resident_bytes
from remembrancer.errors import GraphUnavailable, RemembrancerError
from remembrancer.model.circuit import CIRCUIT
from remembrancer.model.service_status import WaitingReport
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.diagnostics.checks import MOST_LETTERS, DiagnosticFacts, ProcessStats
from remembrancer.operations.diagnostics.unreadable_graph import facts_without_graph
from remembrancer.operations.statistics import most_deferred
from remembrancer.service.telemetry.metrics import active_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.engine.scheduler import Scheduler
    from remembrancer.model.circuit import Circuit
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.health import GraphHealth
    from remembrancer.ports.statistics import LifetimeStatistics
    from remembrancer.ports.telemetry import ObservedTelemetry
    from remembrancer.service.telemetry.metrics import Vitals

_PATIENCE_SECONDS: Final = 30.0
"""Seconds that the graph may take for all that the checks ask of it."""
_STATUS_SECONDS: Final = 5.0
"""Seconds that the graph may take for the counts of a status."""
_MOST_LIMITS: Final = 1000
_EVERY_SECONDS: Final = 15.0
"""Seconds between two reads of the graph, for collectors that do not ask first."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """A probe of the graph, the time that it took, and the offset of the graph's clock."""

    sounding: GraphHealth
    answer_seconds: float
    clock_offset_seconds: float


class Gauges:
    """The values of one scheduler.

    Args:
        vitals: What the process tells.
        scheduler: The one that is open; None if none is.
        most_handlers: How many handlers may be under way.
    """

    def __init__(self, vitals: Vitals, scheduler: Callable[[], Scheduler | None], most_handlers: int) -> None:
        self._vitals = vitals
        self._scheduler = scheduler
        self._most_handlers = most_handlers
        self._taken: ProbeResult | None = None
        self._waiting: WaitingReport | None = None
        self._errors_before = 0.0

    def begin(self) -> None:
        """The graph has just been opened."""
        self.forget()
        self._errors_before = self._vitals.store().statistics.totals.get("database_errors", 0)

    def read(self) -> dict[str, float]:
        """Return the values by the names of the instruments, without asking the graph."""
        scheduler = self._scheduler()
        if scheduler is None:
            return {}
        passes, totals = self._vitals.passes(), self._vitals.store().statistics.totals
        values: dict[str, float] = {
            "scheduler.executions.running": scheduler.running,
            "scheduler.executions.limit": self._most_handlers,
            "scheduler.loop.running": float(passes.running),
            "scheduler.tick.age": passes.age_seconds,
            "scheduler.check.interval": self._vitals.interval_seconds,
            "scheduler.halted": float(scheduler.gate.is_closed),
            "scheduler.ticks": passes.runs,
            "scheduler.ticks.failed": passes.errors,
            "scheduler.ticks.missed": passes.missed,
            "scheduler.tasks.open": active_tasks(totals),
            "scheduler.retries": totals.get("executions_retried", 0),
            "scheduler.failures.final": totals.get("failures_final", 0),
            "scheduler.deferrals": totals.get("deferrals", 0),
            "scheduler.cron.refused": totals.get("cron_refused", 0),
            "scheduler.database.errors": totals.get("database_errors", 0),
        }
        if (resident := resident_bytes()) is not None:
            values["process.memory.usage"] = resident
        values |= self._sounded(self._taken) if self._taken else {}
        return values | (_waiting_values(self._waiting) if self._waiting else {})

    @property
    def waiting(self) -> WaitingReport | None:
        """The counts of what waits, as they were last read; None if that is not known."""
        return self._waiting

    async def refresh_waiting(self) -> None:
        """Count what waits, on any event loop; where the graph does not answer it is not known."""
        try:
            async with asyncio.timeout(_STATUS_SECONDS):
                await self._vitals.calls.carry(self._count_waiting)
        except (RemembrancerError, TimeoutError):
            self._waiting = None

    async def refresh(self) -> ProbeResult:
        """Ask the graph how it stands."""
        began, now = time.perf_counter(), self._vitals.now()
        sounding = await self._vitals.store().health.probe(now)
        spent = time.perf_counter() - began
        offset = 0.0 if sounding.graph_now_ms is None else (sounding.graph_now_ms - to_ms(now)) / 1000
        if (scheduler := self._scheduler()) and sounding.graph_now_ms is not None:
            offset += scheduler.membership.clock_offset_seconds  # a clock that goes by the graph's hides its own error
        late = min(spent, max(0.0, offset))  # the graph answered somewhere between asking and hearing
        self._taken = ProbeResult(sounding, spent, offset - late)
        await self._count_waiting()
        return self._taken

    def forget(self) -> None:
        """Show nothing of the graph until it has been asked again."""
        self._taken = self._waiting = None

    async def keep_fresh(self, instruments: ObservedTelemetry) -> None:
        """Ask now and then, for ever, while anybody reads the instruments."""
        while True:
            if instruments.live:
                instruments.drain()
                try:
                    await self.refresh()
                except RemembrancerError:
                    self.forget()  # what is not known is not shown
            await asyncio.sleep(_EVERY_SECONDS)

    async def facts(self) -> DiagnosticFacts:
        """Return everything that the checks of `doctor` judge; of a graph that does not answer, why."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._asked()
        except GraphUnavailable as error:
            return self._without_the_graph(str(error))
        except TimeoutError:
            return self._without_the_graph(f"Nothing came within {_PATIENCE_SECONDS:g} s.")

    async def _asked(self) -> DiagnosticFacts:
        """Ask the graph: a few reads, none of them over all executions."""
        store, now = self._vitals.store(), self._vitals.now()
        taken = await self.refresh()
        lifelong, halt = await store.statistics.lifetime(), await store.halts.read()
        return DiagnosticFacts(
            now_ms=to_ms(now),
            sounding=taken.sounding,
            answer_seconds=taken.answer_seconds,
            clock_offset_seconds=taken.clock_offset_seconds,
            day=await store.statistics.window(now - timedelta(days=1), until=now),
            hour=await store.statistics.window(now - timedelta(hours=1), until=now),
            lifelong=lifelong,
            open_tasks=int(active_tasks(lifelong.counts)),
            most_deferred=await _most_deferred(store, lifelong),
            exclusive=store.exclusive,
            process=self._process(),
            refusal=await store.health.refusal(),
            calendars=await store.calendars.in_use(),
            zones_apart=await self._zones_apart(store),
            dead_letters=await store.dead_letters.all(None, MOST_LETTERS),
            exhausted=await store.lineages.exhausted(MOST_LETTERS),
            stray_slots=await store.limits.stray(),
            open_circuits=await _open_circuits(store, to_ms(now)),
            halt=halt if halt.in_force else None,
            failing_cues=await store.watches.failing(),
        )

    async def _zones_apart(self, store: Graph) -> tuple[str, ...]:
        """Return the time zones of which this machine has other rules than the graph."""
        scheduler = self._scheduler()
        if scheduler is None:
            return ()
        return tuple(each.timezone for each in scheduler.rules.differences(await store.armed_times.kept_rules()))

    def _without_the_graph(self, silent: str) -> DiagnosticFacts:
        store = self._vitals.store()
        return facts_without_graph(
            to_ms(self._vitals.now()),
            silent,
            open_tasks=int(active_tasks(store.statistics.totals)),
            exclusive=store.exclusive,
            process=self._process(),
        )

    def _process(self) -> ProcessStats | None:
        passes, scheduler = self._vitals.passes(), self._scheduler()
        if scheduler is None or passes.background == "stopped":
            return None
        return ProcessStats(
            uptime_seconds=passes.uptime_seconds,
            passes=passes.runs,
            failed_passes=passes.errors,
            missed_checks=passes.missed,
            pass_age_seconds=passes.age_seconds if passes.runs else passes.uptime_seconds,
            interval_seconds=self._vitals.interval_seconds,
            loop_running=passes.running,
            handlers=scheduler.running,
            most_handlers=self._most_handlers,
            resident_bytes=resident_bytes(),
            database_errors=int(self._vitals.store().statistics.totals.get("database_errors", 0) - self._errors_before),
        )

    async def _count_waiting(self) -> None:
        now = self._vitals.now()
        counts = await self._vitals.store().health.waiting()
        since_ms = to_ms(now) if counts.since_ms is None else counts.since_ms
        self._waiting = WaitingReport(
            as_of=now,
            retries=counts.retries,
            tasks=dict(counts.tasks),
            longest_wait_seconds=max(0.0, (to_ms(now) - since_ms) / 1000),
            dead_letters=counts.dead_letters,
            dead_letter_failures=counts.dead_letter_failures,
        )

    def _sounded(self, taken: ProbeResult) -> dict[str, float]:
        sounding, now_ms = taken.sounding, to_ms(self._vitals.now())
        age = 0.0 if sounding.oldest_due_ms is None else max(0.0, (now_ms - sounding.oldest_due_ms) / 1000)
        values: dict[str, float] = {
            "scheduler.due.backlog": sounding.due,
            "scheduler.due.age": age,
            "scheduler.leases.overdue": sounding.overdue_leases,
            "scheduler.clock.offset": taken.clock_offset_seconds,
        }
        if sounding.disk_free is not None and sounding.disk_size is not None:
            values |= {"scheduler.disk.free": sounding.disk_free, "scheduler.disk.size": sounding.disk_size}
        return values


def _waiting_values(waiting: WaitingReport) -> dict[str, float]:
    return {
        "scheduler.retries.waiting": waiting.retries,
        "scheduler.dead_letters": waiting.dead_letters,
        "scheduler.dead_letters.failures": waiting.dead_letter_failures,
        "scheduler.tasks.waiting.longest": waiting.longest_wait_seconds,
        **{f"scheduler.tasks.waiting.{kind}": tasks for kind, tasks in waiting.tasks.items()},
    }


async def _open_circuits(store: Graph, now_ms: int) -> dict[str, Circuit]:
    """Return the circuits that are open, by the keys of tasks."""
    limits = await store.limits.all(_MOST_LIMITS, now_ms)
    found = {each.key.removeprefix(CIRCUIT): each.circuit for each in limits if each.circuit is not None}
    return {key: each for key, each in found.items() if each.open_since is not None}


async def _most_deferred(store: Graph, lifelong: LifetimeStatistics) -> tuple[str, int] | None:
    """Return the open task with the most deferrals, and their number."""
    task = await most_deferred(store, lifelong)
    return (task.task_id, task.deferral_count) if task and task.is_open else None
