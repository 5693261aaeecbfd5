"""The folder of an embedded graph: its layout, opening and closing, and its errors."""

from __future__ import annotations

import errno
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remembrancer.errors import (
    DiskFull,
    GraphDamaged,
    GraphLocked,
    GraphNotFound,
    GraphReadOnly,
    GraphUnavailable,
    NotAGraph,
)
from remembrancer.stores.disk_full import is_disk_full
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.files.directory_lock import LOCK_FILE, DirectoryLock
from remembrancer.stores.private_files import PRIVATE_FOLDER, make_private

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.stores.embedded.arcadedb import Database, EngineModule

_LOG: Final = logging.getLogger("remembrancer")

DATABASE: Final = "remembrancer"
TEMPORARY: Final = "remembrancer.temporary"
"""Marks the temporary folder of a graph in memory; it contains the folder's name."""
DAMAGED: Final = "damaged"
"""The subfolder of a graph's folder for unreadable files."""
BACKUP: Final = "backup.json"
"""Marks the folder of a backup, which no scheduler opens."""
_OPEN_MARK: Final = "database.lck"
"""The engine's mark of a database that is open, or was not closed cleanly."""
_OF_SERVE: Final = frozenset({"control.sock", "access.json"})
"""Files of `remembrancer serve`, in addition to serve.json."""
_OURS: Final = frozenset({"databases", "config", "serve.json", "backups", "log", LOCK_FILE, TEMPORARY, BACKUP, DAMAGED})


@dataclass(frozen=True, slots=True)
class OpenDirectory:
    """A graph's folder with its database open, held by this process."""

    database: Database
    lock: DirectoryLock
    read_only: bool = False
    served: bool = False
    """True if a server in this process owns both: it closes the database and releases the lock."""


def database_path(folder: Path) -> Path:
    """Return the path of the database in a graph's folder, as the engine's own server expects it."""
    return folder / "databases" / DATABASE


def lock_folder(folder: Path, *, shared: bool = False) -> DirectoryLock:
    """Take the lock of the graph in *folder*, creating the folder if needed; a *shared* lock writes nothing.

    Raises:
        GraphNotFound: The folder's parent does not exist, or the folder is not writable.
        NotAGraph: The folder holds something else.
        GraphLocked: It is open already, in another process or in this one.
        DiskFull: The disk has no room for a lock file.
    """
    _refuse_unusable(folder, to_write=not shared)
    try:
        return DirectoryLock(folder, shared=shared)
    except OSError as refused:
        if refused.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(
                f"The disk is full: the graph {folder} cannot be opened. Free some space first."
            ) from refused
        raise GraphNotFound(f"The graph's folder {folder} cannot be locked: {refused}.") from refused


def open_folder(
    engine: EngineModule, folder: Path, *, read_only: bool = False, temporary: bool = False
) -> OpenDirectory:
    """Take the lock of the graph in *folder* and open its database. Raises the errors of both.

    A *temporary* folder is marked: after a crash, the next graph in memory removes it.
    """
    lock = lock_folder(folder, shared=read_only)
    try:
        if temporary:
            (folder / TEMPORARY).write_text(folder.name, "utf-8")
        database = open_database(engine, folder, read_only=read_only)
        lock.handles.append(database)
        lock.files.tighten()
        lock.watch(database_path(folder.absolute()))
    except BaseException:
        lock.release()
        raise
    return OpenDirectory(database, lock, read_only=read_only)


def close_folder(opened: OpenDirectory, before_release: Callable[[], None] | None = None) -> None:
    """Close the database and release the lock, unless a server does that.

    If the folder was replaced, the engine would write into the new one and delete its log: then the database is left
    open and locked until the process ends.
    """
    if opened.lock.is_lost and Path(opened.database.get_database_path()).exists():
        _LOG.warning("The open graph is not closed, because its folder was replaced.")
        opened.lock.leave_open()
        return
    try:
        opened.database.close()
    except load_engine().ArcadeDBError as error:
        _LOG.warning("A graph was not closed cleanly, and will be recovered when it is next opened: %s", error)
    opened.lock.files.tighten()
    if opened.served:
        return
    last = [before_release or (lambda: None), opened.lock.release]
    for step in reversed(last) if sys.platform == "win32" else last:  # Windows cannot remove open files
        step()


def open_database(engine: EngineModule, folder: Path, *, read_only: bool = False) -> Database:
    """Open the database in *folder*, whose lock is held, creating it if needed.

    Raises:
        GraphNotFound: It is not writable, or does not exist and cannot be created.
        GraphDamaged: Recovery gave up on a part of the log, now or earlier; a damaged graph opens only read-only.
        GraphUnavailable: The engine cannot open it.
    """
    path = database_path(folder.absolute())
    try:
        if read_only:
            return _open_to_read(engine, folder, path)
        _refuse_backup(folder)
        _refuse_damage(folder)
        if not engine.database_exists(str(path)):
            make_private(path.parent)
            return engine.create_database(str(path))
        database = engine.open_database(str(path))
    except OSError as refused:
        raise GraphNotFound(f"The graph's folder {folder} cannot be written: {refused}.") from refused
    except engine.ArcadeDBError as error:
        raise translate_open_error(folder, str(error)) from error
    try:
        _refuse_damage(folder)  # the engine recovers while it opens
    except GraphDamaged:
        with suppress(engine.ArcadeDBError):
            database.close()
        raise
    return database


def _open_to_read(engine: EngineModule, folder: Path, path: Path) -> Database:
    if not engine.database_exists(str(path)):
        raise GraphNotFound(f"There is no graph {folder}.")
    unclean = GraphReadOnly(
        f"The graph {folder} was not closed cleanly, and cannot be recovered without writing to it. Open it "
        "once without read-only, or read a copy of the folder."
    )
    if (path / _OPEN_MARK).exists():  # the engine, once it has tried, has threads that know a database it gave up
        raise unclean
    try:
        return engine.open_database(str(path), read_only=True)
    except engine.ArcadeDBError as error:
        if "needs recovery" not in str(error):
            raise
        raise unclean from error


def refuse_unsound(folder: Path) -> None:
    """Reject a damaged graph, without opening it. Raises GraphDamaged."""
    _refuse_damage(folder)


def is_backup(folder: Path) -> bool:
    """Return True if *folder* is a backup, which no scheduler opens."""
    return (folder / BACKUP).exists()


def _refuse_backup(folder: Path) -> None:
    if is_backup(folder):
        raise GraphReadOnly(
            f"{folder} is a backup, which must not change. Restore it first: "
            f"remembrancer restore {folder} ./remembrancer-graph"
        )


def _refuse_damage(folder: Path) -> None:
    """Reject a graph with parts of its log that the engine could not recover, and renamed."""
    found = sorted(file.name for file in database_path(folder).glob("*.corrupt"))
    if found:
        raise GraphDamaged(
            f"The graph {folder} was not fully recovered after a crash, such as a power cut: acknowledged work may be "
            f"missing. The files that the engine could not read are in {database_path(folder)}: "
            f"{', '.join(found)}. Replace the folder by a restored backup; or open it read-only; or accept the loss: "
            f"move these files to {folder / DAMAGED} and start again."
        )


def _refuse_unusable(folder: Path, *, to_write: bool) -> None:
    """Reject a folder that cannot hold a graph, before the engine opens it."""
    if folder.exists() and not folder.is_dir():
        raise NotAGraph(f"{folder} is a file, and a graph is a folder. Name a graph's folder, or a new or empty one.")
    if not folder.exists():
        if not folder.parent.is_dir():
            raise GraphNotFound(
                f"There is no folder {folder.parent} to create the graph {folder.name!r} in. Create it first."
            )
        try:
            folder.mkdir(PRIVATE_FOLDER)
        except OSError as refused:
            raise GraphNotFound(f"The folder {folder} cannot be created: {refused}.") from refused
    strangers = sorted(entry.name for entry in folder.iterdir() if entry.name not in _OURS | _OF_SERVE)
    if strangers and not database_path(folder).is_dir():
        raise NotAGraph(
            f"{folder} is not a graph: it holds {', '.join(strangers[:5])}. Name a graph's folder or an empty one."
        )
    if to_write and (hindrance := unwritable(folder)):
        raise GraphNotFound(
            f"{hindrance} Opening a graph writes to it. `remembrancer check --graph {folder}` checks a copy of it, and "
            "`--read-only` lists what it holds."
        )


def unwritable(folder: Path) -> str | None:
    """Return why this process cannot write to a graph's folder, its database or files; None if it can."""
    database = database_path(folder)
    checked = [each for each in (folder, database.parent, database) if each.exists()]
    with suppress(OSError):
        checked += database.iterdir()
    if all(os.access(each, os.W_OK) for each in checked):
        return None
    if sys.platform != "win32" and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return f"The folder {folder} may not be written: it is mounted read-only."
    return f"The folder {folder} may not be written by this user."


def translate_open_error(folder: Path, text: str) -> GraphUnavailable:
    """Return the error for the engine's reason not to open the folder."""
    if "LockException" in text or "locked by another" in text:
        return GraphLocked(
            f"The graph {folder} is held by another process. While `remembrancer serve` holds a graph, "
            "other commands connect to it automatically, and the neo4j driver can read it at the Bolt port that it "
            "prints; while it starts, try again in a few seconds. Otherwise stop the other process first."
        )
    if "active instance" in text:
        return GraphLocked(
            f"The graph {folder} is still open in this process: use the service that has it open. If its folder was "
            "replaced in the meantime, restart this process."
        )
    if "Permission denied" in text or "AccessDenied" in text:
        return GraphNotFound(f"The graph {folder} may not be written by this user: {text}")
    if is_disk_full(text):
        return DiskFull(f"The disk is full: the graph {folder} cannot be opened. Free some space first. ({text})")
    return GraphUnavailable(f"The graph {folder} cannot be opened: {text}")
