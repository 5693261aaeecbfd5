"""Connections of commands: to the scheduler that serves the graph, or to a graph that the command opens."""

from __future__ import annotations

import asyncio
import getpass
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.errors import GraphLocked, GraphNotFound, GraphReadOnly, GraphTooOld, GraphUnavailable
from remembrancer.model.graph_name import is_address

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from remembrancer.model.service_status import ServiceStatus
    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.control.client import RemoteScheduler


@dataclass(frozen=True, slots=True)
class Connection:
    """A connected scheduler; if it is not running, it fires no tasks."""

    scheduler: SchedulerService
    """The service of this process; or the client of another, with the operations of the catalog as its methods."""
    running: bool
    fires: bool
    """True if tasks of the graph fire: this scheduler runs, or another one does."""
    status: Callable[[], Awaitable[ServiceStatus]]


def folder_of(graph: str) -> Path | None:
    """Return the folder that *graph* names; None for a URI."""
    return None if is_address(graph) else Path(graph).expanduser()


@asynccontextmanager
async def connect(
    graph: str, *, make: bool = False, read_only: bool = False, reading: bool = False
) -> AsyncGenerator[Connection]:
    """Connect one command to a scheduler over *graph*; one that is opened for it fires no tasks.

    Args:
        graph: A folder, or the URI of a server.
        make: Create the graph if it does not exist.
        read_only: Open a folder that no scheduler serves without writing to it, damaged or not.
        reading: Open it without writing if possible: the command only reads.

    Raises:
        GraphUnavailable: Any of its kinds; GraphLocked only after a few seconds of retries, so that two short
            commands can run at the same time.
    """
    set_actor("cli")
    folder = folder_of(graph)
    if folder is not None and not make and not folder.exists():
        raise GraphNotFound(f"There is no graph {folder}. `remembrancer schedule` creates one; --graph names another.")
    open_it = partial(_read if reading and folder is not None else _opened, graph)
    live, opened = await _either(partial(_only_read, graph) if read_only else open_it, folder)
    if live is not None:
        try:
            yield Connection(_as_service(live), running=True, fires=True, status=partial(_remote_status, live))
        finally:
            await live.close()
    elif opened is not None:
        try:
            fires = bool(opened.get_status().replication.replicas)
            yield Connection(opened, running=False, fires=fires, status=lambda: _status_of(opened))
        finally:
            await opened.close()


@asynccontextmanager
async def held_by(graph: str) -> AsyncGenerator[SchedulerService | None]:
    """Connect to the scheduler that serves the folder *graph*; None if none does, or for a server."""
    set_actor("cli")
    folder = folder_of(graph)
    live = await _live(folder) if folder is not None and folder.exists() else None
    try:
        yield _as_service(live) if live is not None else None
    finally:
        if live is not None:
            await live.close()


def _as_service(live: RemoteScheduler) -> SchedulerService:
    """Return a client with the types of the service: a test holds its operations and the service's methods together."""
    return cast("SchedulerService", live)


async def _remote_status(live: RemoteScheduler) -> ServiceStatus:
    from remembrancer.operations.catalog import GET_STATUS
    from remembrancer.operations.parameters import NoParams

    return await live.call(GET_STATUS, NoParams())


def set_actor(surface: str) -> None:
    """Record this user's login name and *surface* as the actor of this command, unless one is set."""
    if CURRENT_ACTOR.get() is None:
        CURRENT_ACTOR.set(Actor(surface, _login()))


def _login() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name in the environment, and none for the user id
        return None


async def _either(
    open_it: Callable[[], Awaitable[SchedulerService]], folder: Path | None
) -> tuple[RemoteScheduler | None, SchedulerService | None]:
    """Return the running scheduler, or one over the graph opened here; retry while the graph is locked."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        if folder is not None and (live := await _live(folder)) is not None:
            return live, None
        try:
            return None, await open_it()
        except GraphLocked as locked:
            if time.monotonic() > give_up:
                raise _explained(locked, folder) from locked
        except GraphUnavailable as refused:
            raise _explained(refused, folder) from refused
        await asyncio.sleep(_PAUSE_SECONDS)


def _explained(error: GraphUnavailable, folder: Path | None) -> GraphUnavailable:
    """Add to *error* why the scheduler that the folder's serve.json names was not used."""
    from remembrancer.surfaces.control.connection_file import copied_from

    if folder is None or (served := copied_from(folder)) is None:
        return error
    return type(error)(f"{error} (Its serve.json was copied from {served}, and was ignored.)")


async def _status_of(service: SchedulerService) -> ServiceStatus:
    await service.gauges.refresh_waiting()
    return service.get_status()


async def _live(folder: Path) -> RemoteScheduler | None:
    from remembrancer.surfaces.control.connection_file import FolderIdentity, read

    endpoint = read(folder)
    if endpoint is None:
        return None
    from remembrancer.surfaces.control.client import RemoteScheduler

    return await RemoteScheduler.connect(endpoint, FolderIdentity.of(folder))


async def _read(graph: str) -> SchedulerService:
    """Open read-only; a graph that needs recovery or a migration first is opened for writing."""
    try:
        return await _only_read(graph, damaged=False)
    except (GraphReadOnly, GraphTooOld):
        return await _opened(graph)


async def _only_read(graph: str, *, damaged: bool = True) -> SchedulerService:
    from remembrancer.bootstrap import open_to_read

    service = open_to_read(graph, damaged=damaged)
    await service.open()
    return service


async def _opened(graph: str) -> SchedulerService:
    from remembrancer.bootstrap import open_service

    service = open_service(graph)
    await service.open()
    return service


_PATIENCE_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.1
