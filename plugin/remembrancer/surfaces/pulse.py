"""The part of the service that tells how it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from remembrancer.engine.checkup import Diagnosis, examine
from remembrancer.surfaces.gauges import Gauges
from remembrancer.surfaces.holding import GraphHolder
from remembrancer.surfaces.metrics import Passes, Vitals, works
from remembrancer.surfaces.telemetry import Telemetry

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.engine.options import Options
    from remembrancer.engine.scheduler import Scheduler
    from remembrancer.ports.clock import Clock

_HEALTHY_SECONDS: Final = 10.0
"""How much later than its interval a pass may be before the service calls itself unhealthy."""


class Pulse(GraphHolder):
    """What runs in this process, since when, and how well.

    Args:
        clock: The time.
        options: The scheduler's numbers.
    """

    def __init__(self, clock: Clock, options: Options) -> None:
        super().__init__(clock)
        self._options = options
        self._scheduler: Scheduler | None = None
        self._task: asyncio.Task[None] | None = None
        self._shutdown_event = asyncio.Event()
        self._started_at: datetime | None = None
        vitals = Vitals(options.check_interval_seconds, clock.now, self._graph, self._passes, self._calls)
        self._telemetry = Telemetry(vitals)
        self.gauges = Gauges(vitals, lambda: self._scheduler, options.max_concurrent)

    @property
    def telemetry(self) -> Telemetry:
        """The specification's reports on this scheduler."""
        return self._telemetry

    async def examine(self) -> list[Diagnosis]:
        """Return what the ten checks say of the graph and of this scheduler."""
        with self._counted():
            return examine(await self.gauges.facts())

    async def is_healthy(self) -> bool:
        """Whether the checker is alive, its last pass recent and good, and the graph there and the same."""
        return self._is_healthy()

    def _passes(self) -> Passes:
        scheduler = self._scheduler
        last = scheduler.last_pass_at if scheduler else None
        now = self._time_service.now()
        running = self._task is not None and not self._task.done()
        return Passes(
            runs=scheduler.passes if scheduler else 0,
            errors=scheduler.failed_passes if scheduler else 0,
            age_seconds=(now - last).total_seconds() if last else 0.0,
            running=running,
            healthy=self._is_healthy(),
            uptime_seconds=(now - self._started_at).total_seconds() if self._task and self._started_at else 0.0,
            missed=scheduler.missed_checks if scheduler else 0,
            background="running" if running else "failed" if self._task else "stopped",
            memory_bytes=scheduler.memory_bytes if scheduler else 0,
        )

    def _is_healthy(self) -> bool:
        scheduler, task = self._scheduler, self._task
        if not scheduler or not task or task.done() or self._shutdown_event.is_set() or not self._started_at:
            return False
        allowed = self._options.check_interval_seconds + _HEALTHY_SECONDS
        return works(scheduler, self._started_at, self._time_service.now(), allowed)
