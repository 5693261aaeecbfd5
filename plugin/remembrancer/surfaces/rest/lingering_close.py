"""The end of a connection whose client is still sending: closed at once, the answer would be lost on its way.

What arrives on a closed connection is answered with a reset, and a client that is reset throws away what it has not
read. So the connection is closed in one direction, and what still comes is received and thrown away, up to a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

LINGER_SECONDS: Final = 10.0
LINGER_BYTES: Final = 16 * 1024 * 1024


class LingeringTransport:
    """A transport that closes so; in everything else it is the *inner* one.

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
        """Return what the inner transport has under this name."""
        return getattr(self._inner, name)

    @property
    def lingers(self) -> bool:
        """Whether it is being closed, and still receives."""
        return self._left is not None

    def is_closing(self) -> bool:
        """Whether nothing is written to it from here on."""
        return self.lingers or self._inner.is_closing()

    def linger(self) -> None:
        """Close it once the client has sent all; asked for again, close it now."""
        if self._inner.is_closing():
            return
        if self.lingers:
            self.end()
            return
        self._left = LINGER_BYTES
        self._limit = self._loop.call_later(LINGER_SECONDS, self.end)
        if self._inner.can_write_eof():  # TLS cannot; there the answer says by its length where it is over
            self._inner.write_eof()
        self._inner.resume_reading()

    def discard(self, data: bytes) -> None:
        """Throw away what has come, and end it where that was too much."""
        self._left = (self._left or 0) - len(data)
        if self._left <= 0:
            self.end()

    def end(self) -> None:
        """Close it now."""
        if self._limit:
            self._limit.cancel()
        self._inner.close()
