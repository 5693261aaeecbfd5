"""Check and repair of a whole graph; of a folder in use, or a backup, a copy of its files is checked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from remembrancer.bootstrap.engines import Place, in_folder, same_place
from remembrancer.bootstrap.repair_rounds import MOST_ROUNDS, RepairRounds
from remembrancer.engine.clock import clock_from
from remembrancer.errors import GraphDamaged, GraphReadOnly, GraphUnavailable
from remembrancer.ports.graph_check import CheckReport, CheckStep, Finding, RepairReport
from remembrancer.stores.embedded.files.backup import copy_unheld, keep_files
from remembrancer.stores.embedded.files.directory import database_path, is_backup, unwritable
from remembrancer.stores.embedded.files.working_folder import COPY, remove_stale, working_folder
from remembrancer.stores.embedded.threads import on_own_thread
from remembrancer.stores.integrity.graph_check import GraphCheck
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.private_files import make_private


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
    if (folder := place.folder) is not None:
        await on_own_thread(lambda: remove_stale(folder))
    async with _readable(place, snapshot) as readable:
        try:
            async with readable.opened(OpenMode.CHECK) as session:
                return await GraphCheck(session, str(place), watch).run()
        except GraphUnavailable as refused:
            if isinstance(refused, GraphDamaged):
                return CheckReport(str(place), {}, [Finding("log", str(refused), loss=True)])
            if type(refused) is not GraphUnavailable or place.folder is None:
                raise
            return CheckReport(str(place), {}, [Finding("engine", str(refused), loss=True)])


async def repair_graph(graph: str | Path, *, watch: Callable[[CheckStep], None] = lambda _: None) -> RepairReport:
    """Check *graph*, and if it is not sound make the best of what it holds, until a check finds nothing more.

    Before anything is changed, all files of a folder are kept in its `damaged` folder. Records that cannot be read are
    written to a file there, or for a server in the working folder, before they leave the graph. The audit trail says
    what was lost.

    Raises:
        GraphLocked: A scheduler, or another process, works on it.
        GraphReadOnly: It is a backup that is not sound.
        GraphDamaged: What is left of it cannot be opened or mended: it is to be restored from a backup.
        InvalidInput: It cannot be repaired.
        GraphUnavailable: In one of its forms.
    """
    place = same_place(graph, "graph")
    before = await check_graph(graph, watch=watch)
    if before.is_sound:
        return RepairReport(before, before, [], None)
    if place.folder is not None and is_backup(place.folder):
        raise GraphReadOnly(f"{place} is a backup, and stays as it is. Restore it, and repair what is restored.")
    rounds = RepairRounds(place, clock_from(None).now())
    if (folder := place.folder) is not None:
        await on_own_thread(lambda: keep_files(folder, rounds.apart))
    after, number = before, 0
    while number < MOST_ROUNDS and not after.is_sound:
        number += 1
        await rounds.run(watch, has_bad_pages=number > 1 and any(each.part == "engine" for each in after.findings))
        was, after = after, await check_graph(graph, watch=watch)
        if number > 1 and list(was.findings) == list(after.findings):
            break
    await rounds.note(number)
    return RepairReport(before, after, rounds.done, str(rounds.apart), rounds.apart_counts, rounds.lost, number)


@asynccontextmanager
async def _readable(place: Place, snapshot: Callable[[str], Awaitable[None]] | None) -> AsyncGenerator[Place]:
    """Give what can be opened: the graph; or a copy of one that is held or may not be written, or of a backup."""
    source = place.folder
    if source is None or (snapshot is None and not is_backup(source) and not unwritable(source)):
        yield place
        return
    with working_folder(source, COPY, elsewhere=True) as folder:
        make_private(database_path(folder))
        if snapshot:
            await snapshot(str(database_path(folder)))
        else:
            await on_own_thread(lambda: copy_unheld(source, folder))
        yield in_folder(folder)
