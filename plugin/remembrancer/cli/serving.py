"""`remembrancer serve`: fire tasks as they fall due, and let other processes in."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import OnGraph
from remembrancer.cli.options import DEFAULT_GRAPH, read_days
from remembrancer.cli.patience import until_it_answers
from remembrancer.cli.running import FAILED
from remembrancer.cli.signals import LastAct, Signals
from remembrancer.errors import InvalidInput
from remembrancer.model.query_limits import ROWS, SECONDS, SIZE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path

    from remembrancer.cli.chronicle import Chronicle
    from remembrancer.engine.options import Options
    from remembrancer.ports.handler import Handler
    from remembrancer.surfaces.otel.prometheus import Exposition
    from remembrancer.surfaces.service import SchedulerService

_QUERIES: Final = "What a query may take that others ask of it"
_MOST_BYTES: Final = 12 * 1024 * 1024
"""What the control channel carries in one frame, with room for how it is written there."""
_OPEN: Final = "What it opens to others, on this machine only"


@dataclass(frozen=True, kw_only=True)
class Serving(OnGraph):
    """The options of `serve`."""

    handler: Annotated[
        str | None,
        Option(
            metavar="MODULE:FUNCTION",
            help="What does the work; else a firing becomes a thought in the graph.",
        ),
    ] = None
    check_interval_seconds: Annotated[
        float,
        Option("--check-interval", min=0.01, help="The longest sleep between two looks at the graph, seconds."),
    ] = 60.0
    stop_timeout: Annotated[float, Option(min=0, help="How long handlers may go on when it stops, seconds.")] = 10.0
    keep: Annotated[
        str | None,
        Option(metavar="TIME", help="Roll up executions that are over and began longer ago: 90d, 12w, 36h."),
    ] = None
    bolt: Annotated[bool, Option("--bolt/--no-bolt", help="Let drivers read the graph.", rich_help_panel=_OPEN)] = True
    bolt_port: Annotated[
        int, Option(min=0, max=65535, help="0 is any free one. Of a folder only.", rich_help_panel=_OPEN)
    ] = 0
    rest: Annotated[
        bool, Option("--rest/--no-rest", help="Serve the API, if the extra is there.", rich_help_panel=_OPEN)
    ] = True
    rest_port: Annotated[int, Option(min=0, max=65535, help="0 is any free one.", rich_help_panel=_OPEN)] = 0
    metrics_port: Annotated[
        int | None, Option(min=0, max=65535, help="Serve /metrics for Prometheus there.", rich_help_panel=_OPEN)
    ] = None
    control_port: Annotated[
        int, Option(min=0, max=65535, help="0 is any free one. Of a folder only.", rich_help_panel=_OPEN)
    ] = 0
    query_seconds: Annotated[
        float, Option(min=0.1, max=3600, help="How long one query in Cypher may take.", rich_help_panel=_QUERIES)
    ] = SECONDS
    query_rows: Annotated[int, Option(min=1, help="How many rows its answer may have.", rich_help_panel=_QUERIES)] = (
        ROWS
    )
    query_bytes: Annotated[
        int, Option(min=1000, max=_MOST_BYTES, help="How many bytes of JSON they may be.", rich_help_panel=_QUERIES)
    ] = SIZE


async def serve(asked: Serving) -> int:
    """Fire tasks as they fall due, until it is stopped: by Ctrl-C, SIGTERM, or the end of its terminal.

    While it runs, the other commands on the same folder reach it by themselves, and the neo4j driver or Neo4j
    Browser reads the live graph: the password is in serve.json in the graph's folder, which only you can read.
    A graph on a Neo4j server needs neither, and takes no port for them: there everybody works on the graph itself,
    and any number of schedulers may serve it. For example:

        remembrancer serve
        remembrancer serve --graph ./my-agent --handler my_agent.tasks:handle
        remembrancer serve --bolt-port 7687 --check-interval 5
        remembrancer serve --graph neo4j://graph.example:7687/memory
        remembrancer serve --metrics-port 9464
        remembrancer serve --keep 90d

    A handler is `async def handle(firing)`; `firing.trigger_prompt` is what it was asked to be reminded of.
    It answers `Done(...)`, `Failed(...)`, `Defer(...)`, a text, or None.

    The first signal stops it in order: handlers may go on for `--stop-timeout`, and each outcome is written. A second
    one ends it at once; the next start takes over. Exit codes: 0 stopped in order · 1 the checker has died, or the
    end took too long · 130, 143, 129 ended at once by a second Ctrl-C, SIGTERM or SIGHUP.
    """
    from remembrancer.cli.chronicle import Chronicle, chronicled, find_handler  # noqa: PLC0415 (--help stays fast)

    folder = _folder(asked.graph)
    last = LastAct()  # before the handler's module is imported
    stop = asyncio.Event()
    with Signals(asked.stop_timeout + _CLOSING_SECONDS, FAILED, _LEFT) as signals:
        signals.bind(stop.set)
        chronicle = Chronicle(as_json=asked.as_json)
        open_all = _open_shared if folder is None else partial(_open, folder)
        handler = chronicled(find_handler(asked.handler), chronicle)
        async with AsyncExitStack() as stack:
            service = await _unless(stop, open_all(stack, asked, handler, chronicle))
            died = await _until(stop, service) if service else False
            signals.limit()
            if service:
                chronicle.stopping(service, asked.stop_timeout)
        chronicle.stopped()
    return last.begin(FAILED if died else 0)


async def _open_shared(
    stack: AsyncExitStack, asked: Serving, handler: Handler, chronicle: Chronicle
) -> SchedulerService:
    """Start on a graph that others reach by themselves."""
    from remembrancer.assembly import open_service, shown  # noqa: PLC0415 (--help stays fast)

    for option, port in (("--bolt-port", asked.bolt_port), ("--control-port", asked.control_port)):
        if port:
            allowed = "a port for the graph in a folder; others reach this one on its own server"
            raise InvalidInput(option, port, allowed, 0)
    exposition = _exposition(asked.metrics_port)
    instruments = exposition.instruments if exposition else None
    service = open_service(asked.graph, handler=handler, options=_numbers(asked), instruments=instruments)
    stack.push_async_callback(service.stop)
    await until_it_answers(service.start)
    rest_port = await _serve_rest(stack, service, asked.rest_port) if asked.rest else None
    metrics_port = await _serve_metrics(stack, exposition, service, asked.metrics_port)
    among = service.get_status().replication
    chronicle.sharing(shown(asked.graph), among, rest_port=rest_port, metrics_port=metrics_port)
    return service


async def _open(
    folder: Path, stack: AsyncExitStack, asked: Serving, handler: Handler, chronicle: Chronicle
) -> SchedulerService:
    """Start everything, innermost first; *stack* stops it in the opposite order."""
    from remembrancer.assembly import open_bolt, open_service  # noqa: PLC0415 (--help stays fast)
    from remembrancer.surfaces.beacon import Beacon, Place, light, put_out  # noqa: PLC0415 (--help stays fast)
    from remembrancer.surfaces.control import ControlServer  # noqa: PLC0415 (--help stays fast)

    bolt = open_bolt(folder, bolt_port=asked.bolt_port) if asked.bolt else None
    exposition = _exposition(asked.metrics_port)
    instruments = exposition.instruments if exposition else None
    opened = bolt.open_folder if bolt else None
    service = open_service(folder, handler=handler, options=_numbers(asked), opened=opened, instruments=instruments)
    address = await asyncio.to_thread(bolt.start) if bolt else None
    if bolt:
        stack.push_async_callback(bolt.close)
    stack.push_async_callback(service.stop)
    await service.start()
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    place = Place.of(folder)
    control = ControlServer(service, token, port=asked.control_port, folder=place)
    stack.push_async_callback(control.stop)
    rest_port = await _serve_rest(stack, service, asked.rest_port) if asked.rest else None
    beacon = Beacon(
        pid=os.getpid(),
        host="127.0.0.1",
        control_port=await _listening("--control-port", asked.control_port, control.start),
        token=token,
        rest_port=rest_port,
        metrics_port=await _serve_metrics(stack, exposition, service, asked.metrics_port),
        bolt_port=address.bolt_port if address else None,
        bolt_user=address.user if address else None,
        bolt_password=address.password if address else None,
        folder=place,
    )
    stack.callback(put_out, folder, beacon)
    light(folder, beacon)
    chronicle.serving(folder, beacon)
    return service


def _numbers(asked: Serving) -> Options:
    from remembrancer.engine.options import Options  # noqa: PLC0415 (--help stays fast)

    return Options(
        check_interval_seconds=asked.check_interval_seconds,
        stop_timeout_seconds=asked.stop_timeout,
        keep_executions_days=None if asked.keep is None else read_days(asked.keep),
        query_seconds=asked.query_seconds,
        query_rows=asked.query_rows,
        query_bytes=asked.query_bytes,
    )


def _exposition(port: int | None) -> Exposition | None:
    """Return what gathers for Prometheus, if anybody asked. Raises InvalidInput where what it stands on is missing."""
    if port is None:
        return None
    try:
        from remembrancer.surfaces.otel.prometheus import Exposition  # noqa: PLC0415 (an extra)
    except ImportError as missing:
        allowed = "nothing, while the extra is not installed: pip install 'remembrancer[prometheus]'"
        raise InvalidInput("--metrics-port", str(missing), allowed, "9464") from missing
    return Exposition()


async def _serve_metrics(
    stack: AsyncExitStack, exposition: Exposition | None, service: SchedulerService, port: int | None
) -> int | None:
    if exposition is None:
        return None
    from remembrancer.surfaces.otel.prometheus import MetricsServer  # noqa: PLC0415 (an extra)

    server = MetricsServer(exposition, service, port or 0)
    stack.push_async_callback(server.stop)
    return await _listening("--metrics-port", port or 0, server.start)


async def _serve_rest(stack: AsyncExitStack, service: SchedulerService, port: int) -> int | None:
    """Serve the API; None where what it stands on is not installed."""
    try:
        from remembrancer.surfaces.rest.server import RestServer  # noqa: PLC0415 (an extra)
    except ImportError:
        return None
    server = RestServer(service, port=port)
    stack.push_async_callback(server.stop)
    return await _listening("--rest-port", port, server.start)


async def _listening(option: str, port: int, start: Callable[[], Awaitable[int]]) -> int:
    """Return the port on which a server listens. Raises InvalidInput: it cannot have the one asked for."""
    try:
        return await start()
    except OSError as refused:
        allowed = f"a port that is free and may be taken ({refused.strerror or refused}); 0 is any"
        raise InvalidInput(option, port, allowed, 0) from refused


async def _unless(stop: asyncio.Event, opening: Coroutine[None, None, SchedulerService]) -> SchedulerService | None:
    """Open, unless *stop* is set before that is done: then None."""
    opened = asyncio.ensure_future(opening)
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((opened, asked), return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        if not opened.done():
            opened.cancel()
            await asyncio.wait([opened])
    return None if opened.cancelled() else opened.result()


async def _until(stop: asyncio.Event, service: SchedulerService) -> bool:
    """Return when *stop* is set, or the checker has died: then True."""
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await stop.wait()
        if not service.get_status().performance.task_running:
            return True
    return False


def _folder(graph: str) -> Path | None:
    """Return the folder to serve; None for a graph on a server."""
    from remembrancer.cli.reach import folder_of  # noqa: PLC0415 (--help stays fast)

    if graph == ":memory:":
        allowed = "a folder or the URI of a server: other processes cannot reach this one"
        raise InvalidInput("--graph", graph, allowed, DEFAULT_GRAPH)
    return folder_of(graph)


_LEFT: Final = "What was under way is taken over, by the next start or by another scheduler of this graph."
_CLOSING_SECONDS: Final = 30.0
"""What an end in order may take beyond the handlers: outcomes are written, requests answered, the graph closed."""
_LOOK_SECONDS: Final = 2.0
_TOKEN_BYTES: Final = 32
