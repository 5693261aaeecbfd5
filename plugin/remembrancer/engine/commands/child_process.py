"""A child process in a group of its own: its input, the end of its output, and its end with all that it started."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.engine.commands.task_command import TaskCommand

KEPT_BYTES: Final = 65_536
"""So many bytes of the output are held, the last ones."""
_TERMINATE_SECONDS: Final = 0.5
"""The time a group has to end after SIGTERM; the scheduler's stop waits for a handler twice as long."""
_LOOK_SECONDS: Final = 0.05
_DRAIN_SECONDS: Final = 0.2
"""The time in which the output of an ended command is read, while others may hold it open."""


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """The end of a command.

    Args:
        code: Its exit code; below zero, the signal that ended it.
        output: The last bytes of what it printed, to both streams.
        size: How many bytes it printed.
    """

    code: int
    output: bytes
    size: int


async def run_child(command: TaskCommand, environment: Mapping[str, str]) -> CommandEnd:
    """Run a command to its end; if the caller is cancelled, its group gets SIGTERM, and then SIGKILL.

    Whatever it leaves running in its group is ended too. Raises OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=command.cwd,
        env=dict(environment),
        start_new_session=True,
    )
    output = _Output()
    streams = [asyncio.ensure_future(output.read(process)), asyncio.ensure_future(_feed(process, command.stdin))]
    try:
        code = await _exit_code(process)
        await asyncio.wait(streams[:1], timeout=_DRAIN_SECONDS)
    except asyncio.CancelledError:
        await _terminate(process)
        raise
    finally:
        _signal(process, signal.SIGKILL)  # what is left of the group
        for each in streams:
            each.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        _close(process)
    return CommandEnd(code, bytes(output.tail), output.size)


class _Output:
    """The end of what a process prints."""

    def __init__(self) -> None:
        self.tail = bytearray()
        self.size = 0

    async def read(self, process: asyncio.subprocess.Process) -> None:
        """Read until the stream ends, and keep the last bytes."""
        assert process.stdout  # noqa: S101 (it has a pipe)
        while part := await process.stdout.read(KEPT_BYTES):
            self.size += len(part)
            self.tail += part
            del self.tail[:-KEPT_BYTES]


async def _feed(process: asyncio.subprocess.Process, text: str) -> None:
    """Write the input, and close it; a process may end without reading it."""
    assert process.stdin  # noqa: S101 (it has a pipe)
    with suppress(OSError):
        process.stdin.write(text.encode("utf-8", "surrogateescape"))
        await process.stdin.drain()
    process.stdin.close()
    with suppress(OSError):
        await process.stdin.wait_closed()


async def _exit_code(process: asyncio.subprocess.Process) -> int:
    """Return the exit code once the process itself has ended.

    Some versions of Python have `wait` go on until other processes have closed the output too.
    """
    waiting = asyncio.ensure_future(process.wait())
    try:
        while process.returncode is None:
            await asyncio.wait([waiting], timeout=_LOOK_SECONDS)
    finally:
        waiting.cancel()
    return process.returncode


async def _terminate(process: asyncio.subprocess.Process) -> None:
    """Ask the group to end, and give it a moment."""
    _signal(process, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_TERMINATE_SECONDS):
            await _exit_code(process)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to the group that the process leads."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _close(process: asyncio.subprocess.Process) -> None:
    """Close the pipes, which another process may hold open."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
