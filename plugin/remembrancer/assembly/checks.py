"""Check a whole graph; of a folder that a scheduler holds, or of a backup, a copy of its files."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from remembrancer.assembly import opened_whole, place_of
from remembrancer.errors import GraphDamaged, GraphMissing, GraphUnavailable
from remembrancer.ports.check import CheckReport, CheckStep, Finding
from remembrancer.stores.backup import copy_files
from remembrancer.stores.check import GraphCheck
from remembrancer.stores.folder import BACKUP, database_path
from remembrancer.stores.threads import on_own_thread
from remembrancer.stores.upgrade import Use

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from remembrancer.stores.address import Address


async def check_graph(
    graph: str | Path,
    *,
    snapshot: Callable[[str], Awaitable[None]] | None = None,
    watch: Callable[[CheckStep], None] = lambda _: None,
) -> CheckReport:
    """Check everything of ours in *graph*, and change nothing.

    Args:
        graph: A folder, a backup, or the URI of a server.
        snapshot: Where a service has the folder open, its `snapshot`: then its files are copied and the copy is
            checked, in a folder beside it that goes at the end.
        watch: Called with how far it is.

    Raises:
        InvalidInput: It cannot be checked.
        GraphUnavailable: In one of its forms, but for what is a finding.
    """
    place = place_of(graph, "graph")
    async with _readable(place, snapshot) as readable:
        try:
            async with opened_whole(readable, Use.BE_CHECKED) as session:
                return await GraphCheck(session, str(place), watch).run()
        except GraphUnavailable as refused:
            if isinstance(refused, GraphDamaged):
                return CheckReport(str(place), {}, [Finding("log", str(refused), loss=True)])
            if type(refused) is not GraphUnavailable or not isinstance(place, Path):
                raise
            return CheckReport(str(place), {}, [Finding("engine", str(refused), loss=True)])


@asynccontextmanager
async def _readable(
    place: Path | Address, snapshot: Callable[[str], Awaitable[None]] | None
) -> AsyncGenerator[Path | Address]:
    """Give what can be opened: the graph itself, or a copy of the files of one that is held or a backup."""
    if not isinstance(place, Path) or (snapshot is None and not (place / BACKUP).exists()):
        yield place
        return
    folder = _folder_beside(place)
    try:
        database_path(folder).mkdir(parents=True, mode=0o700)
        if snapshot:
            await snapshot(str(database_path(folder)))
        else:
            await on_own_thread(lambda: copy_files(place, folder))
        yield folder
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
        raise GraphMissing(f"No folder can be made for a copy of {place}: {refused}.") from refused
