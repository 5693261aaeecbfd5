"""Forget the oldest of the event log, now and then, while nothing is due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.ports.event_log import Keeping

if TYPE_CHECKING:
    import asyncio

    from remembrancer.engine.options import Options
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.event_log import EventLog

_BETWEEN_LOOKS: Final = timedelta(seconds=30)


class Forgetting:
    """Keeps the event log as short as it is to be.

    Args:
        events: The log.
        clock: The time.
        options: How much of it is kept.
    """

    def __init__(self, events: EventLog, clock: Clock, options: Options) -> None:
        self._events = events
        self._clock = clock
        self._keeping = Keeping(options.events_kept, options.events_kept_seconds)
        self._next_look_at = clock.now()

    async def work(self, wake: asyncio.Event) -> None:
        """Forget batch after batch, until *wake* is set or nothing is left that need not be kept."""
        now = self._clock.now()
        if now < self._next_look_at:
            return
        while await self._events.prune(now, self._keeping):
            if wake.is_set():
                return
        self._next_look_at = now + _BETWEEN_LOOKS
