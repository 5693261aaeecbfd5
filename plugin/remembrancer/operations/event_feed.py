"""The event feed: the event log, followed by any number of readers, each at its own pace.

A reader holds a cursor into the log and nothing else: no queue fills while it is slow, and the scheduler waits for
none. A write of this process wakes the readers. On a shared graph, writes of other replicas are found within 1 s,
and the log is polled only while a reader waits.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_limit
from remembrancer.model.cursor import from_text, to_text
from remembrancer.model.event import Event, EventKind, EventPage
from remembrancer.ports.event_log import SequencedEvent, StreamRange

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping, Sequence

    from remembrancer.ports.clock import Clock
    from remembrancer.ports.event_log import EventLog

MOST: Final = 1000
"""Events in one page at most, gaps beside them."""
LONGEST_WAIT: Final = 30.0
"""Seconds that a page may wait for an event."""
_POLL_SECONDS: Final = 1.0
_PLACES: Final = 8
"""Of how many places in the log the events that follow are kept for the next reader there, until the next poll."""


class EventFeed:
    """The readers of one graph's event log in this process.

    Args:
        log: The events.
        clock: Tells when a gap was found.
    """

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._readers = 0
        self._unlisten: Callable[[], None] | None = None
        self._changed = asyncio.Event()
        self._asking: asyncio.Task[Mapping[int, StreamRange]] | None = None
        self._looking: dict[tuple[str, int], tuple[asyncio.Task[tuple[list[Event], dict[int, int]]], float]] = {}
        self._closed = False

    async def read(
        self, after: str | None, *, kinds: Collection[str], task_id: str | None, limit: int, wait_seconds: float
    ) -> EventPage:
        """Return the events of these *kinds* and this task after a cursor. Raises InvalidInput."""
        if not 0 <= wait_seconds <= LONGEST_WAIT:
            raise InvalidInput("wait_seconds", wait_seconds, f"0 to {LONGEST_WAIT:g} seconds", 10)
        if not 1 <= read_limit(limit) <= MOST:
            raise InvalidInput("limit", limit, f"1 to {MOST:,}", 100)
        wanted = only(kinds, task_id) if kinds or task_id else None
        return await self.page(after, limit=limit, wait_seconds=wait_seconds, wanted=wanted)

    async def page(
        self,
        after: str | None,
        *,
        limit: int = MOST,
        wait_seconds: float = 0.0,
        wanted: Callable[[Event], bool] | None = None,
    ) -> EventPage:
        """Return events after the cursor *after*, or from now on, and where to go on.

        Waits up to *wait_seconds* for one that is *wanted*; the page is empty then, or if the feed has ended.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + wait_seconds
        with self._reading():
            cursor = await self._ends() if after is None else from_text(after)
            found: list[Event] = []
            while not found and not self._closed:
                changed = self._changed
                read, cursor = await self._shared(cursor, limit)
                found = [event for event in read if wanted is None or wanted(event)]
                left = give_up - loop.time()
                if left <= 0:
                    break
                if not read:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(min(left, _POLL_SECONDS)):
                            await changed.wait()
            return EventPage(events=found, cursor=to_text(cursor))

    @property
    def ended(self) -> bool:
        """True once the graph is closed: no more events follow."""
        return self._closed

    def close(self) -> None:
        """End the feed for every reader."""
        self._closed = True
        self._wake()

    async def _extents(self) -> Mapping[int, StreamRange]:
        """Return what each stream holds, asked for once for all readers that woke together."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._log.ranges())
        return await asyncio.shield(self._asking)

    async def _ends(self) -> dict[int, int]:
        return {stream: extent.newest for stream, extent in (await self._log.ranges()).items()}

    async def _shared(self, cursor: dict[int, int], limit: int) -> tuple[list[Event], dict[int, int]]:
        """Return what comes next and the cursor behind it; readers at the same place are given the same events.

        So each is read once, however many follow, and may be encoded once.
        """
        place, loop = (to_text(cursor), limit), asyncio.get_running_loop()
        looking, until = self._looking.get(place, (None, 0.0))
        if looking is None or (looking.done() and not (_has_found(looking) and loop.time() < until)):
            looking = loop.create_task(self._collect(dict(cursor), limit))
            looking.add_done_callback(_has_found)  # an error is its readers', if there are any left
            self._looking[place] = looking, loop.time() + _POLL_SECONDS
            while len(self._looking) > _PLACES:
                del self._looking[next(iter(self._looking))]
        events, behind = await asyncio.shield(looking)
        return events, dict(behind)

    async def _collect(self, cursor: dict[int, int], limit: int) -> tuple[list[Event], dict[int, int]]:
        """Return what comes next, gaps first, and the cursor moved behind it."""
        extents = await self._extents()
        gaps: list[Event] = []
        streams: list[list[tuple[int, SequencedEvent]]] = []
        for stream in sorted(extents.keys() | cursor.keys()):
            extent = extents.get(stream, StreamRange(1, 0))
            if gap := self._gap(cursor, stream, extent):
                gaps.append(gap)
            if cursor.get(stream, 0) < extent.newest:
                streams.append(await self._next_of(cursor, stream, extent, limit))
        # The first of all are the right ones, however much more each stream holds.
        ordered = merge(*streams, key=lambda each: each[1].event.at)
        return gaps + [_read(cursor, stream, numbered) for stream, numbered in islice(ordered, limit)], cursor

    async def _next_of(
        self, cursor: Mapping[int, int], stream: int, extent: StreamRange, limit: int
    ) -> list[tuple[int, SequencedEvent]]:
        """Return what comes next in one stream, up to what *extent* says: a younger one may tell of an older one."""
        after = cursor.get(stream, 0)
        found = [each for each in await self._log.read(stream, after, limit) if each.number <= extent.newest]
        unbroken = _unbroken(after, found) or await self._hole(
            stream, after, found[0].number - 1 if found else extent.newest
        )
        return [(stream, numbered) for numbered in unbroken]

    async def _hole(self, stream: int, after: int, last: int) -> list[SequencedEvent]:
        """Return what tells that events up to *last* are not there; nothing if they were forgotten just now."""
        extent = (await self._log.ranges()).get(stream)
        if extent is None or extent.oldest > after + 1:
            return []  # the next look finds the gap
        reason = "Events are missing in the graph: `remembrancer check` says what else is."
        return [SequencedEvent(last, Event(kind=EventKind.GAP, at=self._clock.now(), lost=last - after, reason=reason))]

    def _gap(self, cursor: dict[int, int], stream: int, extent: StreamRange) -> Event | None:
        """Move *cursor* past events that are no longer kept; return the gap, if there is one."""
        after = cursor.get(stream, 0)
        first = extent.oldest - 1
        if first <= after <= extent.newest:
            return None
        cursor[stream] = first
        lost, reason = first - after, "Events were forgotten before they were read: they were too many, or too old."
        if after > extent.newest:
            lost, reason = None, "The graph has fewer events than were read: it was emptied or set back, or is another."
        return Event(kind=EventKind.GAP, at=self._clock.now(), cursor=to_text(cursor), lost=lost, reason=reason)

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Listen to the writes of this process while there are readers."""
        self._readers += 1
        loop = asyncio.get_running_loop()
        if self._unlisten is None:
            self._looking.clear()  # what was written meanwhile was not heard of
            self._unlisten = self._log.listen(lambda: _call(loop, self._wake))
        try:
            yield
        finally:
            self._readers -= 1
            if self._readers == 0:
                self._unlisten()
                self._unlisten = None

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        self._asking = None  # an answer to an earlier question is out of date
        self._looking.clear()
        changed.set()


def _has_found(looking: asyncio.Task[tuple[list[Event], dict[int, int]]]) -> bool:
    """Return whether a read of the log is over and has found events."""
    return not looking.cancelled() and looking.exception() is None and bool(looking.result()[0])


def _unbroken(after: int, found: Sequence[SequencedEvent]) -> list[SequencedEvent]:
    """Return the events that follow *after* without a hole; a gap in place of unreadable events is no hole."""
    kept: list[SequencedEvent] = []
    for each in found:
        if each.number != after + 1 and each.event.kind is not EventKind.GAP:
            break
        kept.append(each)
        after = each.number
    return kept


def only(kinds: Collection[str] = (), task_id: str | None = None) -> Callable[[Event], bool]:
    """Return what lets through events of these *kinds*, or of any, of this task, or of any; and gaps.

    Raises InvalidInput: there is no such kind.
    """
    if unknown := sorted(set(kinds) - set(EventKind)):
        raise InvalidInput("kinds", unknown[0], ", ".join(EventKind), EventKind.EXECUTION_FAILED.value)

    def wanted(event: Event) -> bool:
        return event.kind is EventKind.GAP or ((not kinds or event.kind in kinds) and task_id in {None, event.task_id})

    return wanted


def _call(loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
    """Call *wake* in its loop, from whatever thread."""
    with suppress(RuntimeError):  # the loop is closed: it has no readers
        loop.call_soon_threadsafe(wake)


def _read(cursor: dict[int, int], stream: int, numbered: SequencedEvent) -> Event:
    cursor[stream] = numbered.number
    return numbered.event.model_copy(update={"cursor": to_text(cursor)})
