"""Connections to the API: bounded in number, and in the time for the head of a request.

At the limit, the connection that has been idle for the longest time is closed for the next one: a client that opens
many idle connections locks no other out.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from remembrancer.surfaces.rest.lingering_close import LingeringTransport
from remembrancer.surfaces.rest.problems import MEDIA_TYPE, Document, problem
from remembrancer.surfaces.rest.security import SAFE_HEADERS

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection

MOST_CONNECTIONS: Final = 256
"""Most open connections, if the process may open enough files."""
HEAD_SECONDS: Final = 10.0
"""Seconds for the head of a request, from the connection or the previous response."""
_LEAST_CONNECTIONS: Final = 8
_SHARE_OF_FILES: Final = 4
"""The share of the process's file limit for connections, as a divisor."""
_AT_ONCE: Final = 8192
"""Bytes that are read from a connection at a time, so that many small chunks do not block the event loop."""
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RESERVE: Final = 8
"""Files reserved for the rest of the process once it had run out of them."""
_FEWER_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.05
_SENDING: Final = frozenset(("SEND_BODY", "ERROR"))
"""States of a client that has not sent its whole request, or may not have."""
_BAD_REQUEST: Final = 400
_LOG: Final = logging.getLogger("remembrancer.rest")


class HttpConnection(H11Protocol):
    """One connection, closed if the head of a request takes too long."""

    quiet_since = 0.0
    """Idle since this time of the event loop."""
    _deadline: asyncio.TimerHandle | None = None
    _lingering: _Closing

    @property
    def is_quiet(self) -> bool:
        """True if it has no request in progress."""
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (as uvicorn's own)
        """Start the timer of the first request."""
        if hasattr(transport, "max_size"):  # other event loops lack this attribute, and keep their own size
            transport.max_size = _AT_ONCE  # pyright: ignore[reportAttributeAccessIssue]
        self._lingering = _Closing(transport, self)
        super().connection_made(self._lingering)  # pyright: ignore[reportArgumentType] (it has all that a transport has)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request, or of a body that was rejected before it arrived."""
        if self._lingering.lingers:
            self._lingering.discard(data)
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        if self._deadline:
            self._deadline.cancel()
        self._lingering.end()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._await_head()
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: object) -> None:
        """Hand the connection over to a WebSocket, whose head has arrived."""
        if self._deadline:
            self._deadline.cancel()
        super().handle_websocket_upgrade(event)  # pyright: ignore[reportArgumentType] (h11's own, as it came)

    def send_400_response(self, msg: str) -> None:
        """Reject malformed HTTP with a problem document."""
        if not self.is_quiet and self.cycle.response_started:
            self.transport.close()
            return
        body = bytes(Document(problem(_BAD_REQUEST, "http", msg, secrets.token_hex(8))).body)
        head = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **SAFE_HEADERS}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{lines}Connection: close\r\n\r\n".encode() + body)
        self.transport.close()

    def give_way(self) -> None:
        """Close it in favour of a new one."""
        self.transport.abort()

    def _await_head(self) -> None:
        self.quiet_since = self.loop.time()
        if self._deadline:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._end_if_quiet)

    def _end_if_quiet(self) -> None:
        if self.is_quiet and not self.transport.is_closing():
            self.transport.abort()


class _Closing(LingeringTransport):
    """A transport that delays its close while the client is still sending.

    Args:
        inner: The connection.
        connection: The protocol that reads from it.
    """

    def __init__(self, inner: asyncio.Transport, connection: HttpConnection) -> None:
        super().__init__(inner, connection.loop)
        self._connection = connection

    def close(self) -> None:
        """Close it once the client has sent its whole request."""
        if self._connection.conn.their_state.__name__ in _SENDING:
            self.linger()
        else:
            self.end()


class BoundedServer(uvicorn.Server):
    """A server with a limit on connections, which pauses while the process is out of files."""

    _accepting: asyncio.Task[None] | None = None
    _arriving: dict[asyncio.Task[None], None]
    """Connections in the TLS handshake, the oldest first: a slow handshake delays no other."""
    _fewer: int | None = None
    _fewer_until = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve one socket that is already bound."""
        assert sockets is not None  # noqa: S101 (the server of this package opens it, to know its port)
        await self.lifespan.startup()
        self.servers, self._arriving = [], {}
        self._accepting = asyncio.create_task(self._accept(sockets[0]), name="remembrancer rest connections")
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and close open connections after their response."""
        if self._accepting:
            ending = [self._accepting, *self._arriving]
            for task in ending:
                task.cancel()
            await asyncio.wait(ending)
        await super().shutdown(sockets)

    async def _accept(self, listening: socket.socket) -> None:
        listening.setblocking(False)  # noqa: FBT003 (the library's own signature)
        loop = asyncio.get_running_loop()
        while True:
            while len(self.server_state.connections) + len(self._arriving) >= self._most():
                if not self._make_room():
                    await asyncio.sleep(_LOOK_SECONDS)  # all are busy: others wait in the system's backlog
                await asyncio.sleep(0)
            try:
                taken, _ = await loop.sock_accept(listening)
            except OSError as fault:
                await self._wait_out(fault)
                continue
            arriving = loop.create_task(self._begin(taken), name="remembrancer rest connection")
            self._arriving[arriving] = None
            arriving.add_done_callback(partial(self._arrived, taken))

    def _arrived(self, taken: socket.socket, arriving: asyncio.Task[None]) -> None:
        self._arriving.pop(arriving, None)
        if arriving.cancelled():
            taken.close()

    async def _begin(self, taken: socket.socket) -> None:
        secured = self.config.ssl
        limit = HEAD_SECONDS if secured else None
        with suppress(OSError):  # the client has disconnected, or does not speak TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connection, taken, ssl=secured, ssl_handshake_timeout=limit
            )

    def _connection(self) -> HttpConnection:
        return HttpConnection(self.config, self.server_state, self.lifespan.state)

    def _make_room(self) -> bool:
        """Close the connection with the longest idle time; False if all have a request in progress.

        A connection in its TLS handshake counts as idle.
        """
        if self._arriving and self.config.ssl:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]
            return oldest.cancel()
        open_ones: Collection[object] = self.server_state.connections
        quiet = [each for each in open_ones if isinstance(each, HttpConnection) and each.is_quiet]
        if not quiet:
            return False
        min(quiet, key=lambda each: each.quiet_since).give_way()
        return True

    def _most(self) -> int:
        """Return the current limit on connections, which is lower for a while after the process ran out of files."""
        if self._fewer is not None and asyncio.get_running_loop().time() < self._fewer_until:
            return self._fewer
        self._fewer = None
        return most_connections()

    async def _wait_out(self, fault: OSError) -> None:
        """Pause after a failed accept, and reserve some files for the process from then on."""
        if fault.errno not in _EXHAUSTED:
            if fault.errno == errno.EBADF:
                raise fault
            return  # the client disconnected before it was accepted
        if self._fewer is None:
            _LOG.warning(
                "The API accepts fewer connections for a while: this process is out of files: %s",
                fault,
            )
        self._fewer = max(1, len(self.server_state.connections) - _RESERVE)
        self._fewer_until = asyncio.get_running_loop().time() + _FEWER_SECONDS
        await asyncio.sleep(_PAUSE_SECONDS)


def most_connections() -> int:
    """Return the limit on connections, given the process's limit on open files."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return MOST_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(_LEAST_CONNECTIONS, min(MOST_CONNECTIONS, soft // _SHARE_OF_FILES))
