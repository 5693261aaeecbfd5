"""A backup on the disk: a graph's folder under a draft name until it is whole, verified and marked."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.errors import CopyTargetNotEmpty, DiskFull, GraphNotFound, GraphUnavailable, NotAGraph
from remembrancer.stores.embedded.directory import BACKUP, database_path, lock_folder
from remembrancer.stores.embedded.directory_lock import LOCK_FILE
from remembrancer.stores.embedded.disk_full import is_disk_full
from remembrancer.stores.embedded.snapshot import flush
from remembrancer.stores.embedded.working_folder import DRAFT, working_folder
from remembrancer.stores.private_files import PRIVATE_FILE, PRIVATE_FOLDER, make_private

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

_OF_A_RUN: Final = ("config", "log", "serve.json", "access.json", "control.sock", LOCK_FILE)
"""What opening a graph leaves in its folder, and belongs to no backup."""


@dataclass(frozen=True, slots=True)
class BackupMark:
    """What a backup says of itself."""

    graph: str
    """Which graph it was made of, as people name it."""
    graph_id: str
    made_at: str
    """When it was begun: whatever was acknowledged before is in it."""
    version: str
    """Of the package that made it."""
    counts: Mapping[str, int]
    """How many nodes of each label it holds."""


@contextmanager
def draft(destination: Path) -> Generator[Path]:
    """Give a private folder beside *destination*, to be renamed by `publish`; what is left of it at the end goes.

    Raises:
        CopyTargetNotEmpty: The destination holds something.
        GraphNotFound: Its parent folder cannot be made, or written.
    """
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise CopyTargetNotEmpty(str(destination), "something")
    try:
        make_private(destination.parent)
    except OSError as refused:
        raise GraphNotFound(f"No folder can be made beside {destination}: {refused}.") from refused
    with working_folder(destination, DRAFT) as folder:
        try:
            make_private(database_path(folder))
            yield folder
        except OSError as refused:
            raise GraphUnavailable(
                f"{destination} cannot be made: {refused}. Nothing is there under its name."
            ) from refused


def publish(folder: Path, destination: Path, mark: BackupMark | None = None) -> None:
    """Give the *folder* its name, once all of it is on the disk: no other user may read it, and none sees half of it.

    With a *mark* it is a backup: no scheduler opens it.
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
    """Return what the backup in *folder* says of itself. Raises NotAGraph: it is none."""
    try:
        return BackupMark(**json.loads((folder / BACKUP).read_bytes()))
    except (OSError, ValueError, TypeError) as odd:
        raise NotAGraph(
            f"{folder} is no backup: it holds no {BACKUP} that can be read. `remembrancer backup` makes one; a graph "
            "itself is copied with `remembrancer copy`."
        ) from odd


def copy_files(source: Path, target: Path) -> None:
    """Copy the database of a graph that nobody has open from its folder into another one's."""
    try:
        for path in database_path(source).iterdir():
            copied = shutil.copyfile(path, database_path(target) / path.name)
            copied.chmod(PRIVATE_FILE)
    except OSError as refused:
        kind = DiskFull if is_disk_full(str(refused)) else GraphUnavailable
        raise kind(f"The files of {source} cannot be copied: {refused}.") from refused


def copy_unheld(source: Path, target: Path) -> None:
    """Copy the database of a graph that may not be written, while no other process can begin to write to it.

    Raises GraphLocked: another process works on it. Raises GraphUnavailable: it cannot be read.
    """
    lock = lock_folder(source, shared=True)
    try:
        copy_files(source, target)
    finally:
        lock.release()


def keep_files(folder: Path, apart: Path) -> None:
    """Copy all files of the graph in *folder* to *apart*, and what the engine could not recover with them.

    Raises:
        GraphLocked: It is held.
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
        raise GraphUnavailable(f"The files of {folder} cannot be kept in {apart}: {refused}.") from refused
    finally:
        lock.release()


def drop_edge_lists(folder: Path) -> None:
    """Remove the files that tell which edges each node has, once they are kept elsewhere.

    Every edge follows from the properties of its nodes. Raises GraphLocked: another process works on the graph.
    """
    lock = lock_folder(folder)
    try:
        for path in [path for end in ("in", "out") for path in database_path(folder).glob(f"*_{end}_edges.*.bucket")]:
            path.unlink()
    finally:
        lock.release()
