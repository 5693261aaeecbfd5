"""A network between the scheduler and its Neo4j that can be cut where it hurts: in the middle of a commit."""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

COMMIT = b"\x00\x02\xb0\x12\x00\x00"
"""Bolt's COMMIT message, as one chunk."""


class Cut(Enum):
    """What becomes of a connection at a COMMIT."""

    NOT = auto()
    BEFORE = auto()
    """It breaks before the server has heard of it."""
    AFTER = auto()
    """It breaks once the server has answered, and the answer is lost."""
    SILENT = auto()
    """It stays, and nothing passes any more: the server has not heard of it."""


class BoltProxy:
    """Passes Bolt on to the server of *graph*, until it is told otherwise.

    Args:
        graph: The URI of the server behind it.
    """

    def __init__(self, graph: str) -> None:
        self._parts = urlsplit(graph)
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0
        self.cuts: Iterator[Cut] = iter(())
        """What becomes of the next COMMITs, one after the other; those that follow pass."""
        self.cut_text = b""
        """What a transaction must carry for its COMMIT to be cut: heartbeats in between then pass."""
        self.down_after_a_cut = False
        self.delay_seconds = 0.0
        """How long each answer of the server is on its way."""
        self.cut = 0
        self.stuck: bytes | None = None
        """A connection on which this is sent falls silent before the server has heard of it."""
        self.rewritten: tuple[bytes, bytes] | None = None
        """What the server says, and what is passed on in its place, of the same length."""
        self._silences: set[asyncio.Event] = set()
        self._over = asyncio.Event()

    @property
    def graph(self) -> str:
        """The URI of the graph, through here."""
        userinfo = self._parts.netloc.rpartition("@")[0]
        return f"bolt://{userinfo}@127.0.0.1:{self._port}{self._parts.path}"

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Let connections in."""
        self._over.clear()
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Break all connections, and let nobody in."""
        self._server.close()
        self._over.set()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    def fall_silent(self) -> None:
        """Let nothing pass on the connections that are open now, and leave them open; new ones work."""
        for silence in self._silences:
            silence.set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, server = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, server}
        self._open |= both
        lost, silence = asyncio.Event(), asyncio.Event()
        self._silences.add(silence)
        ways = [
            asyncio.ensure_future(self._requests(reader, server, lost, silence)),
            asyncio.ensure_future(self._answers(theirs, writer, lost, silence)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for each in both:
            each.transport.abort()
        self._open -= both
        self._silences.discard(silence)
        if lost.is_set() and self.down_after_a_cut:
            await self.down()

    async def _requests(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, lost: asyncio.Event, silence: asyncio.Event
    ) -> None:
        meant = False
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                meant, ends = meant or self.cut_text in data, data.endswith(COMMIT)
                cut = next(self.cuts, Cut.NOT) if meant and ends else Cut.NOT
                meant = meant and not ends
                if cut is not Cut.NOT:
                    self.cut += 1
                if cut is Cut.SILENT or (self.stuck and self.stuck in data):
                    silence.set()
                if silence.is_set():
                    continue
                if cut is not Cut.NOT:
                    lost.set()
                if cut is Cut.BEFORE:
                    return
                server.write(data)
                await server.drain()
            if silence.is_set():  # the server does not hear that the client has gone either
                await self._over.wait()

    async def _answers(
        self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event, silence: asyncio.Event
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await theirs.read(65536):
                if lost.is_set():
                    return
                await asyncio.sleep(self.delay_seconds)
                if silence.is_set():
                    continue
                writer.write(data.replace(*self.rewritten) if self.rewritten else data)
                await writer.drain()
