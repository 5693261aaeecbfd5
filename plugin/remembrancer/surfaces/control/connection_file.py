"""The connection file: `serve.json` in a graph's folder, by which other processes reach its scheduler."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self


class FolderIdentity(BaseModel):
    """The identity of a folder. A copy has another one, and so has a folder that was moved to another disk."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    device: int
    inode: int

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return the place of an existing folder, by whatever path. Raises OSError."""
        found = folder.stat()
        return cls(path=str(folder.resolve()), device=found.st_dev, inode=found.st_ino)

    def is_same(self, other: FolderIdentity) -> bool:
        """Return True if both are one folder; it may have been renamed."""
        return (self.device, self.inode) == (other.device, other.inode)


class ConnectionFile(BaseModel):
    """The endpoints of a running scheduler and the secrets that open them; readable by its owner only.

    A server may add fields of its own.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    pid: int
    host: str = "127.0.0.1"
    """Of the ports below."""
    control_socket: str | None = None
    """A Unix socket, by its name in the graph's folder, or by an absolute path."""
    control_port: int | None = None
    """In its place, where the system has no Unix sockets."""
    token: str
    """The secret that both sides of the control channel prove to know; it is never sent."""
    rest_port: int | None = None
    """None: served without the API."""
    rest_url: str | None = None
    metrics_port: int | None = None
    """None: served without `/metrics`."""
    bolt_port: int | None = None
    """None: served without Bolt."""
    bolt_user: str | None = None
    bolt_password: str | None = None
    """Lets a driver read the live graph, not write it."""
    folder: FolderIdentity | None = None
    """The folder that is served: a file without one, or with another, is not of the folder that it is in."""


def write(folder: Path, written: ConnectionFile) -> None:
    """Write the file in one step: no reader ever sees half of it, no other user reads it at all."""
    write_private(folder / _NAME, written.model_dump_json(indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def read(folder: Path) -> ConnectionFile | None:
    """Return the connection file in *folder*, if it can be read and is of this folder; its process may be gone."""
    found = _read(folder)
    return found if found is not None and _is_of(folder, found) else None


def copied_from(folder: Path) -> str | None:
    """Return the folder of a connection file that a copy brought into *folder*; None if it is not such a one."""
    found = _read(folder)
    if found is None or _is_of(folder, found):
        return None
    return found.folder.path if found.folder else None


def remove(folder: Path, written: ConnectionFile) -> None:
    """Remove the file, unless another scheduler has written its own since, or another folder is there now."""
    if _read(folder) == written and _is_of(folder, written):
        (folder / _NAME).unlink(missing_ok=True)


def _read(folder: Path) -> ConnectionFile | None:
    try:
        return ConnectionFile.model_validate_json((folder / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def _is_of(folder: Path, written: ConnectionFile) -> bool:
    try:
        return written.folder is not None and written.folder.is_same(FolderIdentity.of(folder))
    except OSError:
        return False


_NAME: Final = "serve.json"
