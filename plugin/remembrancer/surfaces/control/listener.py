"""The listener of the control channel: bounded connections, each admitted within a deadline before it is heard."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from remembrancer.surfaces.control.address import is_trusted
from remembrancer.surfaces.control.handshake import admit

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Mapping

    Said = Mapping[str, object]
    Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Said], Awaitable[None]]

_LOG: Final = logging.getLogger("remembrancer")
MOST_CONNECTIONS: Final = 128
"""Connections at a time; further ones wait in the system's queue."""
ADMISSION_SECONDS: Final = 10.0
"""The longest time to admission."""
_BACKOFF_SECONDS: Final = 1.0
"""Seconds without an accepted connection after the system refused one, for want of files."""


class ControlListener:
    """Accepts connections, and hands on those that are admitted.

    Args:
        listening: A listening socket, non-blocking.
        secret: What both sides must prove to know.
        serves: Whether the folder that a client names is the one that is served.
        converse: Serves an admitted connection, given what the client says of itself.
        frame: Bytes of the longest line from an admitted client.
    """

    def __init__(
        self,
        listening: socket.socket,
        secret: bytes,
        serves: Callable[[object], bool],
        converse: Converse,
        frame: int,
    ) -> None:
        self._listening = listening
        self._secret = secret
        self._serves = serves
        self._converse = converse
        self._frame = frame
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        self._connections: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.create_task(self._accept(), name="remembrancer control")

    async def close(self) -> None:
        """Accept no more, and end the connections that are open."""
        ending = [self._accepting, *self._connections]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _accept(self) -> None:
        loop, refused = asyncio.get_running_loop(), False
        while True:
            await self._room.acquire()
            try:
                peer, _ = await loop.sock_accept(self._listening)
            except OSError as error:
                self._room.release()
                if not refused:
                    _LOG.warning("The control channel accepts no connection for the time being: %s", error)
                refused = True
                await asyncio.sleep(_BACKOFF_SECONDS)
                continue
            refused = False
            connection = asyncio.create_task(self._receive(peer), name="remembrancer control connection")
            self._connections.add(connection)
            connection.add_done_callback(self._ended)

    def _ended(self, connection: asyncio.Task[None]) -> None:
        self._room.release()
        self._connections.discard(connection)
        if not connection.cancelled() and (error := connection.exception()):
            _LOG.error("A question over the control channel was not answered: %r", error, exc_info=error)

    async def _receive(self, peer: socket.socket) -> None:
        with ExitStack() as undo:
            undo.callback(peer.close)
            try:
                said = await self._admitted(peer)
                if said is None:
                    return
                reader, writer = await asyncio.open_connection(sock=peer, limit=self._frame)
            except OSError:  # the other side is gone, or never spoke
                return
            undo.pop_all()
        try:
            await self._converse(reader, writer, said)
        finally:
            writer.close()

    async def _admitted(self, peer: socket.socket) -> Said | None:
        peer.settimeout(0)
        if not is_trusted(peer):
            return None
        async with asyncio.timeout(ADMISSION_SECONDS):
            return await admit(peer, self._secret, self._serves)
