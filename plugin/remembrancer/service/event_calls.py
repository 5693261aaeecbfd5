"""Event calls: the part of the service that reads the event log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Final

from remembrancer.errors import GraphUnavailable, InvalidInput
from remembrancer.model.constraints import read_limit
from remembrancer.model.event import Event, EventPage
from remembrancer.model.execution import Execution
from remembrancer.operations.event_feed import MOST, EventFeed, only
from remembrancer.ports.clock import Clock
from remembrancer.service.calls import carried, public
from remembrancer.service.status_calls import StatusCalls
from remembrancer.settings import SchedulerOptions

LONGEST_WAIT: Final = 30.0


class EventCalls(StatusCalls):
    """Reads the event log of the graph that is open.

    Args:
        clock: The time.
        options: The scheduler's numbers.
    """

    def __init__(self, clock: Clock, options: SchedulerOptions) -> None:
        super().__init__(clock, options)
        self._feed: EventFeed | None = None

    async def events(
        self, after: str | None = None, *, kinds: Collection[str] = (), task_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Yield events as they happen, until the service stops.

        Args:
            after: The cursor of the last event that was read, be it from another process or before a restart: what
                follows it comes first. None begins now, with the first step; "0" with the oldest that is kept.
            kinds: Of which kinds (`EventKind`); empty means any. A gap is always reported.
            task_id: Of which task.
        """
        while True:
            try:
                page = await self.read_events(after, kinds=kinds, task_id=task_id, wait_seconds=LONGEST_WAIT)
            except GraphUnavailable:
                if self._has_ended():
                    return  # the graph was closed while it was read
                raise
            for event in page.events:
                yield event
            after = page.cursor
            if self._has_ended():
                return

    @carried
    async def read_events(
        self,
        after: str | None = None,
        *,
        kinds: Collection[str] = (),
        task_id: str | None = None,
        limit: int = MOST,
        wait_seconds: float = 0.0,
    ) -> EventPage:
        """Return up to *limit* events after a cursor, waiting for one at most 30 s; and the cursor to go on from.

        Without *after*, none but those that happen while it waits: so the answer's cursor says where the log ends.
        Raises InvalidInput.
        """
        if not 0 <= wait_seconds <= LONGEST_WAIT:
            raise InvalidInput("wait_seconds", wait_seconds, f"0 to {LONGEST_WAIT:g} seconds", 10)
        if not 1 <= read_limit(limit) <= MOST:
            raise InvalidInput("limit", limit, f"1 to {MOST:,}", 100)
        if self._feed is None or self._feed.ended:
            self._feed = EventFeed(self._graph().events, self._time_service)
        wanted = only(kinds, task_id) if kinds or task_id else None
        return await self._feed.page(after, limit=limit, wait_seconds=wait_seconds, wanted=wanted)

    @public
    async def running_executions(self, limit: int = 100) -> list[Execution]:
        """Return what is under way, on all replicas, with the progress that was reported."""
        return list(await self._graph().events.running(read_limit(limit)))

    def _has_ended(self) -> bool:
        return self._feed is None or self._feed.ended

    def _end_feed(self) -> None:
        """Let those who read events go: the graph is about to close."""
        if self._feed:
            self._feed.close()
