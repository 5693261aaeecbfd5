"""`remembrancer serve`: fire tasks as they fall due, and let other processes in."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TextIO

from remembrancer.cli.exit_codes import FAILED
from remembrancer.cli.options import DEFAULT_GRAPH
from remembrancer.cli.serve_options import SERVE_OPTIONS  # pyright: ignore[reportUnusedImport]  the table names it
from remembrancer.cli.servers import check_options, prepare, start_all
from remembrancer.cli.signals import FinalStep, ShutdownSignals
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from pathlib import Path

    from remembrancer.cli.serve_options import ServeOptions
    from remembrancer.cli.servers import Served, Serving
    from remembrancer.cli.views.serve import ServeLog
    from remembrancer.ports.handler import Handler
    from remembrancer.service.service import SchedulerService


async def serve(asked: ServeOptions) -> int:
    """Fire tasks as they fall due, until it is stopped: by Ctrl-C, SIGTERM, or the end of its terminal.

    Meanwhile the other commands on the same folder reach it by themselves, and the neo4j driver or Neo4j Browser
    reads the live graph; the password is in serve.json in the folder. A graph on a Neo4j server needs neither: any
    number of schedulers may serve it. For example:

        remembrancer serve --graph ./my-agent --handler my_agent.tasks:handle
        remembrancer serve --graph neo4j://graph.example:7687/memory
        remembrancer serve --run-commands  # as this user: a caller that may schedule a task may run any command
        remembrancer serve --metrics-port 9464 --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
        remembrancer serve --host 0.0.0.0 --rest-port 8080 --proxy 10.0.0.5 --root-path /scheduler

    Beyond this machine the API needs TLS, or a proxy that ends TLS and removes the root path. Every request needs a
    token, on this machine too. A handler is `async def handle(firing)`; it returns `Done(...)`, `Failed(...)`,
    `Retry(...)`, `Defer(...)`, `Ask(...)`, a text, or None.

    Numbers may come from the environment too: `REMEMBRANCER_LEASE_SECONDS` is `--lease-seconds`. Times may have a
    unit: 500ms, 90s, 10m, 36h, 90d.

    The first signal stops it in order; handlers may run on for `--shutdown-timeout`. A second one ends it at once, and
    the next start recovers. Exit codes: 0 stopped in order · 1 the scheduler has died, or the end took too long · 130,
    143, 129 ended at once by a second Ctrl-C, SIGTERM or SIGHUP.
    """
    from remembrancer.cli.views.serve import ServeLog, chronicled

    folder, numbers = _checked(asked), asked.numbers()
    last, stop = FinalStep(), asyncio.Event()  # before the handler's module is imported
    with ShutdownSignals(numbers.shutdown_timeout_seconds + _CLOSING_SECONDS, FAILED, _LEFT) as signals:
        signals.bind(stop.set)
        log = ServeLog(as_json=asked.as_json)
        handler = chronicled(handler_of(asked), log)
        async with AsyncExitStack() as stack:
            service = await _unless(stop, open_serving(stack, asked, folder, handler, log))
            died = service is not None and await _until(stop, service)
            signals.limit()
            if service:
                log.stopping(service, numbers.shutdown_timeout_seconds)
        log.stopped()
    return last.begin(FAILED if died else 0)


async def open_serving(
    stack: AsyncExitStack, asked: ServeOptions, folder: Path | None, handler: Handler, log: ServeLog
) -> SchedulerService:
    """Start the scheduler and its servers, and say where they are; *stack* stops them in the opposite order."""
    from remembrancer.bootstrap import open_service, shown

    serving = prepare(asked, folder)
    service = open_service(
        asked.graph if folder is None else folder,
        handler=handler,
        options=asked.numbers(),
        opened=serving.bolt.open_folder if serving.bolt else None,
        instruments=serving.exporter.instruments if serving.exporter else None,
    )
    served = await start_all(stack, serving, service)
    if asked.handler is None and not asked.run_commands:
        await _warn_of_commands(service, log)
    if folder is None:
        log.sharing(shown(asked.graph), service.get_status().replication, served)
    else:
        _tell_others(stack, serving, folder, served)
        log.serving(folder, served)
    return service


async def _warn_of_commands(service: SchedulerService, log: ServeLog) -> None:
    """Warn if tasks that run next have commands."""
    from remembrancer.engine.commands.task_command import has_command
    from remembrancer.model.task_status import OPEN_STATUSES

    if any(has_command(task.context) for task in await service.find_tasks(statuses=OPEN_STATUSES)):
        log.no_commands()


def handler_of(asked: ServeOptions) -> Handler:
    """Return the handler that is asked for, which runs commands if it is to."""
    from remembrancer.cli.views.serve import find_handler

    handler = find_handler(asked.handler)
    if not asked.run_commands:
        return handler
    from remembrancer.engine.commands.command_handler import CommandHandler

    return CommandHandler(handler)


def opening_of(
    graph: str, handler: str | None = None, *, run_commands: bool = False, lines: TextIO | None = None
) -> Callable[[AsyncExitStack], Awaitable[SchedulerService]]:
    """Return what starts the scheduler, as `serve` does, without ports but for the other commands of this user.

    Args:
        graph: The graph.
        handler: As `serve --handler`.
        run_commands: As `serve --run-commands`.
        lines: Takes the lines that `serve` prints; None is stderr.
    """
    from remembrancer.cli.views.serve import ServeLog, chronicled
    from remembrancer.settings import SETTINGS

    options = SERVE_OPTIONS(graph=graph, handler=handler, run_commands=run_commands, bolt=False, rest=False)
    if not os.environ.get(SETTINGS["shutdown_timeout_seconds"].variable):
        options = replace(options, shutdown_timeout_seconds=_SHUTDOWN_SECONDS)
    folder, log = _folder(graph), ServeLog(as_json=False, stream=lines or sys.stderr)
    called = chronicled(handler_of(options), log)
    return lambda stack: open_serving(stack, options, folder, called, log)


def _tell_others(stack: AsyncExitStack, serving: Serving, folder: Path, served: Sequence[Served]) -> None:
    """Write the connection file, and keep the ports for the next start."""
    from remembrancer.surfaces.control.connection_file import ConnectionFile, FolderIdentity, remove, write
    from remembrancer.surfaces.kept_access import write_access

    fields: dict[str, object] = {"pid": os.getpid(), "token": serving.token, "folder": FolderIdentity.of(folder)}
    for each in served:
        fields |= each.endpoint.access if each.endpoint else {}
    written = ConnectionFile.model_validate(fields)
    if serving.kept:
        write_access(folder, serving.kept, written)
    stack.callback(remove, folder, written)
    write(folder, written)


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
    """Return when *stop* is set, or the loop has died: then True."""
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await stop.wait()
        if not service.get_status().performance.task_running:
            return True
    return False


def _checked(asked: ServeOptions) -> Path | None:
    """Return the folder to serve, None for a graph on a server, before anything is opened.

    Raises InvalidInput: an option is wrong, or contradicts another.
    """
    folder = _folder(asked.graph)
    check_options(asked, folder)
    return folder


def _folder(graph: str) -> Path | None:
    """Return the folder to serve; None for a graph on a server."""
    from remembrancer.cli.connect import folder_of

    if graph == ":memory:":
        allowed = "a folder or the URI of a server: other processes cannot reach this one"
        raise InvalidInput("--graph", graph, allowed, DEFAULT_GRAPH)
    return folder_of(graph)


_SHUTDOWN_SECONDS: Final = "1"
"""The time that handlers get when the host ends: it kills a process that takes long."""
_LEFT: Final = "Its executions are recovered by the next start, or by another scheduler of this graph."
_CLOSING_SECONDS: Final = 30.0
"""Seconds that an orderly stop may take beyond the handlers: it writes outcomes, answers requests, closes the graph."""
_LOOK_SECONDS: Final = 2.0
