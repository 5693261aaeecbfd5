"""The lock on a graph's folder, and the proof that the folder is still the one that was locked.

The engine's own lock is a POSIX lock: it ends as soon as any descriptor of its file is closed in this process, so a
backup that reads the folder would release it. A `flock` lock belongs to the one descriptor that took it.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphLocked, GraphReplaced, GraphUnavailable
from remembrancer.stores.private_files import PRIVATE_FILE, PrivateFiles, warn_if_exposed

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILE: Final = "remembrancer.lock"
_SIZE: Final = 128
"""The fixed size of a lock file in bytes: rewriting it needs no space on a full disk."""
_FAR: Final = 1 << 20
"""The offset of the byte that Windows locks: outside of the content, which other processes must be able to read."""
_DATA: Final = ("dictionary.*.dict", "scheduled_task_0.*.bucket")
"""Files that the engine never replaces nor shortens; they cost two `stat` calls per commit."""
_STAMP_SECONDS: Final = 30.0
"""Seconds between stamps of the lock file: an older copy put in place of the folder has an older stamp."""

_held: set[DirectoryLock] = set()


class DirectoryLock:
    """Locks a graph's folder for this process, from its creation to `release`.

    Args:
        folder: The graph's folder, as the user named it.
        shared: Share the lock with other readers, and write nothing.

    Raises:
        GraphLocked: Another process, or another service of this one, holds it.
        OSError: The folder cannot be read or written.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self._shared = shared and sys.platform != "win32"
        self._folder = folder.absolute()
        self._path = self._folder / LOCK_FILE
        self.holder = secrets.token_hex(8)
        self._mutex = threading.Lock()
        self._data: dict[Path, os.stat_result] = {}
        self._stamps = 0
        self._stamped_at = 0.0
        self._pinned: list[int] = []
        self._watched: list[tuple[Path, os.stat_result]] = []
        self.handles: list[object] = []
        """The object whose destruction closes the database."""
        self._lost: str | None = None
        self.inherited = False
        """True if this process was forked from the one that took the lock."""
        warn_if_exposed(folder)
        self.files = PrivateFiles(self._folder)
        """The files that this process creates in the folder: the engine leaves their modes to the umask."""
        self._descriptor = (
            _to_read(self._path) if self._shared else os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        )
        try:
            self._take()
            if not self._shared:
                self._stamp()
            self._pin(self._folder)
        except BaseException:
            self._let_go()
            raise
        _held.add(self)

    def watch(self, folder: Path) -> None:
        """Watch *folder* too: it must stay in place, like the lock's own folder, which is part of its file's path."""
        self._pin(folder)
        self._watched.append((folder, folder.stat()))

    def watch_data(self, folder: Path) -> None:
        """Watch data files of the database in *folder*: a restore tool may replace files without their folders."""
        paths = [found for pattern in _DATA for found in folder.glob(pattern)]
        self._data = {path: path.stat() for path in paths}

    @property
    def is_lost(self) -> bool:
        """True if the folder was found replaced or missing."""
        return self._lost is not None

    def refuse_if_lost(self) -> None:
        """Raise the error that `check` found earlier, if any."""
        if self._lost is not None:
            raise GraphUnavailable(self._lost) if self.inherited else GraphReplaced(self._lost)

    def check(self) -> None:
        """Raise GraphReplaced if the folder is not the one that was locked, now and at every later call."""
        if self._lost is None and not self._is_in_place():
            self._lost = (
                f"The folder of the graph {self._folder} was deleted, moved or replaced while it was open: writes "
                "of this service may be lost, and it writes nothing from now on. Stop it, put the right folder in "
                "place, and start again in a new process."
            )
        self.refuse_if_lost()

    def verify(self) -> None:
        """Do as `check`, and for the lock itself; periodically write a stamp, which old copies lack."""
        self.check()
        if sys.platform != "win32":  # some systems refuse a held lock to its own holder
            try:
                self._take()  # some network file systems drop it
            except GraphLocked as taken:
                self._lost = f"The lock on the graph {self._folder} was lost, and another process took it. {taken}"
                raise GraphReplaced(self._lost) from taken
        if not self._shared and time.monotonic() - self._stamped_at > _STAMP_SECONDS:
            with suppress(OSError):  # on a disk that cannot be written, the writes themselves fail
                self._stamp()
            self.files.tighten()

    def release(self) -> None:
        """Release the folder."""
        _held.discard(self)
        self.handles.clear()
        self._let_go()

    def leave_open(self) -> None:
        """Keep the database open until the process ends, since its folder was replaced and must not be touched.

        The binding closes a destroyed object, and the interpreter destroys every object at its end, except one with
        an extra reference.
        """
        for handle in self.handles:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))
        self.handles.clear()

    def abandon(self) -> None:
        """Close the descriptors that a forked child inherited, without affecting the parent's lock."""
        self.inherited = True
        self.leave_open()
        self._lost = (
            f"The graph {self._folder} was opened before this process was forked off, and belongs to its parent. "
            "Start processes that use a graph with the `spawn` or `forkserver` method, and open it in them."
        )
        self._let_go()

    def _pin(self, folder: Path) -> None:
        """Keep a folder open: otherwise its inode number could be reused for its replacement."""
        if sys.platform != "win32":  # there, an open file keeps its folder in place
            self._pinned.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))

    def _take(self) -> None:
        try:
            _lock(self._descriptor, shared=self._shared)
        except (BlockingIOError, PermissionError) as held:
            raise GraphLocked(self._whose()) from held

    def _whose(self) -> str:
        """Return the error that names the lock's holder, as far as the lock file does."""
        said = _read(self._path)
        mine = next((each for each in _held if each.holder == said.get("holder")), None)
        if mine and mine.is_lost:
            return (
                f"The graph {self._folder} was replaced while this process had it open, and stays open until the "
                "process ends: open the new one in a new process."
            )
        if mine:
            return f"The graph {self._folder} is open in this process already: use the service that has it open."
        pid = f" (process {said['pid']})" if _lives(said.get("pid")) else ""
        return (
            f"The graph {self._folder} is held by another process{pid}. While `remembrancer serve` holds a graph, "
            "other commands connect to it automatically, and the neo4j driver can read it at the Bolt port that it "
            "prints; while it starts, try again in a few seconds. Otherwise stop the other process first."
        )

    def _stamp(self) -> None:
        """Write the lock's holder and a stamp; only the owner of this descriptor writes the same ones."""
        with self._mutex:  # a check between the write and its record would find an unknown stamp
            self._write_stamp()

    def _write_stamp(self) -> None:
        text = json.dumps({"pid": os.getpid(), "holder": self.holder, "stamp": self._stamps + 1}).ljust(_SIZE - 1)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, f"{text}\n".encode())
        self._stamps += 1
        self._stamped_at = time.monotonic()
        self._seen = os.fstat(self._descriptor)

    def _is_in_place(self) -> bool:
        """Return True if the folders are those that were opened, and the lock file has the last stamp."""
        with self._mutex:
            return self._is_as_written()

    def _is_as_written(self) -> bool:
        try:
            in_place = all(os.path.samestat(folder.stat(), opened) for folder, opened in self._watched)
            if not in_place or not self._has_its_data():
                return False
            if self._shared:  # it has left no stamp
                return True
            found, seen = self._path.stat(), self._seen
        except OSError:
            return False
        if not os.path.samestat(found, seen):
            return False
        if (found.st_mtime_ns, found.st_size) == (seen.st_mtime_ns, seen.st_size):
            return True
        said = _read(self._path)
        self._seen = found
        return (said.get("holder"), said.get("stamp")) == (self.holder, self._stamps)

    def _has_its_data(self) -> bool:
        """Return True if the data files are those that were opened, and none has shrunk."""
        for path, before in self._data.items():
            found = path.stat()
            if not os.path.samestat(found, before) or found.st_size < before.st_size:
                return False
            self._data[path] = found
        return True

    def _let_go(self) -> None:
        """Close the descriptors: the lock ends with the last one, so that a forked child never ends its parent's."""
        for descriptor in (self._descriptor, *self._pinned):
            with suppress(OSError):
                os.close(descriptor)
        self._pinned.clear()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool) -> None:  # noqa: ARG001 (here nothing is locked for several)
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def _to_read(path: Path) -> int:
    """Open the lock file without writing; if there is none, the folder itself is locked instead."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path.parent, os.O_RDONLY)


def _lives(pid: object) -> bool:
    """Return True if a process with this number exists: the lock file may name an earlier holder."""
    if not isinstance(pid, int) or sys.platform == "win32":
        return isinstance(pid, int)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _read(path: Path) -> dict[str, object]:
    """Return the content of a lock file, which is only informative."""
    try:
        said: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}  # pyright: ignore[reportUnknownVariableType] (JSON's)


def _abandon_all() -> None:
    while _held:
        _held.pop().abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
