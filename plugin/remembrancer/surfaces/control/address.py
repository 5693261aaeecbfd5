"""The address of a control channel: a Unix socket in the graph's private folder, or a loopback port without one."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remembrancer.surfaces.network import LOOPBACK
from remembrancer.surfaces.server import Endpoint

if TYPE_CHECKING:
    from collections.abc import Generator

HAS_UNIX_SOCKETS: Final = sys.platform != "win32" and hasattr(socket, "AF_UNIX")
_NAME: Final = "control.sock"
_LONGEST_PATH: Final = 100
"""Bytes of a socket's path, which systems bound to 104 or 108."""
_BACKLOG: Final = 64
_PEER: Final = struct.Struct("3i")
"""The answer of SO_PEERCRED: process, user, group."""


class ControlSocket:
    """A listening socket and where it is; `close` takes the file of a Unix socket away.

    Args:
        folder: Where the socket shall lie; None, or a folder that takes none, is a private temporary one.
        port: A loopback port in its place, 0 for any; None where the system has Unix sockets.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, folder: Path | None, port: int | None = None) -> None:
        self.path: str | None = None
        """Of a Unix socket: its name in *folder*, or an absolute path."""
        self.port: int | None = None
        self._made: Path | None = None
        self._file: tuple[Path, os.stat_result] | None = None
        at_port = port is not None or not HAS_UNIX_SOCKETS
        self.listening = self._listen_at_port(port or 0) if at_port else self._listen_in(folder)
        self.listening.settimeout(0)

    def endpoint(self, folder: Path | None) -> Endpoint:
        """Return where it listens; its socket's name is one in *folder*."""
        address = f"{LOOPBACK}:{self.port}" if self.path is None else str((folder or Path()) / self.path)
        access = {"control_socket": self.path, "control_port": self.port}
        return Endpoint(address, self.port, self.path, facts={"control": address}, access=access)

    def close(self) -> None:
        """Listen no more; the file goes, unless another scheduler has made its own since."""
        self.listening.close()
        if self._file is not None:
            path, made = self._file
            with suppress(OSError):
                if os.path.samestat(path.lstat(), made):
                    path.unlink()
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    def _listen_at_port(self, port: int) -> socket.socket:
        made = socket.socket()
        try:
            if exclusive := getattr(socket, "SO_EXCLUSIVEADDRUSE", None):  # or Windows lets others share the port
                made.setsockopt(socket.SOL_SOCKET, exclusive, 1)
            made.bind((LOOPBACK, port))
            made.listen(_BACKLOG)
        except BaseException:
            made.close()
            raise
        self.port = made.getsockname()[1]
        return made

    def _listen_in(self, folder: Path | None) -> socket.socket:
        if folder is not None:
            with suppress(OSError):  # a file system that has no sockets, or a path too long for them
                listening = self._listen_at(folder / _NAME)
                self.path = _NAME
                return listening
        self._made = Path(tempfile.mkdtemp(prefix="remembrancer-control-"))
        listening = self._listen_at(self._made / _NAME)
        self.path = str(self._made / _NAME)
        return listening

    def _listen_at(self, path: Path) -> socket.socket:
        """Listen there, in place of what a killed scheduler has left: its folder's lock is held by this one."""
        made = socket.socket(socket.AF_UNIX)
        try:
            path.unlink(missing_ok=True)
            with _short(path) as short:
                made.bind(short)
            path.chmod(0o600)  # nothing connects before it listens
            made.listen(_BACKLOG)
        except BaseException:
            made.close()
            raise
        self._file = path, path.lstat()
        return made


@contextmanager
def unconnected(
    folder: Path | None, path: str | None, port: int | None
) -> Generator[tuple[socket.socket, str | tuple[str, int]]]:
    """Give a non-blocking socket, and the address to connect it to. Raises OSError: there is no such address."""
    if path is None or not HAS_UNIX_SOCKETS:
        if port is None:
            raise ConnectionRefusedError("no address is named that this system can reach")
        made = socket.socket()
        made.settimeout(0)
        yield made, (LOOPBACK, port)
        return
    with _short((folder or Path()) / path) as short:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(0)
        yield made, short


def is_trusted(peer: socket.socket, *owners: int) -> bool:
    """Return True if the process at the other end of a Unix socket is this user's, root's, or one of *owners*'.

    For a port, and on a system that does not say, it is not known: there the handshake alone decides.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if sys.platform == "win32" or option is None or peer.family != socket.AF_UNIX:
        return True
    _, user, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, option, _PEER.size))
    return user in {os.geteuid(), 0, *owners}


@contextmanager
def _short(path: Path) -> Generator[str]:
    """Give a path short enough for a socket. Raises OSError where there is none.

    Linux names an open folder by its number, whatever its own path is.
    """
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
