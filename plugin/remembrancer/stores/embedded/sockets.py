"""Closing of this process's sockets that a library has opened and does not close."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DESCRIPTORS: Final = "/dev/fd"


def close_port(port: int) -> bool:
    """Close this process's sockets on a local TCP *port*; return True if nothing listens there afterwards.

    The library keeps its descriptor: it is replaced by a new, unbound socket, so that the library can close it later,
    and no other file gets its number until then.
    """
    if sys.platform == "win32":  # there, a descriptor cannot be replaced
        return False
    found = list(_at(port))
    for descriptor in found:
        with socket.socket() as nothing:
            os.dup2(nothing.fileno(), descriptor, inheritable=False)
    return bool(found)


def _at(port: int) -> Iterator[int]:
    """Yield the descriptors of sockets whose local end is the port."""
    for entry in Path(_DESCRIPTORS).iterdir():
        if _port_of(int(entry.name)) == port:
            yield int(entry.name)


def _port_of(descriptor: int) -> int | None:
    try:
        copy = os.dup(descriptor)
    except OSError:  # closed since
        return None
    try:
        seen = socket.socket(fileno=copy)
    except OSError:  # not a socket
        os.close(copy)  # a copy that is left open would keep a file's lock
        return None
    with seen:
        return seen.getsockname()[1] if seen.family in {socket.AF_INET, socket.AF_INET6} else None
