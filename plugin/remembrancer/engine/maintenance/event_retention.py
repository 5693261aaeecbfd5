"""Event retention: the oldest events are deleted regularly, while nothing is due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.clock_steps import is_within
from remembrancer.ports.event_log import EventRetentionPolicy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from datetime import datetime

    from remembrancer.ports.clock import Clock
    from remembrancer.ports.event_log import EventLog
    from remembrancer.settings import SchedulerOptions

_INTERVAL: Final = timedelta(seconds=30)


class EventRetention:
    """Prunes the event log.

    Args:
        events: The log.
        clock: The time.
        options: The number of events to keep, and their age.
    """

    def __init__(self, events: EventLog, clock: Clock, options: SchedulerOptions) -> None:
        self._events = events
        self._clock = clock
        self._policy = EventRetentionPolicy(options.event_retention_count, options.event_retention_seconds)
        self._finished_at: datetime | None = None

    async def work(self, wake: asyncio.Event, progress: Callable[[], None]) -> None:
        """Delete batch after batch, until *wake* is set or no expired event is left."""
        now = self._clock.now()
        if is_within(now, self._finished_at, _INTERVAL):
            return
        while await self._events.prune(now, self._policy):
            progress()
            if wake.is_set():
                return
        self._finished_at = now
