"""The scheduler of this process: the graph that it has open, what runs on it, since when, and how well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar

from remembrancer.engine.scheduler import Scheduler
from remembrancer.errors import NotRunning
from remembrancer.operations.event_feed import EventFeed
from remembrancer.operations.task_commands import TaskCommands
from remembrancer.ports.clock import Clock
from remembrancer.ports.graph import Graph
from remembrancer.service.calls import FORKED, Calls
from remembrancer.service.telemetry.metrics import TickStats
from remembrancer.settings import SchedulerOptions

_T = TypeVar("_T")
CLOSED: Final = "The scheduler has no graph open: await start() first."


class SchedulerProcess:
    """The state of one service; `Lifecycle` alone changes it.

    Args:
        clock: The time.
        options: The scheduler's numbers.
    """

    def __init__(self, clock: Clock, options: SchedulerOptions) -> None:
        self.clock = clock
        self.options = options
        self.calls = Calls()
        self.store: Graph | None = None
        self.scheduler: Scheduler | None = None
        self.task_commands: TaskCommands | None = None
        self.feed: EventFeed | None = None
        self.loop_task: asyncio.Task[None] | None = None
        self.shutdown = asyncio.Event()
        self.started_at: datetime | None = None
        self.error_at_stop: str | None = None

    def graph(self) -> Graph:
        """Return the open graph. Raises NotRunning."""
        return _opened(self.store)

    def commands(self) -> TaskCommands:
        """Return the commands on the open graph. Raises NotRunning."""
        return _opened(self.task_commands)

    def running_scheduler(self) -> Scheduler:
        """Return the scheduler of the open graph. Raises NotRunning."""
        return _opened(self.scheduler)

    def event_feed(self) -> EventFeed:
        """Return the readers of the open graph's events. Raises NotRunning."""
        self.graph()
        return _opened(self.feed)

    @property
    def has_feed_ended(self) -> bool:
        """True if readers of events are to stop: the graph is closed, or about to be."""
        return self.feed is None or self.feed.ended

    def is_healthy(self) -> bool:
        """Return whether the loop runs, and its graph, disk, leases and clock are as they should be."""
        scheduler, task = self.scheduler, self.loop_task
        if not scheduler or not task or task.done() or self.shutdown.is_set() or self.calls.is_forked:
            return False
        return scheduler.health.check() is None

    def last_error(self) -> str | None:
        """Return the present fault in words, or else the last one; None if there was none."""
        if self.calls.is_forked:
            return FORKED
        scheduler = self.scheduler
        return (scheduler.health.check() or scheduler.faults.last_error) if scheduler else self.error_at_stop

    def totals(self) -> Mapping[str, float]:
        """Return the counts over the graph's life; none without an open graph."""
        return self.store.statistics.totals if self.store else {}

    def stats(self) -> TickStats:
        """Return the ticks since the start, and how the loop is."""
        scheduler, task = self.scheduler, self.loop_task
        running = task is not None and not task.done() and not self.calls.is_forked
        uptime = (self.clock.now() - self.started_at).total_seconds() if task and self.started_at else 0.0
        return TickStats(
            runs=scheduler.ticks if scheduler else 0,
            errors=scheduler.record.failed if scheduler else 0,
            age_seconds=scheduler.record.age_seconds if scheduler else 0.0,
            running=running,
            healthy=self.is_healthy(),
            uptime_seconds=uptime,
            missed=scheduler.loop.checks.missed if scheduler else 0,
            background="running" if running else "failed" if task else "stopped",
            memory_bytes=scheduler.memory_bytes if scheduler else 0,
        )


def _opened(part: _T | None) -> _T:
    if part is None:
        raise NotRunning(CLOSED)
    return part
