"""Output streams of commands: unencodable text, a closed pipe, a full disk, a missing stream."""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remembrancer.cli.signals import BY_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Generator

FAILED: Final = 1
PIPE_CLOSED: Final = BY_SIGNAL + 13
"""The exit code that SIGPIPE (13) gives other commands; by number, since Windows has no such name."""
_ESCAPE: Final = "remembrancer.escape"
_OF_WRITING: Final = frozenset(
    {errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
)


@contextlib.contextmanager
def written() -> Generator[None]:
    """Flush the output of the block, or exit: silently on a closed pipe, else with one line on stderr."""
    _open_missing()
    escape_the_rest()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except (OSError, SystemExit) as end:
        if _is_of_closed_pipe(end):
            silence()
            raise SystemExit(PIPE_CLOSED) from None
        if not isinstance(end, OSError) or end.errno not in _OF_WRITING or end.filename is not None:
            raise  # errors of other files name the file
        silence()
        with contextlib.suppress(OSError):
            sys.stderr.write(f"The output could not be written: {end.strerror}.\n")
            sys.stderr.flush()
        raise SystemExit(FAILED) from None


def escape_the_rest() -> None:
    r"""Write what stdout or stderr cannot encode as `\u00fc`: JSON stays valid, and tables stay readable."""
    codecs.register_error(_ESCAPE, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors=_ESCAPE)


def silence() -> None:
    """Discard further output: stdout cannot be written, and the interpreter flushes it at exit."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a file descriptor needs nothing
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _open_missing() -> None:
    """Open the null device for each closed stream, so that the next opened file does not take its descriptor."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8")  # noqa: SIM115 (it stays open)
            setattr(sys, name, nowhere)


def _is_of_closed_pipe(end: OSError | SystemExit) -> bool:
    """Return True for a closed pipe, which rich and typer turn into an exit."""
    return isinstance(end.__context__ if isinstance(end, SystemExit) else end, BrokenPipeError)


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    return json.dumps(fault.object[fault.start : fault.end])[1:-1], fault.end
