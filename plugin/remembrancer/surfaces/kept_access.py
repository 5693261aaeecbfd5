"""The password and ports of a served graph, kept from one start to the next in `access.json` in its folder."""

from __future__ import annotations

import os
import secrets
import socket
import stat
import sys
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from remembrancer.surfaces.control.connection_file import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.surfaces.control.connection_file import ConnectionFile

_NAME: Final = "access.json"
_PASSWORD_BYTES: Final = 18


class KeptAccess(BaseModel):
    """The ports and the password of the last start, for drivers and clients; readable by its owner only."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bolt_password: str
    bolt_port: int | None = None
    rest_port: int | None = None


def read_access(folder: Path) -> KeptAccess:
    """Return what the last start kept; new where there is none, or others could have read or written it."""
    fresh = KeptAccess(bolt_password=secrets.token_urlsafe(_PASSWORD_BYTES))
    path = folder / _NAME
    try:
        if not _is_private(path.lstat()):
            return fresh
        kept = KeptAccess.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return fresh
    if kept.bolt_port is not None and not is_free(kept.bolt_port):
        # Drivers have offered the password to the process that has the port now.
        return kept.model_copy(update={"bolt_password": fresh.bolt_password, "bolt_port": None})
    return kept


def write_access(folder: Path, access: KeptAccess, written: ConnectionFile) -> None:
    """Keep *access* for the next start, with the ports of *written*; one that is not open now is kept as it was."""
    ports = {"bolt_port": written.bolt_port or access.bolt_port, "rest_port": written.rest_port or access.rest_port}
    write_private(folder / _NAME, access.model_copy(update=ports).model_dump_json(indent=2) + "\n")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return True if a server may listen at *port*."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        return False
    return True


def _is_private(found: os.stat_result) -> bool:
    if sys.platform == "win32":
        return True
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
