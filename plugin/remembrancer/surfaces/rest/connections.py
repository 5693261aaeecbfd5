"""Connections to the API: bounded in number, and in the time that the head of a request may take.

Where all are taken, the one that has gone the longest without a request gives way to the next: a client that opens
many and says nothing keeps no other out.
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
"""How many connections may be open at once, where the process may have enough files open for that."""
HEAD_SECONDS: Final = 10.0
"""How long the head of a request may take, from the connection, or from the answer before it."""
_LEAST_CONNECTIONS: Final = 8
_SHARE_OF_FILES: Final = 4
"""One in so many of the files that the process may open."""
_AT_ONCE: Final = 8192
"""Bytes that are taken from a connection at a time: many small chunks are no long time to the event loop."""
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RESERVE: Final = 8
"""How many files are left to the rest of the process once it had none."""
_FEWER_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.05
_SENDING: Final = frozenset(("SEND_BODY", "ERROR"))
"""States of a client that has not sent all, or of which that is not known."""
_BAD_REQUEST: Final = 400
_LOG: Final = logging.getLogger("remembrancer.rest")


class Connection(H11Protocol):
    """One connection, ended when it takes too long over the head of a request."""

    quiet_since = 0.0
    """Since when nothing has been asked on it, in the time of the event loop."""
    _deadline: asyncio.TimerHandle | None = None
    _lingering: _Closing

    @property
    def is_quiet(self) -> bool:
        """Whether no request is under way on it."""
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (as uvicorn's own)
        """Begin."""
        if hasattr(transport, "max_size"):  # where the event loop is another, it reads as much as it does
            transport.max_size = _AT_ONCE  # pyright: ignore[reportAttributeAccessIssue]
        self._lingering = _Closing(transport, self)
        super().connection_made(self._lingering)  # pyright: ignore[reportArgumentType] (it has all that a transport has)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request, or of a body that was refused before it had come."""
        if self._lingering.lingers:
            self._lingering.discard(data)
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._deadline:
            self._deadline.cancel()
        self._lingering.end()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._await_head()
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: object) -> None:
        """Leave the connection to a WebSocket, which has a head already."""
        if self._deadline:
            self._deadline.cancel()
        super().handle_websocket_upgrade(event)  # pyright: ignore[reportArgumentType] (h11's own, as it came)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, as everything is refused."""
        if not self.is_quiet and self.cycle.response_started:
            self.transport.close()
            return
        body = bytes(Document(problem(_BAD_REQUEST, "http", msg, secrets.token_hex(8))).body)
        head = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **SAFE_HEADERS}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{lines}Connection: close\r\n\r\n".encode() + body)
        self.transport.close()

    def give_way(self) -> None:
        """End it for another, which has something to ask."""
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
    """A transport that knows whether its client is still sending.

    Args:
        inner: The connection.
        connection: Reads what is sent on it.
    """

    def __init__(self, inner: asyncio.Transport, connection: Connection) -> None:
        super().__init__(inner, connection.loop)
        self._connection = connection

    def close(self) -> None:
        """Close it, once the client has sent all."""
        if self._connection.conn.their_state.__name__ in _SENDING:
            self.linger()
        else:
            self.end()


class BoundedServer(uvicorn.Server):
    """A server that takes no more connections than it can serve, and waits where the process has no file left."""

    _accepting: asyncio.Task[None] | None = None
    _arriving: dict[asyncio.Task[None], None]
    """Connections whose TLS is being agreed on, the oldest first: one that takes its time keeps no other waiting."""
    _fewer: int | None = None
    _fewer_until = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on one socket, which is there already."""
        assert sockets is not None  # noqa: S101 (the server of this package opens it, to know its port)
        await self.lifespan.startup()
        self.servers, self._arriving = [], {}
        self._accepting = asyncio.create_task(self._accept(sockets[0]), name="remembrancer rest connections")
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, and end those that are open once they are answered."""
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
                    await asyncio.sleep(_LOOK_SECONDS)  # all are at work: the others wait in the system's queue
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
        with suppress(OSError):  # it has left already, or does not speak TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connection, taken, ssl=secured, ssl_handshake_timeout=limit
            )

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

    def _make_room(self) -> bool:
        """End the connection that has gone the longest without a request; False if all have one under way.

        One that is still agreeing on TLS has asked nothing at all.
        """
        if self._arriving and self.config.ssl:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]
            return oldest.cancel()
        open_ones: Collection[object] = self.server_state.connections
        quiet = [each for each in open_ones if isinstance(each, Connection) and each.is_quiet]
        if not quiet:
            return False
        min(quiet, key=lambda each: each.quiet_since).give_way()
        return True

    def _most(self) -> int:
        """Return how many connections may be open just now: fewer for a while, where the process ran out of files."""
        if self._fewer is not None and asyncio.get_running_loop().time() < self._fewer_until:
            return self._fewer
        self._fewer = None
        return most_connections()

    async def _wait_out(self, fault: OSError) -> None:
        """Wait after a connection could not be taken, and leave the process some files from then on."""
        if fault.errno not in _EXHAUSTED:
            if fault.errno == errno.EBADF:
                raise fault
            return  # the client has left before it was taken
        if self._fewer is None:
            _LOG.warning("The API takes fewer connections for a while, as this process has no file to spare: %s", fault)
        self._fewer = max(1, len(self.server_state.connections) - _RESERVE)
        self._fewer_until = asyncio.get_running_loop().time() + _FEWER_SECONDS
        await asyncio.sleep(_PAUSE_SECONDS)


def most_connections() -> int:
    """Return how many connections may be open at once: as many as this process may have files for."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return MOST_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(_LEAST_CONNECTIONS, min(MOST_CONNECTIONS, soft // _SHARE_OF_FILES))
