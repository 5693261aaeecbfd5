"""The composition root: the one place that chooses a store and a clock and puts a service together.

- `backups`: back up a graph while it is in use, and restore it as another graph.
- `checks`: check a whole graph; of a folder that a scheduler holds, or of a backup, a copy of its files.
- `copies`: copy one graph into another, on either kind of store.
- `repair_rounds`: one repair of a graph after another, and what all of them came to.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from remembrancer.engine.clock import clock_from
from remembrancer.engine.execution.default_handler import create_thought
from remembrancer.errors import DriverNotInstalled, GraphNotFound, GraphReadOnly, GraphUnavailable, InvalidInput
from remembrancer.service.service import SchedulerService
from remembrancer.settings import SchedulerOptions
from remembrancer.stores.embedded.arcadedb import load_engine, prepare_engine
from remembrancer.stores.embedded.bolt_server import BoltServer
from remembrancer.stores.embedded.connection import READ_ONLY, EmbeddedConnection
from remembrancer.stores.embedded.directory import (
    OpenDirectory,
    close_folder,
    database_path,
    open_folder,
    refuse_unsound,
)
from remembrancer.stores.embedded.migrations import upgrade_embedded
from remembrancer.stores.embedded.temporary import open_temporary, remove
from remembrancer.stores.embedded.threads import on_own_thread
from remembrancer.stores.graph.bundle import ConnectedGraph
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.neo4j.address import SCHEMES, Address, is_address, read_address, without_secrets
from remembrancer.stores.neo4j.migrations import neo4j_schema
from remembrancer.surfaces.otel.metrics import of_process

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from remembrancer.model.query_limits import QueryLimits
    from remembrancer.ports.handler import Handler
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.surfaces.otel.metrics import OpenTelemetry

__all__ = [
    "TaskSchedulerService",
    "neo4j_schema",
    "open_bolt",
    "open_service",
    "open_store",
    "open_to_read",
    "read_folder",
]
SHORTEST_INTERVAL: Final = 0.01
LONGEST_INTERVAL: Final = 86_400.0
_INTERVALS: Final = "0.01 to 86,400 seconds"
IN_MEMORY: Final = ":memory:"
EMBEDDED: Final = "embedded"
"""The counter of a graph in a folder: one process at a time counts there."""


class TaskSchedulerService(SchedulerService):
    """The scheduler that an agent loads: `await service.start()`, schedule, and its handler is called in time.

    Args:
        db_path: The graph: a folder (made if absent), ":memory:" for one that leaves nothing behind, or the URI of
            a Neo4j server (neo4j://, bolt:// or their +s and +ssc forms; the database is its path).
        time_service: Anything whose `now()` returns an aware datetime; None is the system's clock.
        check_interval_seconds: The longest sleep between two looks at the graph, 0.01 to 86,400. Tasks fire on
            time whatever it is.
        handler: `async def handle(firing) -> Done | Failed | Defer | str | None`, or a plain function. None
            creates a thought from the trigger prompt.
        options: Every other number; its check interval gives way to the argument.
        instruments: What measures and traces; None is OpenTelemetry as this process has set it up, if it has.

    Raises:
        InvalidInput: The interval, the folder's name or the time service is not usable.
    """

    def __init__(
        self,
        db_path: str | Path = IN_MEMORY,
        time_service: object | None = None,
        check_interval_seconds: float = 60.0,
        handler: Handler | None = None,
        *,
        options: SchedulerOptions | None = None,
        instruments: OpenTelemetry | None = None,
    ) -> None:
        numbers = _with_interval(options or SchedulerOptions(), check_interval_seconds)
        prepare_engine(reuse_space=numbers.keep_executions_days is not None, bounded=True)
        super().__init__(
            lambda: open_store(
                db_path, check_interval_seconds=numbers.check_interval_seconds, limits=numbers.query_limits
            ),
            clock_from(time_service),
            handler or create_thought,
            numbers,
            instruments=instruments or of_process(),
        )


def open_service(
    graph: str | Path,
    *,
    handler: Handler | None = None,
    clock: object | None = None,
    options: SchedulerOptions | None = None,
    opened: Callable[[], OpenDirectory] | None = None,
    instruments: OpenTelemetry | None = None,
) -> SchedulerService:
    """Return a service over *graph*, not started.

    Args:
        graph: As `TaskSchedulerService`'s `db_path`.
        handler: As there.
        clock: As `time_service` there.
        options: Every number.
        opened: Opens the graph's folder in place of the ordinary door: the in-process Bolt server does.
        instruments: What measures and traces; None is OpenTelemetry as this process has set it up, if it has.
    """
    numbers = options or SchedulerOptions()
    prepare_engine(reuse_space=numbers.keep_executions_days is not None, bounded=True)
    return SchedulerService(
        lambda: open_store(
            graph,
            check_interval_seconds=numbers.check_interval_seconds,
            opened=opened,
            limits=numbers.query_limits,
        ),
        clock_from(clock),
        handler or create_thought,
        numbers,
        instruments=instruments or of_process(),
    )


class ReadingService(SchedulerService):
    """A service over a graph that is only read."""

    async def start(self) -> None:
        """Refuse: a checker writes."""
        raise GraphReadOnly(READ_ONLY)


def open_to_read(graph: str | Path, *, damaged: bool = True) -> SchedulerService:
    """Return a service that only reads the graph in a folder: `open` it, ask, `close` it.

    Nothing fires, and whatever would write raises GraphReadOnly; several processes may read at a time. Without
    *damaged*, a damaged graph raises GraphDamaged, as in any other opening.
    """
    prepare_engine(reuse_space=False, bounded=True)

    async def opened() -> ConnectedGraph:
        if not damaged:
            refuse_unsound(read_folder(graph))
        return await open_store(graph, read_only=True)

    return ReadingService(opened, clock_from(None), create_thought, SchedulerOptions(), of_process())


def open_bolt(graph: str | Path, *, bolt_port: int = 0, password: str | None = None) -> BoltServer:
    """Return the Bolt server of *graph*, not started; its `open_folder` is what `open_service` takes.

    Without a *password* for its reader, each start makes a new one.
    """
    return BoltServer(read_folder(graph), bolt_port=bolt_port, password=password)


def shown(graph: str) -> str:
    """Return *graph* as messages show it: of a URI, neither user nor password."""
    return str(read_address(graph, os.environ)) if is_address(graph) else graph


async def open_store(
    graph: str | Path,
    *,
    check_interval_seconds: float = 60.0,
    opened: Callable[[], OpenDirectory] | None = None,
    read_only: bool = False,
    limits: QueryLimits | None = None,
) -> ConnectedGraph:
    """Open *graph* and bring its schema up to date; *limits* are those of a user's queries.

    Raises GraphUnavailable in one of its forms.
    """
    on_server = isinstance(cast("object", graph), str) and is_address(str(graph))
    if read_only and (on_server or str(graph) == IN_MEMORY):
        allowed = "False, but for a folder; on a server, a user that may only read does the same"
        raise InvalidInput("read_only", read_only, allowed, False)  # noqa: FBT003 (it is the example)
    if str(graph) == IN_MEMORY:
        session = await _open_in_memory()
    elif on_server:
        session = await _open_on_server(read_address(str(graph), os.environ))
    else:
        folder = read_folder(graph)
        use = OpenMode.BE_LOOKED_AT if read_only else OpenMode.WORK
        session = EmbeddedConnection(await on_own_thread(lambda: _open(folder, use, opened)), EMBEDDED)
    store = ConnectedGraph(session, int(check_interval_seconds * 1000), limits)
    try:
        await store.statistics.reload()
    except BaseException:
        await session.close()  # or this process would hold what nothing of it works on
        raise
    return store


def place_of(graph: str | Path, field: str) -> Path | Address:
    """Return where a graph is, so that the same place is named the same."""
    if str(graph) == IN_MEMORY:
        raise InvalidInput(field, graph, "a graph that stays: a folder or a URI", "./agent-memory")
    if isinstance(graph, str) and is_address(graph):
        return read_address(graph, os.environ)
    return read_folder(graph).resolve()


async def open_whole(place: Path | Address, use: OpenMode) -> GraphConnection:
    """Open the graph at *place* for what is done to all of it."""
    if isinstance(place, Path):
        return EmbeddedConnection(await on_own_thread(lambda: _open(place, use)), EMBEDDED)
    return await _open_on_server(place, use)


@asynccontextmanager
async def opened_whole(place: Path | Address, use: OpenMode) -> AsyncGenerator[GraphConnection]:
    """Give the graph at *place*, open for what is done to all of it."""
    session = await open_whole(place, use)
    try:
        yield session
    finally:
        await session.close()


def read_folder(graph: str | Path) -> Path:
    """Return the folder that *graph* names. Raises InvalidInput for a URI, an empty name, a bad value."""
    allowed = f'a folder (made if it is not there yet), ":memory:", or a URI ({", ".join(SCHEMES)})'
    if not isinstance(cast("object", graph), str | Path) or not str(graph).strip() or "\0" in str(graph):
        raise InvalidInput("db_path", graph, allowed, "./agent-memory")
    if is_address(str(graph)):
        allowed = "a folder: only an embedded graph is served over Bolt"
        raise InvalidInput("db_path", without_secrets(str(graph)), allowed, "./agent-memory")
    return Path(graph).expanduser()


async def _open_on_server(address: Address, use: OpenMode = OpenMode.WORK) -> GraphConnection:
    """Open a graph on a Neo4j server."""
    try:
        from remembrancer.stores.neo4j.connection import open_neo4j  # noqa: PLC0415 (loads the driver, which is an extra)
    except ImportError as missing:
        raise DriverNotInstalled(
            f"The graph {address} is on a Neo4j server, and its driver is not installed. "
            "Install it: pip install 'remembrancer[neo4j]'"
        ) from missing
    return await open_neo4j(address, use)


async def _open_in_memory() -> GraphConnection:
    """Open a graph in a folder of its own that goes when it is closed."""
    opened, folder = await on_own_thread(lambda: open_temporary(load_engine()))
    await on_own_thread(lambda: _upgrade(opened, folder, OpenMode.WORK))
    return EmbeddedConnection(opened, EMBEDDED, durable=False, on_close=lambda: remove(folder))


def _open(folder: Path, use: OpenMode, opened: Callable[[], OpenDirectory] | None = None) -> OpenDirectory:
    if use in {OpenMode.BE_READ, OpenMode.BE_LOOKED_AT, OpenMode.BE_CHECKED} and not database_path(folder).is_dir():
        raise GraphNotFound(f"There is no graph {folder}.")
    found = opened() if opened else open_folder(load_engine(), folder, read_only=use is OpenMode.BE_LOOKED_AT)
    return _upgrade(found, folder, use)


def _upgrade(opened: OpenDirectory, folder: Path, use: OpenMode) -> OpenDirectory:
    try:
        upgrade_embedded(opened.database, folder, use)
    except GraphUnavailable:
        close_folder(opened)  # or this process would hold what it has just refused
        raise
    return opened


def _with_interval(options: SchedulerOptions, seconds: float) -> SchedulerOptions:
    given = cast("object", seconds)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise InvalidInput("check_interval_seconds", given, _INTERVALS, 60)
    if not SHORTEST_INTERVAL <= given <= LONGEST_INTERVAL:
        raise InvalidInput("check_interval_seconds", given, _INTERVALS, 60)
    return replace(options, check_interval_seconds=float(given))
