"""Health of one scheduler: a description of its faults, checked every second."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from remembrancer.engine.cluster.membership import Membership
    from remembrancer.engine.faults import Faults
    from remembrancer.engine.tick_record import TickRecord
    from remembrancer.ports.graph import Graph

_EVERY_SECONDS: Final = 1.0
_STANDSTILL_SECONDS: Final = 10.0
_MOST_OFFSET_SECONDS: Final = 60.0
_HEALTH: Final = "The health"


class SchedulerHealth:
    """The health of one scheduler, from its own records.

    Args:
        record: The ticks of the loop.
        membership: The graph and its replicas.
        store: The state of its writes.
        faults: The faults that have not been followed by a success.
        executor: Runs the handlers; its `trouble`, if it has any, is reported.
    """

    def __init__(
        self, record: TickRecord, membership: Membership, store: Graph, faults: Faults, executor: object
    ) -> None:
        self._record = record
        self._membership = membership
        self._store = store
        self._faults = faults
        self._executor = executor
        self._beat_at: float | None = None

    def check(self) -> str | None:
        """Describe the current fault, and log it if nothing else did; None if there is none."""
        if seen := self._seen():
            self._faults.report(_HEALTH, seen)
        else:
            self._faults.resolve(_HEALTH)
        return self._membership.trouble or seen or self._faults.trouble

    def _seen(self) -> str | None:
        """Describe a fault that nothing else logs."""
        return (
            self._store.health.trouble
            or getattr(self._executor, "trouble", None)
            or self._record.trouble
            or self._standstill()
            or self._offset()
        )

    async def watch(self) -> None:
        """Check every second, without end: verify the graph, and log each fault when it begins."""
        self._beat_at = time.monotonic()
        every_other = False
        try:
            while True:
                if every_other := not every_other:
                    await self._faults.survive("The check of the graph", self._membership.verify)
                self.check()
                await asyncio.sleep(_EVERY_SECONDS)
                self._beat_at = time.monotonic()
        finally:
            self._beat_at = None

    def _standstill(self) -> str | None:
        if self._beat_at is None or time.monotonic() - self._beat_at <= _STANDSTILL_SECONDS:
            return None
        return (
            f"The event loop of the scheduler has stood still for more than {_STANDSTILL_SECONDS:g} s: something, such "
            "as an async handler that waits without await, blocks its thread."
        )

    def _offset(self) -> str | None:
        offset = self._membership.clock_offset_seconds
        if abs(offset) <= _MOST_OFFSET_SECONDS:
            return None
        way = "behind" if offset > 0 else "ahead of"
        return f"{self._membership.clock_name} is {abs(offset):.0f} s {way} that of the graph's server: set it."
