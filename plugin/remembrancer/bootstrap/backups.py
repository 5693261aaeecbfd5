"""Backups: made while tasks fire, and restored as another graph."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remembrancer import __version__
from remembrancer.bootstrap.copies import copy_graph
from remembrancer.bootstrap.engines import Place, in_folder, read_folder, same_place
from remembrancer.context import current_actor
from remembrancer.engine.clock import clock_from
from remembrancer.errors import GraphDamaged
from remembrancer.model.timestamps import to_iso
from remembrancer.operations.graph_copy import CopyStep
from remembrancer.ports.writes import Change
from remembrancer.stores.embedded.files.backup import BackupMark, copy_files, copy_unheld, draft, publish, read_mark
from remembrancer.stores.embedded.files.directory import database_path, unwritable
from remembrancer.stores.embedded.files.restored import begin_restored, count_labels
from remembrancer.stores.embedded.threads import on_own_thread
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.records.counter_check import refuse_loss
from remembrancer.stores.records.replicas import GraphReplicaRegistry

_STEPS: Final = 3


@dataclass(frozen=True, slots=True)
class BackupResult:
    """The contents of a backup, or of a graph restored from one."""

    source: str
    """The graph or backup that was read."""
    target: str
    """The backup or graph that was written."""
    made_at: str
    """The time at which the backup began: it has everything that was acknowledged before."""
    counts: Mapping[str, int]
    """The number of its nodes, by label."""


async def backup_graph(
    graph: str | Path,
    destination: str | Path,
    *,
    snapshot: Callable[[str], Awaitable[None]] | None = None,
    watch: Callable[[CopyStep], None] = lambda _: None,
) -> BackupResult:
    """Make a backup of *graph*: a folder *destination*, which appears once it is whole, verified and on the disk.

    Args:
        graph: What to back up: a folder, or the URI of a server on which no scheduler works meanwhile.
        destination: A folder that is not there yet, or empty.
        snapshot: Where a service has the folder open, its `snapshot`: the graph is worked on meanwhile.
        watch: Called with how far it is.

    Raises:
        CopyTargetNotEmpty: The destination holds something.
        GraphDamaged: The graph, or what was made of it, lacks what its own books count.
        InvalidInput: One of them cannot be used.
        GraphUnavailable: In one of its forms; GraphLocked if a scheduler holds it, and no *snapshot* was given.
    """
    place, target = same_place(graph, "graph"), read_folder(destination).absolute()
    made_at = to_iso(clock_from(None).now())
    with draft(target) as folder:
        watch(CopyStep("copy", "files", 0, _STEPS))
        if place.folder is None:
            await copy_graph(graph, folder, watch=watch)
        elif snapshot:
            await snapshot(str(database_path(folder)))
        else:
            await _copy_at_rest(place, folder)
        watch(CopyStep("verify", "files", 1, _STEPS))
        graph_id, counts = await _verify(folder, str(place))
        watch(CopyStep("sync", "files", 2, _STEPS))
        mark = BackupMark(str(place), graph_id, made_at, __version__, counts)
        await on_own_thread(lambda: publish(folder, target, mark))
    return BackupResult(str(place), str(target), made_at, counts)


async def restore_graph(
    backup: str | Path, target: str | Path, *, watch: Callable[[CopyStep], None] = lambda _: None
) -> BackupResult:
    """Make a new graph of a *backup*, on which no scheduler works yet. The backup is not changed.

    Args:
        backup: The folder that `backup_graph` has made.
        target: A folder that is not there yet, or empty; or the URI of a server, with no schedule in its database.
        watch: Called with how far it is.

    Raises:
        NotAGraph: It is no backup.
        CopyTargetNotEmpty: The target holds something.
        GraphDamaged: The backup lacks what its own mark or books count.
        InvalidInput: One of them cannot be used.
        GraphUnavailable: In one of its forms.
    """
    source, place = read_folder(backup).absolute(), same_place(target, "target")
    mark = read_mark(source)
    beside = place.folder or source.with_name(f"{source.name}.restoring")
    with draft(beside) as folder:
        watch(CopyStep("copy", "files", 0, _STEPS))
        await on_own_thread(lambda: copy_files(source, folder))
        watch(CopyStep("verify", "files", 1, _STEPS))
        _, counts = await _verify(folder, str(source))
        if lost := [
            f"{label} ({mark.counts[label]:,})" for label in mark.counts if counts.get(label) != mark.counts[label]
        ]:
            raise GraphDamaged(f"The backup {source} holds another number than it says of {', '.join(lost)}.")
        if (into := place.folder) is not None:
            await _begin(in_folder(folder), source, mark)
            watch(CopyStep("sync", "files", 2, _STEPS))
            await on_own_thread(lambda: publish(folder, into))
        else:
            await copy_graph(folder, str(target), watch=watch, name=str(source))
            await _begin(place, source, mark)
    return BackupResult(str(source), str(place), mark.made_at, counts)


async def _copy_at_rest(place: Place, folder: Path) -> None:
    """Copy the files of a graph that no process has open, as the engine leaves them when it is opened and closed.

    One that may not be written is copied as it is.
    """
    if (source := place.folder) is not None and unwritable(source):
        await on_own_thread(lambda: copy_unheld(source, folder))
        return
    async with place.opened(OpenMode.COPY_SOURCE) as session:
        await session.snapshot(database_path(folder))


async def _verify(folder: Path, graph: str) -> tuple[str, Mapping[str, int]]:
    """Open what was copied, and compare it with its own books; return its graph's id, and how much it holds."""
    async with in_folder(folder).opened(OpenMode.COPY_SOURCE) as session:
        await refuse_loss(session, graph)
        return (await GraphReplicaRegistry(session).snapshot()).graph_id or "", await count_labels(session)


async def _begin(place: Place, source: Path, mark: BackupMark) -> None:
    """Give a copied graph an id of its own and no replicas, and record who restored it."""
    author = current_actor()
    change = Change("restore", clock_from(None).now(), author.surface, author.actor)
    async with place.opened(OpenMode.SERVE) as session:
        await begin_restored(session, change, {"backup": str(source), "made_at": mark.made_at})
