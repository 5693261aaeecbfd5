"""Folders of graphs in memory: among the temporary files, removed at the end, or at the next start."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphUnavailable
from remembrancer.stores.embedded.files.directory import TEMPORARY, OpenDirectory, open_folder
from remembrancer.stores.embedded.files.directory_lock import DirectoryLock

if TYPE_CHECKING:
    from remembrancer.stores.embedded.arcadedb import EngineModule

_PREFIX: Final = "remembrancer-"
_MOST_ENTRIES: Final = 10_000
_MOST: Final = 32
"""Most leftovers that one start removes, to be quick; the next start continues."""


def open_temporary(engine: EngineModule) -> tuple[OpenDirectory, Path]:
    """Create a folder for a graph in memory; return the opened graph, and the folder."""
    remove_leftovers(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        return open_folder(engine, folder, temporary=True), folder
    except GraphUnavailable:
        remove(folder)
        raise


def remove(folder: Path) -> None:
    """Remove the folder of a graph in memory, as far as possible."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Remove folders of graphs in memory that killed processes of this user have left in *parent*."""
    with suppress(OSError), os.scandir(parent) as entries:
        left = (Path(entry.path) for entry in islice(entries, _MOST_ENTRIES) if _is_left(entry))
        for folder in islice(left, _MOST):
            with suppress(GraphUnavailable, OSError):  # it is locked: its process is alive
                _remove_unheld(folder)


def _is_left(entry: os.DirEntry[str]) -> bool:
    """Return True if this user created it for a graph in memory; a copy with another name does not count."""
    try:
        if not entry.name.startswith(_PREFIX) or not entry.is_dir(follow_symlinks=False):
            return False
        if sys.platform != "win32" and entry.stat(follow_symlinks=False).st_uid != os.geteuid():
            return False
        return (Path(entry.path) / TEMPORARY).read_text("utf-8") == entry.name
    except (OSError, UnicodeDecodeError):
        return False


def _remove_unheld(folder: Path) -> None:
    lock = DirectoryLock(folder)
    if sys.platform == "win32":  # there, open files cannot be removed
        lock.release()
    remove(folder)
    lock.release()
