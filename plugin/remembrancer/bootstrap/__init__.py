"""The composition root: the one place that chooses a store and a clock and puts a service together.

- `backups`: back up a graph while it is in use, and restore it as another graph.
- `checks`: check a whole graph; of a folder that a scheduler holds, or of a backup, a copy of its files.
- `copies`: copy one graph into another, on either kind of store.
- `repair_rounds`: one repair of a graph after another, and what all of them came to.
- `engines`: engines that keep graphs: one table, by the scheme of a graph's URI; a folder is the embedded engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from remembrancer.bootstrap.engines import IN_MEMORY, find_place, open_embedded, open_in_memory, read_folder
from remembrancer.engine.clock import clock_from
from remembrancer.engine.execution.default_handler import create_thought
from remembrancer.errors import GraphReadOnly, InvalidInput
from remembrancer.model.graph_name import is_address
from remembrancer.model.query_limits import QueryLimits
from remembrancer.ports.halts import HostHalt
from remembrancer.ports.handler import Handler
from remembrancer.ports.timers import HostTimers
from remembrancer.service.host_hooks import hooks_from
from remembrancer.service.service import SchedulerService
from remembrancer.settings import SchedulerOptions
from remembrancer.stores.embedded.arcadedb import prepare_engine
from remembrancer.stores.embedded.bolt_server import BoltServer
from remembrancer.stores.embedded.connection import READ_ONLY
from remembrancer.stores.embedded.files.directory import OpenDirectory, refuse_unsound
from remembrancer.stores.graph.bundle import ConnectedGraph
from remembrancer.stores.migrations import OpenMode
from remembrancer.surfaces.otel.metrics import OpenTelemetry, of_process

__all__ = [
    "BoltServer",
    "TaskSchedulerService",
    "open_bolt",
    "open_service",
    "open_store",
    "open_to_read",
    "shown",
]


class TaskSchedulerService(SchedulerService):
    """A task scheduler over one graph: it stores tasks, calls a handler for each when it is due, and keeps the outcome.

    `await service.start()`, or `async with`, opens the graph and begins to fire; `stop` ends it. Any number of services
    may share a graph on a server; a folder is open in one process at a time. The methods are coroutines, on any event
    loop; code without one uses `blocking`.

    Args:
        db_path: The graph: a folder (made if absent), ":memory:" for one that leaves nothing behind, or the URI of
            a Neo4j server (neo4j://, bolt:// or their +s and +ssc forms; the database is its path).
        time_service: Anything whose `now()` returns an aware datetime; None is the system's clock.
        check_interval_seconds: The longest sleep between two ticks; None is what the options say. Tasks fire on time,
            whatever it is.
        handler: `async def handle(firing) -> Done | Failed | Defer | str | None`, or a plain function. None
            creates a thought from the trigger prompt.
        options: The scheduler's numbers; None is their defaults.
        instruments: What measures and traces; None is OpenTelemetry as this process has set it up, if it has.
        handlers: The handlers of queues, by their names; the work of any other queue waits for workers.
        is_halted: `async def is_halted() -> bool | str`: the host's own halt. While it returns True, or a reason,
            nothing begins; nor if it raises, answers anything but False, or needs more than five seconds.
        may_be_timed: `async def may_be_timed(request) -> bool | str`, or a plain function: whether the host lets
            something be put on a timer, a `TimerRequest`. Unless it returns True within five seconds, that is refused.

    Raises:
        InvalidInput: The interval, the folder's name or the time service cannot be used.
    """

    def __init__(  # noqa: PLR0913 (one for each part that a host may give)
        self,
        db_path: str | Path = IN_MEMORY,
        time_service: object | None = None,
        check_interval_seconds: float | None = None,
        handler: Handler | None = None,
        *,
        options: SchedulerOptions | None = None,
        instruments: OpenTelemetry | None = None,
        handlers: Mapping[str, Handler] | None = None,
        is_halted: HostHalt | None = None,
        may_be_timed: HostTimers | None = None,
    ) -> None:
        numbers = options or SchedulerOptions()
        if check_interval_seconds is not None:
            numbers = replace(numbers, check_interval_seconds=check_interval_seconds)
        prepare_engine(reuse_space=numbers.execution_retention_days is not None, bounded=True)
        super().__init__(
            lambda: open_store(db_path, check_interval_seconds=numbers.check_interval_seconds, limits=_limits(numbers)),
            clock_from(time_service),
            handler or create_thought,
            numbers,
            instruments=instruments or of_process(),
            handlers=handlers,
            hooks=hooks_from(is_halted, may_be_timed),
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
        opened: Opens the graph's folder in place of the usual way: `BoltServer.open_folder`.
        instruments: What measures and traces; None is OpenTelemetry as this process has set it up, if it has.
    """
    numbers = options or SchedulerOptions()
    prepare_engine(reuse_space=numbers.execution_retention_days is not None, bounded=True)
    return SchedulerService(
        lambda: open_store(
            graph,
            check_interval_seconds=numbers.check_interval_seconds,
            opened=opened,
            limits=_limits(numbers),
        ),
        clock_from(clock),
        handler or create_thought,
        numbers,
        instruments=instruments or of_process(),
    )


class ReadingService(SchedulerService):
    """A service over a graph that is only read."""

    async def start(self) -> None:
        """Refuse: the loop writes."""
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
    return str(find_place(graph)) if is_address(graph) else graph


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
    place = None if str(graph) == IN_MEMORY else find_place(graph)
    if read_only and (place is None or place.folder is None):
        allowed = "False, but for a folder; on a server, a user that may only read does the same"
        raise InvalidInput("read_only", read_only, allowed, False)  # noqa: FBT003 (it is the example)
    if place is None:
        session = await open_in_memory()
    elif opened and place.folder is not None:
        session = await open_embedded(place.folder, OpenMode.SERVE, opened)
    else:
        session = await place.open(OpenMode.INSPECT if read_only else OpenMode.SERVE)
    store = ConnectedGraph(session, int(check_interval_seconds * 1000), limits)
    try:
        await store.statistics.reload()
    except BaseException:
        await session.close()  # or this process would hold what nothing of it works on
        raise
    return store


def _limits(numbers: SchedulerOptions) -> QueryLimits:
    return QueryLimits(numbers.query_seconds, numbers.query_rows, numbers.query_bytes)
