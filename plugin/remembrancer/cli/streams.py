"""The streams that commands print on: text that one cannot encode, a reader that has gone, a full disk, no stream."""

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
"""What SIGPIPE, number 13, gives other commands. Raised by number: Windows has no name for it."""
_ESCAPE: Final = "remembrancer.escape"
_OF_WRITING: Final = frozenset(
    {errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
)


@contextlib.contextmanager
def written() -> Generator[None]:
    """Write all that the block prints, or exit: in silence if the reader has gone, else with one line on stderr."""
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
            raise  # the error of a file names it
        silence()
        with contextlib.suppress(OSError):
            sys.stderr.write(f"The output could not be written: {end.strerror}.\n")
            sys.stderr.flush()
        raise SystemExit(FAILED) from None


def escape_the_rest() -> None:
    r"""Write what stdout or stderr cannot encode as `\u00fc`: so JSON stays JSON, and tables can be read."""
    codecs.register_error(_ESCAPE, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors=_ESCAPE)


def silence() -> None:
    """Send what is still printed nowhere: stdout takes no more, and the interpreter's end flushes it."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is no file needs nothing
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _open_missing() -> None:
    """Lead a stream that the caller has closed nowhere: the next file that is opened must not take its place."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8")  # noqa: SIM115 (it stays open)
            setattr(sys, name, nowhere)


def _is_of_closed_pipe(end: OSError | SystemExit) -> bool:
    """Whether the reader of the output has gone; rich and typer make an exit of that error."""
    return isinstance(end.__context__ if isinstance(end, SystemExit) else end, BrokenPipeError)


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    return json.dumps(fault.object[fault.start : fault.end])[1:-1], fault.end
