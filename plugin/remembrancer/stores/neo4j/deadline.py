"""A deadline that distinguishes a server without an answer from an event loop that was too busy to read it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_LATE_SECONDS: Final = 0.05
_EXTENSIONS: Final = 5


class Deadline:
    """A bound on the time of a block, which raises TimeoutError; each step in it may have its own time.

    Its timer is late if a handler has kept the event loop busy: the answer may be there, unread. So the step gets the
    lost time back, a few times.

    Args:
        seconds: Of the first step.
    """

    def __init__(self, seconds: float) -> None:
        self._first_seconds = seconds
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._extensions = 0

    async def __aenter__(self) -> Self:
        """Begin the first step."""
        await self._timeout.__aenter__()
        self.within(self._first_seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End the last one."""
        self._stop()
        return await self._timeout.__aexit__(kind, error, trace)

    def within(self, seconds: float) -> None:
        """Begin a step."""
        self._extensions = 0
        self._arm(seconds)

    def _arm(self, seconds: float) -> None:
        self._stop()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._expire, loop.time() + seconds)

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _expire(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        if now - due > _LATE_SECONDS and self._extensions < _EXTENSIONS:
            self._extensions += 1
            self._arm(now - due)
        else:
            self._timeout.reschedule(now)
