"""`remembrancer work`: do the work of queues for a scheduler that runs in another process."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED
from remembrancer.cli.signals import ShutdownSignals
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from remembrancer.cli.connect import Connection

_LEFT: Final = "Work that is not done comes back at the end of its lease."
_LIMIT_SECONDS: Final = 60.0
_NONE: Final = (
    "No scheduler runs on {graph}, and there is no work to claim: start `remembrancer serve` on the same "
    "graph first. Replicas on a server hand out work over HTTP: POST /v1/scheduler/work/claim."
)


@dataclass(frozen=True, kw_only=True)
class WorkOptions(GraphOptions):
    """The options of `work`."""

    queue: Annotated[
        list[str], Option(metavar="QUEUE", help="A queue to work on; may be given again, the most urgent first.")
    ]
    handler: Annotated[str, Option(metavar="MODULE:FUNCTION", help="The function that does the work.")]
    worker: Annotated[str | None, Option(metavar="NAME", help="The name of this worker.", show_default="host:pid")] = (
        None
    )
    concurrency: Annotated[int, Option(min=1, max=100, help="The most executions at once.")] = 1
    lease: Annotated[
        float, Option(min=1, max=86_400, help="Seconds without a word after which the work goes to another worker.")
    ] = 60.0
    once: Annotated[bool, Option("--once", help="End when nothing waits.")] = False


async def work(asked: WorkOptions) -> int:
    """Do the work of queues, for the scheduler that serves the graph, until it is stopped.

    Tasks with a `queue` wait until a worker claims them; this worker calls the handler, as `serve` does, and reports
    how it ended. A worker that dies loses its work to another one at the end of the lease.

    For example:

        remembrancer work --queue mail --handler my_agent.mail:handle
        remembrancer work --queue urgent --queue mail --handler my_agent.mail:handle --concurrency 4
        remembrancer work --queue mail --handler my_agent.mail:handle --once
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.views.serve import ServeLog, find_handler
    from remembrancer.surfaces.queue_worker import QueueWorker, WorkerOptions

    log, stop = ServeLog(as_json=asked.as_json), asyncio.Event()
    with ShutdownSignals(_LIMIT_SECONDS, FAILED, _LEFT) as signals:
        signals.bind(stop.set)
        async with connect(asked.graph, reading=True) as claims, connect(asked.graph, reading=True) as reports:
            _refuse_unserved(claims, asked.graph)
            options = WorkerOptions(
                queues=asked.queue,
                name=asked.worker or f"{socket.gethostname()}:{os.getpid()}",
                concurrency=asked.concurrency,
                lease_seconds=asked.lease,
            )
            handler = find_handler(asked.handler)
            worker = QueueWorker(claims.scheduler, reports.scheduler, handler, options, log.worked)
            await worker.work(stop, once=asked.once)
    return 0


def _refuse_unserved(reached: Connection, graph: str) -> None:
    if not reached.running:
        raise GraphUnavailable(_NONE.format(graph=graph))
