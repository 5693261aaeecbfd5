"""The clock port: the only source of the current time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from datetime import datetime


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    async def wait(self, until: datetime, wake: asyncio.Event) -> None:
        """Return at *until* or once *wake* is set, whichever is first; earlier if the clock was set in between.

        A clock that can be set counts how often it was: in `steps`, if it has them (`remembrancer.engine.clock_steps`).
        """
        ...
