"""The retries port: attempts that wait for their time after a failed one. The laws of `ports.graph` hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import DueRetries, Lease, WaitingRetry


class Retries(Protocol):
    """The waiting attempts of one memory graph."""

    @property
    def earliest_ms(self) -> int | None:
        """The earliest time (epoch ms) for which this process knows that an attempt waits; None if it knows none."""
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[WaitingRetry]:
        """Return the attempts that are due at *now*, the first due first, at most *limit*."""
        ...

    async def look_ahead(self) -> None:
        """Read the earliest time for which an attempt waits: `earliest_ms` is that one then."""
        ...

    async def act(self, due: DueRetries, lease: Lease) -> Sequence[Execution]:
        """Start, hold, drop and give up attempts that wait as they were read, in one commit; return those that started.

        At most one replica starts an attempt, each RETRY_OF the failed execution. The lease exists if one started.
        """
        ...
