"""The heartbeat: it renews the leases of running executions, and reports those that it cannot renew."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.lease_clock import lease_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.settings import SchedulerOptions

_LOG: Final = logging.getLogger("remembrancer")
_BEATS: Final = 3
"""Renewals in the time of a lease."""
_DEADLINE: Final = 1 / 4
"""Of the time of a lease: how long one renewal may take."""
_MARGIN: Final = 1 / 20
"""Of the time of a lease: how long before its end handlers are stopped, so that they can end before another begins."""


class Heartbeat:
    """Renews leases at its own pace, whatever else the scheduler does.

    Args:
        store: The graph.
        clock: The time by which leases are renewed.
        options: The duration of a lease.
        leases: Returns the leases to renew.
        on_lost: Called with leases that could not be renewed in time: another replica may recover their executions.
    """

    def __init__(
        self,
        store: Graph,
        clock: Clock,
        options: SchedulerOptions,
        leases: Callable[[], Sequence[str]],
        on_lost: Callable[[Sequence[str]], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._lasts = options.lease_seconds
        self._leases = leases
        self._on_lost = on_lost
        self._held_until: dict[str, float] = {}
        self._lost: set[str] = set()
        self.trouble: str | None = None
        """A description of the last renewal's fault; None if it had none."""

    def hold(self, lease_id: str, sent: float) -> None:
        """Renew a lease from now on; the write that made it was sent at *sent*, by `lease_time`."""
        self._held_until[lease_id] = sent + self._lasts

    async def renew_forever(self) -> None:
        """Renew without end."""
        while True:
            try:
                await self._pause()
                await self._beat()
            except Exception:  # noqa: BLE001 (whatever it is, leases are to be renewed)
                _LOG.exception("A heartbeat failed; the next one follows.")
                await asyncio.sleep(self._lasts / _BEATS)

    async def _pause(self) -> None:
        """Wait for the next beat, sooner after a failure, and no longer than a lease holds."""
        period = self._lasts / _BEATS
        seconds = period / _BEATS if self.trouble else period
        if not self._store.exclusive and self._held_until:
            seconds = min(seconds, max(0.0, min(self._held_until.values()) - self._margin - lease_time()))
        with contextlib.suppress(TimeoutError):  # a clock that was set back must not stretch it
            async with asyncio.timeout(seconds):
                await self._clock.wait(self._clock.now() + timedelta(seconds=period), asyncio.Event())

    async def _beat(self) -> None:
        held = self._leases()
        self._lost &= set(held)
        live = [lease_id for lease_id in held if lease_id not in self._lost]
        now = lease_time()
        self._held_until = {lease_id: self._held_until.get(lease_id, now + self._lasts) for lease_id in live}
        if not self._store.exclusive:
            live = self._without_lost(now)
        if live:
            await self._renew(live)
        else:
            self.trouble = None

    def _without_lost(self, now: float) -> list[str]:
        """Give up the leases that may have expired; return the others."""
        if lost := [each for each, until in self._held_until.items() if until - self._margin <= now]:
            self._lost.update(lost)
            for lease_id in lost:
                del self._held_until[lease_id]
            _LOG.error("%d leases could not be renewed in time; what ran under them is stopped.", len(lost))
            self._on_lost(lost)
        return list(self._held_until)

    async def _renew(self, live: Sequence[str]) -> None:
        sent = lease_time()
        try:
            async with asyncio.timeout(self._lasts * _DEADLINE):
                await self._store.queue.renew(live, self._clock.now() + timedelta(seconds=self._lasts))
        except Exception as error:  # noqa: BLE001 (whatever it is, the next renewal follows)
            self.trouble = f"Leases cannot be renewed: {str(error) or type(error).__name__}"
            _LOG.warning("The leases of %d batches could not be renewed: %s", len(live), error)
            return
        self.trouble = None
        for lease_id in live:
            self._held_until[lease_id] = sent + self._lasts

    @property
    def _margin(self) -> float:
        return self._lasts * _MARGIN
