"""Lingering close of a connection whose client is still sending, so that the response is not lost.

Data that arrives on a closed connection causes a reset, and after a reset the client discards a response that it has
not read. So the connection is first closed for writing only; further data is read and discarded, up to a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

LINGER_SECONDS: Final = 10.0
LINGER_BYTES: Final = 16 * 1024 * 1024


class LingeringTransport:
    """A transport with a lingering close; everything else is delegated to *inner*.

    Args:
        inner: The connection.
        loop: Its event loop.
    """

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._left: int | None = None
        self._limit: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> object:
        """Return this attribute of the inner transport."""
        return getattr(self._inner, name)

    @property
    def lingers(self) -> bool:
        """True while it is being closed, but still receives."""
        return self._left is not None

    def is_closing(self) -> bool:
        """True once it no longer accepts writes."""
        return self.lingers or self._inner.is_closing()

    def linger(self) -> None:
        """Close it once the client has stopped sending; a second call closes it at once."""
        if self._inner.is_closing():
            return
        if self.lingers:
            self.end()
            return
        self._left = LINGER_BYTES
        self._limit = self._loop.call_later(LINGER_SECONDS, self.end)
        if self._inner.can_write_eof():  # TLS has no half-close; there the response's length marks its end
            self._inner.write_eof()
        self._inner.resume_reading()

    def discard(self, data: bytes) -> None:
        """Discard received data, and close at the limit."""
        self._left = (self._left or 0) - len(data)
        if self._left <= 0:
            self.end()

    def end(self) -> None:
        """Close it at once."""
        if self._limit:
            self._limit.cancel()
        self._inner.close()
