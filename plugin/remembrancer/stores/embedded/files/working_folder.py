"""Private working folders next to a graph, for copies of its files; leftovers of killed processes are removed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphNotFound

if TYPE_CHECKING:
    from collections.abc import Generator

DRAFT: Final = ".part"
COPY: Final = ".check"
_YOUNG_SECONDS: Final = 60.0
"""Seconds in which a new folder may not be locked yet."""


@contextmanager
def working_folder(place: Path, suffix: str, *, elsewhere: bool = False) -> Generator[Path]:
    """Yield a private folder next to *place*, on the same disk, and remove it at the end if it still exists.

    Args:
        place: The file or folder that it is for; part of its name.
        suffix: The purpose; the end of its name.
        elsewhere: Use the folder for temporary files if none can be created next to *place*.

    Raises:
        GraphNotFound: No folder can be created.
    """
    remove_stale(place)
    folder = _made(place, suffix, elsewhere=elsewhere)
    lock = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def remove_stale(place: Path) -> None:
    """Remove the working folders next to *place* that no process uses."""
    for suffix in (DRAFT, COPY):
        for folder in place.parent.glob(f".{_escaped(place.name)}.*{suffix}"):
            with suppress(OSError):
                if folder.is_symlink() or time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
                    continue
                if (lock := _lock(folder)) is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(lock)


def _made(place: Path, suffix: str, *, elsewhere: bool) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=suffix, dir=place.parent))
    except OSError as refused:
        if not elsewhere:
            raise GraphNotFound(f"No folder can be created next to {place}: {refused}.") from refused
    try:
        return Path(tempfile.mkdtemp(prefix="remembrancer-", suffix=suffix))
    except OSError as refused:
        raise GraphNotFound(f"No folder can be created for a copy of {place}: {refused}.") from refused


def _lock(folder: Path) -> int | None:
    """Take the lock of a working folder, which ends with its process; None if another has it, or without locks."""
    if sys.platform == "win32":
        return None
    import fcntl  # noqa: PLC0415 (Windows has none)

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _escaped(name: str) -> str:
    """Return *name* as a glob pattern that matches only itself."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)
