"""Standard output and error, whatever they lead to: a reader that leaves, a disk that is full, nothing at all."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

_WRITING: Final = frozenset(
    {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
)
FAILED: Final = 1


@contextmanager
def written() -> Generator[None]:
    """See to it that all which the block prints is written; exit with 1 where it cannot be.

    To a reader that has left, as `head` does, nothing is said; else stderr has one line.
    """
    _open_missing()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as fault:
        if not is_of_output(fault):
            raise
        _let_go()
        if fault.errno != errno.EPIPE:
            with suppress(OSError):
                sys.stderr.write(f"The output could not be written: {fault.strerror}.\n")
                sys.stderr.flush()
        raise SystemExit(FAILED) from None


def is_of_output(fault: OSError) -> bool:
    """Tell whether an error says that a stream takes no more: one of a file would name it."""
    return fault.errno in _WRITING and fault.filename is None


def _open_missing() -> None:
    """Lead a stream that the caller has closed nowhere: the next file that is opened must not take its place."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8")  # noqa: SIM115 (it stays open)
            setattr(sys, name, nowhere)


def _let_go() -> None:
    """Lead stdout nowhere, so that what it still holds is not tried again at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
