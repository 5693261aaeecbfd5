"""Backups on the disk: a graph's folder with a draft name until it is complete, verified and marked."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.errors import CopyTargetNotEmpty, DiskFull, GraphNotFound, GraphUnavailable, NotAGraph
from remembrancer.stores.disk_full import is_disk_full
from remembrancer.stores.embedded.files.directory import BACKUP, database_path, lock_folder
from remembrancer.stores.embedded.files.directory_lock import LOCK_FILE
from remembrancer.stores.embedded.files.snapshot import flush
from remembrancer.stores.embedded.files.working_folder import DRAFT, working_folder
from remembrancer.stores.private_files import PRIVATE_FILE, PRIVATE_FOLDER, make_private

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

_OF_A_RUN: Final = ("config", "log", "serve.json", "access.json", "control.sock", LOCK_FILE)
"""Files that opening a graph creates in its folder, and that a backup omits."""


@dataclass(frozen=True, slots=True)
class BackupMark:
    """The description of a backup."""

    graph: str
    """The name of the graph that it was made from."""
    graph_id: str
    made_at: str
    """The start of the backup: everything acknowledged before is in it."""
    version: str
    """The version of the package that made it."""
    counts: Mapping[str, int]
    """The number of nodes of each label."""


@contextmanager
def draft(destination: Path) -> Generator[Path]:
    """Yield a private folder next to *destination*, to be renamed by `publish`; remove it at the end otherwise.

    Raises:
        CopyTargetNotEmpty: The destination is not empty.
        GraphNotFound: Its parent folder cannot be created or written.
    """
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise CopyTargetNotEmpty(str(destination), "something")
    try:
        make_private(destination.parent)
    except OSError as refused:
        raise GraphNotFound(f"No folder can be created next to {destination}: {refused}.") from refused
    with working_folder(destination, DRAFT) as folder:
        try:
            make_private(database_path(folder))
            yield folder
        except OSError as refused:
            raise GraphUnavailable(f"{destination} cannot be created: {refused}. Nothing was left there.") from refused


def publish(folder: Path, destination: Path, mark: BackupMark | None = None) -> None:
    """Rename the *folder* once all of it is on the disk: it is private, and never visible in part.

    With a *mark* it is a backup, which no scheduler opens.
    """
    for name in _OF_A_RUN:
        leftover = folder / name
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    if mark:
        (folder / BACKUP).write_text(json.dumps(asdict(mark), indent=2) + "\n", "utf-8")
    for path in (*folder.rglob("*"), folder):
        path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE)
        flush(path)
    if destination.exists():
        destination.rmdir()
    folder.rename(destination)
    flush(destination.parent)


def read_mark(folder: Path) -> BackupMark:
    """Return the description of the backup in *folder*. Raises NotAGraph: it is not a backup."""
    try:
        return BackupMark(**json.loads((folder / BACKUP).read_bytes()))
    except (OSError, ValueError, TypeError) as odd:
        raise NotAGraph(
            f"{folder} is not a backup: it holds no readable {BACKUP}. `remembrancer backup` makes one; a graph "
            "itself is copied with `remembrancer copy`."
        ) from odd


def copy_files(source: Path, target: Path) -> None:
    """Copy the database of a graph that is not open from its folder into another one."""
    try:
        for path in database_path(source).iterdir():
            copied = shutil.copyfile(path, database_path(target) / path.name)
            copied.chmod(PRIVATE_FILE)
    except OSError as refused:
        kind = DiskFull if is_disk_full(str(refused)) else GraphUnavailable
        raise kind(f"The files of {source} cannot be copied: {refused}.") from refused


def copy_unheld(source: Path, target: Path) -> None:
    """Copy the database of a read-only graph, while no other process can start to write to it.

    Raises GraphLocked: another process has it open. Raises GraphUnavailable: it cannot be read.
    """
    lock = lock_folder(source, shared=True)
    try:
        copy_files(source, target)
    finally:
        lock.release()


def keep_files(folder: Path, apart: Path) -> None:
    """Copy all files of the graph in *folder* to *apart*, including those that the engine could not recover.

    Raises:
        GraphLocked: It is open.
        GraphUnavailable: They cannot be copied; nothing was changed.
    """
    lock = lock_folder(folder)
    try:
        make_private(database_path(apart))
        copy_files(folder, apart)
        for path in (*database_path(apart).iterdir(), database_path(apart)):
            flush(path)
        for left in database_path(folder).glob("*.corrupt"):
            left.unlink()
    except OSError as refused:
        raise GraphUnavailable(f"The files of {folder} cannot be saved to {apart}: {refused}.") from refused
    finally:
        lock.release()


def drop_edge_lists(folder: Path) -> None:
    """Remove the files with the lists of each node's edges, once they are saved elsewhere.

    Every edge can be derived from the properties of its nodes. Raises GraphLocked: another process has the graph open.
    """
    lock = lock_folder(folder)
    try:
        for path in [path for end in ("in", "out") for path in database_path(folder).glob(f"*_{end}_edges.*.bucket")]:
            path.unlink()
    finally:
        lock.release()
