"""Snapshots of an open embedded graph: copies of its files at one time, as a power cut would leave them.

A commit is on the disk in the engine's log before it is acknowledged, and its pages are written later. So a copy of
log and pages, with no commit and no page write in between, is the graph; the engine recovers it when it is opened.
Most files are copied while the graph is written to; commits wait only while the files changed since are copied again.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphBusy, InvalidInput
from remembrancer.stores.private_files import PRIVATE_FILE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

UNCLEAN: Final = "database.lck"
"""The engine recovers a graph with this file. The original is never opened: closing it would end its lock."""
_BLOCK: Final = 1 << 20
_TICK_NS: Final = 50_000_000
"""Two writes within this time may leave a file with the same modification time."""
_ROUNDS: Final = 200


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was before it was copied."""

    size: int
    changed_ns: int
    inode: int


def take_snapshot(database: Path, target: Path, hold: AbstractContextManager[object]) -> None:
    """Copy the files of the open *database* into the empty folder *target*; *hold* suspends commits.

    Raises:
        InvalidInput: The target is not an empty folder.
        GraphBusy: The engine did not stop writing while commits waited.
        OSError: A file cannot be read or written.
    """
    if not target.is_dir() or any(target.iterdir()):
        raise InvalidInput("folder", str(target), "an empty folder on the scheduler's machine", "./backups/draft")
    copied: dict[str, _Seen] = {}
    _follow(database, target, copied)
    with hold:
        for _ in range(_ROUNDS):  # pages of earlier commits may still be written
            began_ns = time.time_ns()
            if not _follow(database, target, copied) and _at_rest(copied, began_ns):
                break
            time.sleep(2 * _TICK_NS / 1e9)
        else:
            raise GraphBusy(f"The files of {database} kept changing: try again under less load.")
    (target / UNCLEAN).touch(PRIVATE_FILE)
    for path in (*target.iterdir(), target):
        flush(path)


def flush(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _follow(database: Path, target: Path, copied: dict[str, _Seen]) -> bool:
    """Copy files that changed since they were *copied*, the log first; return True if any had."""
    found = {path.name: seen for path in database.iterdir() if path.name != UNCLEAN and (seen := _seen_as(path))}
    for name in copied.keys() - found.keys():
        del copied[name]
        (target / name).unlink(missing_ok=True)
    changed = [name for name, seen in found.items() if copied.get(name) != seen]
    for name in sorted(changed, key=lambda name: (not name.endswith(".wal"), name)):
        if _copy(database / name, target / name):
            copied[name] = found[name]
    return bool(changed)


def _at_rest(copied: dict[str, _Seen], now_ns: int) -> bool:
    """Return True if no file changed so recently that a later change could have the same time."""
    return max((seen.changed_ns for seen in copied.values()), default=0) < now_ns - _TICK_NS


def _seen_as(path: Path) -> _Seen | None:
    try:
        found = path.stat()
    except FileNotFoundError:  # an index was compacted into new files
        return None
    return _Seen(found.st_size, found.st_mtime_ns, found.st_ino)


def _copy(source: Path, target: Path) -> bool:
    """Write the differences into *target*; return False if the source no longer exists."""
    try:
        file = source.open("rb")
    except FileNotFoundError:
        return False
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), PRIVATE_FILE)
    with file, os.fdopen(descriptor, "r+b") as copy:
        while block := file.read(_BLOCK):
            place = copy.tell()
            if copy.read(len(block)) != block:
                copy.seek(place)
                copy.write(block)
            copy.seek(place + len(block))
        copy.truncate()
    return True
