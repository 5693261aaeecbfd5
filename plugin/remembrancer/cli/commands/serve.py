"""`remembrancer serve`: fire tasks as they fall due, and let other processes in."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.cli.exit_codes import FAILED
from remembrancer.cli.options import DEFAULT_GRAPH, read_days
from remembrancer.cli.server_wait import until_it_answers
from remembrancer.cli.servers import (
    exposition,
    listening,
    network_of,
    refuse_shared_port,
    serve_metrics,
    serve_rest,
)
from remembrancer.cli.signals import FinalStep, ShutdownSignals
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from remembrancer.cli.serve_options import ServeOptions
    from remembrancer.cli.views.serve import ServeLog
    from remembrancer.ports.handler import Handler
    from remembrancer.service.service import SchedulerService
    from remembrancer.settings import SchedulerOptions


async def serve(asked: ServeOptions) -> int:
    """Fire tasks as they fall due, until it is stopped: by Ctrl-C, SIGTERM, or the end of its terminal.

    While it runs, the other commands on the same folder reach it by themselves, and the neo4j driver or Neo4j
    Browser reads the live graph: the password, which like the ports outlives a restart, is in serve.json in the
    graph's folder. A graph on a Neo4j server needs neither: any number of schedulers may serve it. For example:

        remembrancer serve
        remembrancer serve --graph ./my-agent --handler my_agent.tasks:handle
        remembrancer serve --graph neo4j://graph.example:7687/memory
        remembrancer serve --metrics-port 9464 --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
        remembrancer serve --host 0.0.0.0 --rest-port 8080 --proxy 10.0.0.5 --root-path /scheduler

    Beyond this machine the API needs TLS, or a proxy that ends TLS and takes the root path away: without TLS it
    answers that proxy and this machine alone. Every request needs a token, there as here.

    A handler is `async def handle(firing)`; `firing.trigger_prompt` is what it was asked to be reminded of. It
    answers `Done(...)`, `Failed(...)`, `Defer(...)`, a text, or None.

    The first signal stops it in order: handlers may go on for `--stop-timeout`. A second one ends it at once; the next
    start takes over. Exit codes: 0 stopped in order · 1 the checker has died, or the end took too long · 130, 143,
    129 ended at once by a second Ctrl-C, SIGTERM or SIGHUP.
    """
    from remembrancer.cli.views.serve import ServeLog, chronicled, find_handler

    folder = _checked(asked)
    last, stop = FinalStep(), asyncio.Event()  # before the handler's module is imported
    with ShutdownSignals(asked.stop_timeout + _CLOSING_SECONDS, FAILED, _LEFT) as signals:
        signals.bind(stop.set)
        chronicle = ServeLog(as_json=asked.as_json)
        open_all = _open_shared if folder is None else partial(_open, folder)
        handler = chronicled(find_handler(asked.handler), chronicle)
        async with AsyncExitStack() as stack:
            service = await _unless(stop, open_all(stack, asked, handler, chronicle))
            died = service is not None and await _until(stop, service)
            signals.limit()
            if service:
                chronicle.stopping(service, asked.stop_timeout)
        chronicle.stopped()
    return last.begin(FAILED if died else 0)


async def _open_shared(
    stack: AsyncExitStack, asked: ServeOptions, handler: Handler, chronicle: ServeLog
) -> SchedulerService:
    """Start on a graph that others reach by themselves."""
    from remembrancer.bootstrap import open_service, shown

    gathering = exposition(asked.metrics_port)
    instruments = gathering.instruments if gathering else None
    service = open_service(asked.graph, handler=handler, options=_numbers(asked), instruments=instruments)
    stack.push_async_callback(service.stop)
    await until_it_answers(service.start)
    api = await serve_rest(stack, service, asked)
    metrics_port = await serve_metrics(stack, gathering, service, asked.metrics_port)
    among = service.get_status().replication
    chronicle.sharing(shown(asked.graph), among, api, metrics_port=metrics_port)
    return service


async def _open(
    folder: Path, stack: AsyncExitStack, asked: ServeOptions, handler: Handler, chronicle: ServeLog
) -> SchedulerService:
    """Start everything, innermost first; *stack* stops it in the opposite order."""
    from remembrancer.bootstrap import open_bolt, open_service
    from remembrancer.surfaces.control.connection_file import ConnectionFile, Endpoint, remove, write
    from remembrancer.surfaces.control.server import ControlServer
    from remembrancer.surfaces.kept_access import read_access, write_access

    kept = read_access(folder)
    port = asked.bolt_port or kept.bolt_port or 0
    bolt = open_bolt(folder, bolt_port=port, password=kept.bolt_password) if asked.bolt else None
    gathering = exposition(asked.metrics_port)
    instruments = gathering.instruments if gathering else None
    opened = bolt.open_folder if bolt else None
    service = open_service(folder, handler=handler, options=_numbers(asked), opened=opened, instruments=instruments)
    address = await asyncio.to_thread(bolt.start) if bolt else None
    if bolt:
        stack.push_async_callback(bolt.close)
    stack.push_async_callback(service.stop)
    await service.start()
    place, token = Endpoint.of(folder), secrets.token_urlsafe(_TOKEN_BYTES)
    control = ControlServer(service, token, port=asked.control_port or None, folder=place)
    stack.push_async_callback(control.stop)
    api = await serve_rest(stack, service, asked, kept.rest_port)
    metrics_port = await serve_metrics(stack, gathering, service, asked.metrics_port)
    at = await listening("--control-port", asked.control_port, control.start)
    beacon = ConnectionFile(pid=os.getpid(), control_socket=at.path, control_port=at.port, token=token, folder=place)
    beacon = beacon.model_copy(update={"rest_port": api.port, "rest_url": api.url, "metrics_port": metrics_port})
    if address:
        reader = {"bolt_port": address.bolt_port, "bolt_user": address.user, "bolt_password": address.password}
        beacon = beacon.model_copy(update=reader)
    write_access(folder, kept, beacon)
    stack.callback(remove, folder, beacon)
    write(folder, beacon)
    chronicle.serving(folder, beacon, api.absent)
    return service


def _checked(asked: ServeOptions) -> Path | None:
    """Return the folder to serve, None for a graph on a server, before anything is opened.

    Raises InvalidInput: an option is wrong, or against another.
    """
    folder = _folder(asked.graph)
    if folder is None:
        for option, port in (("--bolt-port", asked.bolt_port), ("--control-port", asked.control_port)):
            if port:
                allowed = "a port for the graph in a folder; others reach this one on its own server"
                raise InvalidInput(option, port, allowed, 0)
    else:
        _refuse_control_port(asked.control_port)
    if asked.bolt_port and not asked.bolt:
        raise InvalidInput("--bolt-port", "--no-bolt", "one of the two: without Bolt it has no meaning", "--bolt-port")
    refuse_shared_port(asked)
    network_of(asked)
    _numbers(asked)
    return folder


def _refuse_control_port(port: int) -> None:
    from remembrancer.surfaces.control.address import HAS_UNIX_SOCKETS

    if port and HAS_UNIX_SOCKETS:
        allowed = "0: on this system other commands reach it through a socket in the graph's folder"
        raise InvalidInput("--control-port", port, allowed, 0)


def _numbers(asked: ServeOptions) -> SchedulerOptions:
    from remembrancer.settings import SchedulerOptions

    return SchedulerOptions(
        check_interval_seconds=asked.check_interval_seconds,
        stop_timeout_seconds=asked.stop_timeout,
        keep_executions_days=None if asked.keep is None else read_days(asked.keep, "--retention"),
        query_seconds=asked.query_seconds,
        query_rows=asked.query_rows,
        query_bytes=asked.query_bytes,
    )


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
    from remembrancer.cli.connect import folder_of

    if graph == ":memory:":
        allowed = "a folder or the URI of a server: other processes cannot reach this one"
        raise InvalidInput("--graph", graph, allowed, DEFAULT_GRAPH)
    return folder_of(graph)


_LEFT: Final = "What was under way is taken over, by the next start or by another scheduler of this graph."
_CLOSING_SECONDS: Final = 30.0
"""What an end in order may take beyond the handlers: outcomes are written, requests answered, the graph closed."""
_LOOK_SECONDS: Final = 2.0
_TOKEN_BYTES: Final = 32
