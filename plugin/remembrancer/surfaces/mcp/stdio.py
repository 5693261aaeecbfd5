"""The streams of a client that started this process: its stdin and stdout, for it alone."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Future

_CHUNK_BYTES: Final = 65_536
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_QUEUED: Final = 100


class ClientStreams:
    """The streams of the client, in the form that the protocol's transport takes.

    Args:
        read_from: The descriptor of what the client sends.
        write_to: That of what it reads.
    """

    def __init__(self, read_from: int, write_to: int) -> None:
        self._read_from = read_from
        self._to = io.TextIOWrapper(os.fdopen(write_to, "wb"), encoding="utf-8", newline="\n")
        self._lines: asyncio.Queue[str | None] = asyncio.Queue(_QUEUED)
        self._reader: threading.Thread | None = None

    def __aiter__(self) -> Self:
        """Read line by line."""
        if self._reader is None:
            loop = asyncio.get_running_loop()
            # A thread of its own, which a signal need not wait for: reading from a pipe cannot be interrupted.
            self._reader = threading.Thread(target=self._read, args=(loop,), name="remembrancer mcp", daemon=True)
            self._reader.start()
        return self

    async def __anext__(self) -> str:
        """Return the next line; the end of the stream is the end of the client."""
        line = await self._lines.get()
        if line is None:
            raise StopAsyncIteration
        return line

    async def write(self, text: str) -> None:
        """Write a message."""
        await asyncio.to_thread(self._to.write, text)

    async def flush(self) -> None:
        """Send what was written."""
        await asyncio.to_thread(self._to.flush)

    def close(self) -> None:
        """Write no more. What is read from stays open, as a thread may wait for it."""
        with suppress(OSError, ValueError):  # the client has gone
            self._to.close()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        rest = b""
        try:
            while chunk := os.read(self._read_from, _CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._put(loop, line.decode("utf-8", "replace")).result()
            self._put(loop, None).result()
        except (OSError, RuntimeError, asyncio.CancelledError):
            return  # the loop has ended

    def _put(self, loop: asyncio.AbstractEventLoop, line: str | None) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(self._lines.put(line), loop)


@contextmanager
def client_streams() -> Generator[ClientStreams]:
    """Take stdin and stdout for the client; meanwhile, whatever else prints does so to stderr, and reads nothing."""
    sys.stdout.flush()
    read_from, write_to = os.dup(_STDIN), os.dup(_STDOUT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    os.dup2(_STDERR, _STDOUT)
    streams = ClientStreams(read_from, write_to)
    try:
        yield streams
    finally:
        _flush(sys.stdout)
        os.dup2(write_to, _STDOUT)
        os.dup2(read_from, _STDIN)
        streams.close()


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        return
