"""The beacon: `serve.json` in a graph's folder, telling others how to reach its scheduler."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pathlib import Path


class Beacon(BaseModel):
    """Where a running scheduler listens, and the secrets to be let in; readable by its owner only."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    host: str
    control_port: int
    token: str
    rest_port: int | None = None
    """None: served without the API."""
    metrics_port: int | None = None
    """None: served without `/metrics`."""
    bolt_port: int | None = None
    """None: served without Bolt."""
    bolt_user: str | None = None
    bolt_password: str | None = None
    """Lets a driver read the live graph, not write it."""


def light(folder: Path, beacon: Beacon) -> None:
    """Write the beacon in one step: nobody ever reads half of it, nobody else reads it at all."""
    draft = folder / f"{_NAME}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(beacon.model_dump_json(indent=2) + "\n")
    draft.replace(folder / _NAME)


def look_for(folder: Path) -> Beacon | None:
    """Return the beacon in *folder*, if there is one that can be read; it may be stale."""
    try:
        return Beacon.model_validate_json((folder / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def put_out(folder: Path, beacon: Beacon) -> None:
    """Remove *beacon*, unless another scheduler has lit its own since."""
    if look_for(folder) == beacon:
        (folder / _NAME).unlink(missing_ok=True)


_NAME: Final = "serve.json"
