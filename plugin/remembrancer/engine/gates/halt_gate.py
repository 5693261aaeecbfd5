"""The halt gate: closed while the scheduler is halted, by the graph's halt or by its host's. It fails closed."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.context import current_actor
from remembrancer.engine.gates.host_answer import closed_because
from remembrancer.errors import RemembrancerError, SchedulerHalted
from remembrancer.model.control_characters import visible
from remembrancer.model.halt import HaltSpan, HaltState
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.halts import HaltRecord

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.ports.clock import Clock
    from remembrancer.ports.halts import HaltStore, HostHalt
    from remembrancer.ports.timers import TimerGate

_LOG: Final = logging.getLogger("remembrancer")
_HOST_SECONDS: Final = 5.0
"""The time that the host has to answer."""
_FRESH_SECONDS: Final = 1.0
"""The time for which an answer of the host holds, unless a tick begins before."""
_LOOK: Final = timedelta(seconds=1)
"""The time from one look at a closed gate to the next."""
_PEOPLE: Final = frozenset({"cli", "service"})
"""The surfaces by which a person, or the host's own code, may force a run: not an agent's."""


class HaltGate:
    """Tells whether the scheduler is halted.

    Laws: while it is closed, nothing begins. What cannot be read or asked closes it. An occurrence that comes after
    the commit of a halt does not begin, since the record is read after the page of due tasks.

    Args:
        halts: The halt of the graph.
        clock: The time.
        host: The host's own halt; None without one.
        timers: The host's word on timers; None without one.
    """

    def __init__(self, halts: HaltStore, clock: Clock, host: HostHalt | None, timers: TimerGate | None = None) -> None:
        self.timers = timers
        self._halts = halts
        self._clock = clock
        self._host = host
        self._asking = asyncio.Lock()
        self._asked_at: float | None = None
        self._host_reason: str | None = None
        self._host_since_ms: int | None = None
        self._host_span: HaltSpan | None = None
        self._record = HaltRecord()
        self._reopened = self._is_told = False
        self.is_closed = False
        """True if the gate was closed when it was last looked at."""

    @property
    def span(self) -> HaltSpan | None:
        """The last halt that is over; None without any."""
        record, host = self._record, self._host_span
        if record.until_ms is None or (host is not None and host.until_ms > record.until_ms):
            return host
        return HaltSpan(record.since_ms, record.until_ms, record.reason)

    @property
    def record(self) -> HaltRecord:
        """The halt of the graph as it was last read."""
        return self._record

    @property
    def edition(self) -> int | None:
        """The edition of the halt of the graph; None if it is not halted."""
        return self._record.edition if self._record.in_force else None

    @property
    def state(self) -> HaltState:
        """The state as it was last looked at."""
        record = self._record
        if self._host_reason is not None and not record.in_force:
            since = None if self._host_since_ms is None else from_ms(self._host_since_ms)
            return HaltState(is_halted=True, reason=self._host_reason, halted_at=since, by_host=True)
        return HaltState(
            is_halted=record.in_force,
            reason=record.reason or None,
            halted_at=None if record.since_ms is None else from_ms(record.since_ms),
            halted_by=record.actor,
            released_at=None if record.until_ms is None else from_ms(record.until_ms),
        )

    @property
    def next_look_at(self) -> datetime | None:
        """The time at which it may be open again; None if it is."""
        return self._clock.now() + _LOOK if self.is_closed else None

    async def current_state(self) -> HaltState:
        """Return the state, asked for now."""
        self.renew()
        await self.ask()
        return self.state

    def renew(self) -> None:
        """Ask the host again at the next look: a tick begins."""
        self._asked_at = None

    def take_reopened(self) -> bool:
        """Return whether it was opened since the last call."""
        reopened, self._reopened = self._reopened, False
        return reopened

    async def look(self) -> bool:
        """Look whether it is closed, for the work of the scheduler; return it, and log a change."""
        if await self.ask() is not self._is_told:
            self._is_told = self.is_closed
            if self.is_closed:
                _LOG.warning("The scheduler is halted, and nothing begins: %s", visible(self.state.reason or ""))
            else:
                _LOG.warning("The halt of the scheduler is over.")
        return self.is_closed

    async def ask(self) -> bool:
        """Look whether it is closed, for a caller."""
        await self._read()
        if self._host is not None:
            await self._ask(self._host)
        return self._meet()

    async def read(self) -> None:
        """Read the halt of the graph, without asking the host."""
        await self._read()
        self._meet()

    def _meet(self) -> bool:
        was_closed, self.is_closed = self.is_closed, self._record.in_force or self._host_reason is not None
        self._reopened |= was_closed and not self.is_closed
        return self.is_closed

    async def refuse(self, *, force: bool) -> None:
        """Refuse a run by hand while it is closed; a person may force one, unless the host has closed it.

        Raises SchedulerHalted.
        """
        self.renew()
        if not await self.ask():
            return
        by_host = self._host_reason is not None
        if by_host or not force or self._record.is_spoiled or current_actor().surface not in _PEOPLE:
            raise SchedulerHalted(self.state.reason or "", by_host=by_host and not self._record.in_force)

    async def _read(self) -> None:
        try:
            self._record = await self._halts.read()
        except RemembrancerError as fault:
            text = f"The record of the halt cannot be read: {fault}"
            self._record = HaltRecord(in_force=True, reason=text, is_spoiled=True)

    async def _ask(self, host: HostHalt) -> None:
        """Ask the host, at most once a tick and a second."""
        async with self._asking:
            now = time.monotonic()
            if self._asked_at is not None and now - self._asked_at < _FRESH_SECONDS:
                return
            reason = await closed_because(
                host, _HOST_SECONDS, "whether it is halted", opens=False, closed="The host is halted."
            )
            self._asked_at, now_ms = time.monotonic(), to_ms(self._clock.now())
            if reason is not None and self._host_reason is None:
                self._host_since_ms = now_ms
            elif reason is None and self._host_reason is not None:
                self._host_span = HaltSpan(self._host_since_ms, now_ms, self._host_reason)
            self._host_reason = reason
