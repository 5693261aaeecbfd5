"""Check and repair of a whole graph; of a folder in use, or a backup, a copy of its files is checked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from remembrancer.bootstrap.engines import EMBEDDED, Place, in_folder, same_place
from remembrancer.engine.clock import clock_from
from remembrancer.errors import GraphDamaged, GraphLocked, GraphNotFound, GraphReadOnly, GraphUnavailable
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.graph_check import CheckReport, CheckStep, Finding, RepairReport
from remembrancer.stores.commits.counter_rollup import ENDED
from remembrancer.stores.embedded.backup import copy_files, keep_files
from remembrancer.stores.embedded.directory import DAMAGED, database_path, is_backup
from remembrancer.stores.embedded.threads import on_own_thread
from remembrancer.stores.integrity.graph_check import GraphCheck
from remembrancer.stores.integrity.repair import Repair
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.private_files import make_private
from remembrancer.stores.records.graph_copy import GraphCopyEndpoint

_SERVED: Final = (
    "The graph {graph} is being served by {schedulers}, and is repaired only while nobody works on it. Stop every "
    "scheduler of it (of one that was killed, the sign of life is a minute old by then), and repair it then."
)


async def check_graph(
    graph: str | Path,
    *,
    snapshot: Callable[[str], Awaitable[None]] | None = None,
    watch: Callable[[CheckStep], None] = lambda _: None,
) -> CheckReport:
    """Check everything that Remembrancer keeps in *graph*, and change nothing.

    Args:
        graph: A folder, a backup, or the URI of a server.
        snapshot: Where a service has the folder open, its `snapshot`: then its files are copied and the copy is
            checked, in a folder beside it that goes at the end.
        watch: Called with how far it is.

    Raises:
        InvalidInput: It cannot be checked.
        GraphUnavailable: In one of its forms, but for what is a finding.
    """
    place = same_place(graph, "graph")
    async with _readable(place, snapshot) as readable:
        try:
            async with readable.opened(OpenMode.BE_CHECKED) as session:
                return await GraphCheck(session, str(place), watch).run()
        except GraphUnavailable as refused:
            if isinstance(refused, GraphDamaged):
                return CheckReport(str(place), {}, [Finding("log", str(refused), loss=True)])
            if type(refused) is not GraphUnavailable or place.folder is None:
                raise
            return CheckReport(str(place), {}, [Finding("engine", str(refused), loss=True)])


async def repair_graph(graph: str | Path, *, watch: Callable[[CheckStep], None] = lambda _: None) -> RepairReport:
    """Check *graph*, and if it is not sound make the best of what it holds; then check it again.

    Before anything is changed, all files of a folder are kept in its `damaged` folder. Records that cannot be read are
    written to a file there, or for a server in the working folder, before they leave the graph.

    Raises:
        GraphLocked: A scheduler, or another process, works on it.
        GraphReadOnly: It is a backup that is not sound.
        InvalidInput: It cannot be repaired.
        GraphUnavailable: In one of its forms: what cannot be opened at all is to be restored from a backup.
    """
    place = same_place(graph, "graph")
    before = await check_graph(graph, watch=watch)
    if before.is_sound:
        return RepairReport(before, before, [], None)
    if place.folder is not None and is_backup(place.folder):
        raise GraphReadOnly(f"{place} is a backup, and stays as it is. Restore it, and repair what is restored.")
    now = clock_from(None).now()
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    if (folder := place.folder) is not None:
        apart = folder / DAMAGED / stamp
        await on_own_thread(lambda: keep_files(folder, apart))
        file, counter_id = apart / "unreadable.jsonl", EMBEDDED
        shown = apart
    else:
        file = shown = Path(os.curdir) / f"remembrancer-unreadable-{stamp}.jsonl"
        counter_id = ENDED
    async with place.opened(OpenMode.BE_CHECKED) as session:
        if schedulers := await GraphCopyEndpoint(session, str(place)).served_by():
            raise GraphLocked(_SERVED.format(graph=place, schedulers=", ".join(schedulers)))
        done = await session.repair_engine(watch)
    async with place.opened(OpenMode.WORK) as session:
        repair = Repair(session, file, counter_id, watch)
        await repair.run(to_ms(now))
    after = await check_graph(graph, watch=watch)
    return RepairReport(before, after, [*done, *repair.done], str(shown), repair.apart)


@asynccontextmanager
async def _readable(place: Place, snapshot: Callable[[str], Awaitable[None]] | None) -> AsyncGenerator[Place]:
    """Give what can be opened: the graph itself, or a copy of the files of one that is held or a backup."""
    if (source := place.folder) is None or (snapshot is None and not is_backup(source)):
        yield place
        return
    folder = _folder_beside(source)
    try:
        make_private(database_path(folder))
        if snapshot:
            await snapshot(str(database_path(folder)))
        else:
            await on_own_thread(lambda: copy_files(source, folder))
        yield in_folder(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder_beside(place: Path) -> Path:
    """Make a private folder on the same disk as *place*, or else among the temporary files."""
    try:
        return Path(tempfile.mkdtemp(prefix=f".{place.name}.check.", dir=place.parent))
    except OSError:
        pass
    try:
        return Path(tempfile.mkdtemp(prefix="remembrancer-check-"))
    except OSError as refused:
        raise GraphNotFound(f"No folder can be made for a copy of {place}: {refused}.") from refused
