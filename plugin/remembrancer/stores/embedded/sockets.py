"""The sockets of this process that a library has opened and cannot be asked to close."""

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
    """Close what this process has open on a TCP *port* of its own; say whether nothing listens there any longer.

    The library keeps its descriptor: a new socket that is bound to nothing takes the place behind it, so that the
    library may close it later, and no other file can come to have its number meanwhile.
    """
    if sys.platform == "win32":  # no descriptor can be put in another's place
        return False
    found = list(_at(port))
    for descriptor in found:
        with socket.socket() as nothing:
            os.dup2(nothing.fileno(), descriptor, inheritable=False)
    return bool(found)


def _at(port: int) -> Iterator[int]:
    """Yield the descriptors of sockets whose own end is at the port."""
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
    except OSError:  # no socket
        os.close(copy)  # a copy that is left open would keep a file's lock
        return None
    with seen:
        return seen.getsockname()[1] if seen.family in {socket.AF_INET, socket.AF_INET6} else None
