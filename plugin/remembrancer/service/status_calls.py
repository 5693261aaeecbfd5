"""Status calls: the part of the service that reports its health and its numbers."""

from __future__ import annotations

import asyncio
from datetime import datetime

from remembrancer.engine.scheduler import Scheduler
from remembrancer.operations.diagnostics.checks import CheckResult, diagnose
from remembrancer.ports.clock import Clock
from remembrancer.service.calls import FORKED, public
from remembrancer.service.graph_holder import GraphHolder
from remembrancer.service.telemetry.gauges import Gauges
from remembrancer.service.telemetry.metrics import TickStats, Vitals
from remembrancer.service.telemetry.reports import Telemetry
from remembrancer.settings import SchedulerOptions


class StatusCalls(GraphHolder):
    """What runs in this process, since when, and how well.

    Args:
        clock: The time.
        options: The scheduler's numbers.
    """

    def __init__(self, clock: Clock, options: SchedulerOptions) -> None:
        super().__init__(clock)
        self._options = options
        self._scheduler: Scheduler | None = None
        self._task: asyncio.Task[None] | None = None
        self._shutdown_event = asyncio.Event()
        self._started_at: datetime | None = None
        self._error_at_stop: str | None = None
        vitals = Vitals(options.check_interval_seconds, clock.now, self._graph, self._passes, self.calls)
        self._telemetry = Telemetry(vitals)
        self.gauges = Gauges(vitals, lambda: self._scheduler, options.max_concurrent_handlers)

    @property
    def telemetry(self) -> Telemetry:
        """The specification's reports on this scheduler."""
        return self._telemetry

    @public
    async def examine(self) -> list[CheckResult]:
        """Return what the ten checks say of the graph and of this scheduler."""
        return diagnose(await self.gauges.facts())

    async def is_healthy(self) -> bool:
        """Whether the checker is alive and at work, and its graph, disk, leases and clock are as they should be.

        False within seconds when any of it is not so; `get_status().last_error` says in words what it is.
        """
        return self._is_healthy()

    def _passes(self) -> TickStats:
        scheduler = self._scheduler
        now = self._time_service.now()
        running = self._task is not None and not self._task.done() and not self.calls.is_forked
        return TickStats(
            runs=scheduler.ticks if scheduler else 0,
            errors=scheduler.record.failed if scheduler else 0,
            age_seconds=scheduler.record.age_seconds if scheduler else 0.0,
            running=running,
            healthy=self._is_healthy(),
            uptime_seconds=(now - self._started_at).total_seconds() if self._task and self._started_at else 0.0,
            missed=scheduler.loop.checks.missed if scheduler else 0,
            background="running" if running else "failed" if self._task else "stopped",
            memory_bytes=scheduler.memory_bytes if scheduler else 0,
        )

    def _is_healthy(self) -> bool:
        scheduler, task = self._scheduler, self._task
        if not scheduler or not task or task.done() or self._shutdown_event.is_set() or self.calls.is_forked:
            return False
        return scheduler.health.check() is None

    def _last_error(self) -> str | None:
        """Say what is wrong just now, or was last."""
        if self.calls.is_forked:
            return FORKED
        scheduler = self._scheduler
        return (scheduler.health.check() or scheduler.faults.last_error) if scheduler else self._error_at_stop
