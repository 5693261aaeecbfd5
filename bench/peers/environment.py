"""An environment of its own for a peer that cannot live in ours; kept in build/peers until its requirements change."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from table import BUILD, say

from peers.peer import NotRun, last_line

if TYPE_CHECKING:
    from pathlib import Path

    from peers.peer import Peer


def python_of(peer: Peer) -> Path | str:
    """Return the Python that has the peer: ours, or that of an environment made for it."""
    if not peer.requirements:
        return sys.executable
    home = BUILD / "peers" / peer.key
    mark = home / "installed"
    wanted = "\n".join((sys.version, *peer.requirements))
    if not mark.is_file() or mark.read_text() != wanted:
        say(f"  installing {', '.join(peer.requirements)} in build/peers/{peer.key} (once)")
        _make(home, peer.requirements)
        mark.write_text(wanted)
    return home / "bin" / "python"


def _make(home: Path, requirements: tuple[str, ...]) -> None:
    pip = [sys.executable, "-m", "pip", "--python", home, "--quiet", "--no-input", "--disable-pip-version-check"]
    try:
        for command in (
            [sys.executable, "-m", "venv", "--clear", "--without-pip", home],
            [*pip, "install", *requirements],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as failed:
        raise NotRun(f"it could not be installed ({last_line(failed.stderr)})") from failed
