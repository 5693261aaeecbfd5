"""The folder of an embedded graph: how it is laid out, opened, and what can be wrong with it."""

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
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.directory_lock import LOCK_FILE, DirectoryLock
from remembrancer.stores.embedded.disk_full import is_disk_full
from remembrancer.stores.private_files import PRIVATE_FOLDER, make_private

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.stores.embedded.arcadedb import Database, Engine

_LOG: Final = logging.getLogger("remembrancer")

DATABASE: Final = "remembrancer"
TEMPORARY: Final = "remembrancer.temporary"
"""Marks the folder of a graph in memory, by the folder's own name."""
DAMAGED: Final = "damaged"
"""Where what cannot be read any longer is put, in a graph's folder."""
BACKUP: Final = "backup.json"
"""Marks the folder of a backup: it is restored, and never worked on."""
_OPEN_MARK: Final = "database.lck"
"""The engine's own mark of a database that is open, or was not closed in good order."""
_OF_SERVE: Final = frozenset({"control.sock", "access.json"})
"""What `remembrancer serve` keeps beside its serve.json."""
_OURS: Final = frozenset({"databases", "config", "serve.json", "backups", "log", LOCK_FILE, TEMPORARY, BACKUP, DAMAGED})


@dataclass(frozen=True, slots=True)
class OpenDirectory:
    """A graph's folder with its database open, held by this process."""

    database: Database
    lock: DirectoryLock
    read_only: bool = False
    served: bool = False
    """Whether a server in this process owns both: it closes the database and releases the lock."""


def database_path(folder: Path) -> Path:
    """Return where the database lies in a graph's folder: where the engine's own server looks for it."""
    return folder / "databases" / DATABASE


def lock_folder(folder: Path, *, shared: bool = False) -> DirectoryLock:
    """Take the lock of the graph in *folder*, making the folder where there is none; a *shared* one writes nothing.

    Raises:
        GraphNotFound: The folder's parent is not there, or it may not be written.
        NotAGraph: The folder holds something else.
        GraphLocked: It is open already, in another process or in this one.
        DiskFull: The disk has no room for a lock file.
    """
    _look_at(folder, to_write=not shared)
    try:
        return DirectoryLock(folder, shared=shared)
    except OSError as refused:
        if refused.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(
                f"The disk is full: the graph {folder} cannot be opened. Free some space first."
            ) from refused
        raise GraphNotFound(f"The graph's folder {folder} cannot be locked: {refused}.") from refused


def open_folder(engine: Engine, folder: Path, *, read_only: bool = False, temporary: bool = False) -> OpenDirectory:
    """Take the lock of the graph in *folder* and open its database. Raises what both of them raise.

    A *temporary* one is marked: after an unclean end, the next graph in memory removes it.
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

    If another folder lies in place of the one that was opened, the engine would write into it and delete its log:
    then the database is left as it is, locked, until the process ends.
    """
    if opened.lock.is_lost and Path(opened.database.get_database_path()).exists():
        _LOG.warning("The graph that was open is not closed, as another folder lies in its place.")
        opened.lock.leave_open()
        return
    try:
        opened.database.close()
    except load_engine().ArcadeDBError as error:
        _LOG.warning("A graph was not closed in good order, and is recovered when it is opened next: %s", error)
    opened.lock.files.tighten()
    if opened.served:
        return
    last = [before_release or (lambda: None), opened.lock.release]
    for step in reversed(last) if sys.platform == "win32" else last:  # Windows removes no file that is open
        step()


def open_database(engine: Engine, folder: Path, *, read_only: bool = False) -> Database:
    """Open the database in *folder*, whose lock is held, making it where there is none yet.

    Raises:
        GraphNotFound: It may not be written, or there is none to be read.
        GraphDamaged: Recovery gave up on a part of the log, now or earlier, and it is not only to be read.
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


def _open_to_read(engine: Engine, folder: Path, path: Path) -> Database:
    if not engine.database_exists(str(path)):
        raise GraphNotFound(f"There is no graph {folder}.")
    unclean = GraphReadOnly(
        f"The graph {folder} was not closed in good order, and cannot be recovered without writing to it. Open it "
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
    """Refuse a damaged graph, without opening it. Raises GraphDamaged."""
    _refuse_damage(folder)


def is_backup(folder: Path) -> bool:
    """Return whether *folder* is a backup, which is restored and never worked on."""
    return (folder / BACKUP).exists()


def _refuse_backup(folder: Path) -> None:
    if is_backup(folder):
        raise GraphReadOnly(
            f"{folder} is a backup, and stays as it is. Restore it first: "
            f"remembrancer restore {folder} ./remembrancer-graph"
        )


def _refuse_damage(folder: Path) -> None:
    """Refuse a graph of which the engine has put parts of its log beside, as not to be recovered."""
    found = sorted(file.name for file in database_path(folder).glob("*.corrupt"))
    if found:
        raise GraphDamaged(
            f"The graph {folder} was not recovered whole after an unclean end, such as a power cut: work that was "
            f"acknowledged may be missing. What the engine could not read is in {database_path(folder)}: "
            f"{', '.join(found)}. Put a backup in place of the folder; or look at what is left, read-only; or accept "
            f"the loss: move these files to {folder / DAMAGED} and start again."
        )


def _look_at(folder: Path, *, to_write: bool) -> None:
    """Refuse a folder that cannot hold a graph, before the engine touches it."""
    if folder.exists() and not folder.is_dir():
        raise NotAGraph(
            f"{folder} is a file, and a graph is a folder. Name a folder that is a graph, empty, or not there yet."
        )
    if not folder.exists():
        if not folder.parent.is_dir():
            raise GraphNotFound(
                f"There is no folder {folder.parent} to make the graph {folder.name!r} in. Make it first."
            )
        try:
            folder.mkdir(PRIVATE_FOLDER)
        except OSError as refused:
            raise GraphNotFound(f"The folder {folder} cannot be made: {refused}.") from refused
    strangers = sorted(entry.name for entry in folder.iterdir() if entry.name not in _OURS | _OF_SERVE)
    if strangers and not database_path(folder).is_dir():
        raise NotAGraph(
            f"{folder} is no graph: it holds {', '.join(strangers[:5])}. Name a graph's folder or an empty one."
        )
    if to_write and (hindrance := unwritable(folder)):
        raise GraphNotFound(
            f"{hindrance} Opening a graph writes to it. `remembrancer check --graph {folder}` checks a copy of it, and "
            "`--read-only` lists what it holds."
        )


def unwritable(folder: Path) -> str | None:
    """Say why this process may not write to a graph's folder, its database and the files of that; None if it may."""
    database = database_path(folder)
    looked_at = [each for each in (folder, database.parent, database) if each.exists()]
    with suppress(OSError):
        looked_at += database.iterdir()
    if all(os.access(each, os.W_OK) for each in looked_at):
        return None
    if sys.platform != "win32" and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return f"The folder {folder} may not be written, as it is mounted to be read only."
    return f"The folder {folder} may not be written by this user."


def translate_open_error(folder: Path, text: str) -> GraphUnavailable:
    """Say in our words why the engine did not open the folder."""
    if "LockException" in text or "locked by another" in text:
        return GraphLocked(
            f"The graph {folder} is held by another process. While `remembrancer serve` holds a graph, "
            "the other commands reach it by themselves, and the neo4j driver reads it at the Bolt port that it prints. "
            "Otherwise stop the other process first."
        )
    if "active instance" in text:
        return GraphLocked(
            f"The graph {folder} is still open in this process: use the service that has it open. If its folder was "
            "replaced meanwhile, end this process and start again."
        )
    if "Permission denied" in text or "AccessDenied" in text:
        return GraphNotFound(f"The graph {folder} may not be written by this user: {text}")
    if is_disk_full(text):
        return DiskFull(f"The disk is full: the graph {folder} cannot be opened. Free some space first. ({text})")
    return GraphUnavailable(f"The graph {folder} cannot be opened: {text}")
