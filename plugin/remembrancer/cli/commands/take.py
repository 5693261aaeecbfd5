"""`remembrancer take`: take what waits in a queue, print it, and end it."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import sys
import threading
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED
from remembrancer.errors import GraphLocked, GraphUnavailable, GraphUnreachable, NotRunning, RemembrancerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.service_status import ServiceStatus
    from remembrancer.model.worker_calls import WorkItem
    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.tools.scheduler_access import Reached

_PAUSE_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 5.0
"""Seconds beyond the limit for an orderly end; then the process of a hook ends at once."""
_OTHERS_SECONDS: Final = 5.0
_LONGEST_PROMPT: Final = 2_000
"""Characters of a prompt that are printed: hosts cut what is longer than some thousands."""
_ENDED: Final = (GraphUnavailable, GraphLocked, NotRunning)
"""The errors of a scheduler that ends, or is just being started by another process: no kinds of them."""
_NONE: Final = "No scheduler runs on {graph}: start `remembrancer serve` on it, or take with --serve."


@dataclass(frozen=True, kw_only=True)
class TakeOptions(GraphOptions):
    """The options of `take`."""

    queue: Annotated[
        list[str], Option(metavar="QUEUE", help="A queue to take from; may be given again, the most urgent first.")
    ]
    limit: Annotated[int, Option(min=1, max=100, help="The most executions to take.")] = 20
    serve: Annotated[
        bool, Option("--serve", help="If no scheduler runs on the graph, run one in this process meanwhile.")
    ] = False
    within: Annotated[float, Option(min=1, max=600, help="Seconds after which it gives up; what waits is kept.")] = (
        120.0
    )
    hook: Annotated[
        bool,
        Option("--hook", help="For a hook of a host: a failure is one line on stdout, and the exit code is always 0."),
    ] = False


async def take(asked: TakeOptions) -> int:
    """Take what waits in a queue: print each prompt, and record its execution as completed.

    An execution is taken once, by one of any number of takers. What is taken is printed first and recorded then: if
    this process is killed between the two, another attempt of that execution waits in the queue.

    For example:

        remembrancer take --queue claude-code
        remembrancer take --queue claude-code --serve --hook --graph ~/.remembrancer
    """
    if not asked.hook:
        return await _within(asked)
    limit = threading.Timer(asked.within + _GRACE_SECONDS, _end_at_once, [asked.within])
    limit.daemon = True
    limit.start()
    try:
        await _within(asked)
    except Exception as error:  # noqa: BLE001 (whatever it is, the host's session begins)
        _SAID.set()
        _say(f"Remembrancer cannot say what came due. {type(error).__name__}: {error}")
        return 0  # the limit stays: threads that hang would keep the process
    limit.cancel()
    return 0


async def _within(asked: TakeOptions) -> int:
    """Take, within the limit. Raises GraphUnavailable: it is not reached in time, or not at all."""
    try:
        async with asyncio.timeout(asked.within):
            return await _take(asked)
    except TimeoutError:
        raise GraphUnreachable(f"{asked.graph} did not answer within {asked.within:g} s; what waits is kept.") from None


async def _take(asked: TakeOptions) -> int:
    from remembrancer.cli.connect import folder_of

    folder = folder_of(asked.graph)
    if folder is not None and not folder.exists():
        _print(asked, [], 0)
        return 0
    while True:
        try:
            async with AsyncExitStack() as stack:
                return await _taken(await _scheduler(stack, asked), asked)
        except (GraphUnavailable, NotRunning) as gone:
            if not asked.serve or type(gone) not in _ENDED:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)  # the scheduler of another process has ended: this one runs the next


async def _taken(service: SchedulerService, asked: TakeOptions) -> int:
    """Take, print and record. Raises GraphUnavailable, NotRunning: the scheduler has ended, and nothing is printed."""
    from remembrancer.surfaces.control.client import RemoteScheduler

    worker = f"{socket.gethostname()}:{os.getpid()}"
    found: list[WorkItem] = []
    while len(found) < asked.limit and (
        more := await service.claim_work(asked.queue, worker, asked.limit - len(found))
    ):
        found += more
    left = sum([len(await service.waiting_work(queue)) for queue in asked.queue])
    _print(asked, found, left)
    try:
        for item in found:
            await service.complete_work(item.execution_id, worker, f"taken by {worker}")
        if not isinstance(service, RemoteScheduler):
            await _others_ended(service)
    except RemembrancerError as error:
        _say(f"Not all of this could be recorded; the rest is shown again. {type(error).__name__}: {error}")
        return FAILED
    return 0


async def _others_ended(service: SchedulerService) -> None:
    """Wait a while for other takers, who may be about to record what they took from this process's scheduler."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_OTHERS_SECONDS):
            while await service.history(status="running", limit=1):  # noqa: ASYNC110 (the graph has no event for it)
                await asyncio.sleep(_PAUSE_SECONDS)


async def _scheduler(stack: AsyncExitStack, asked: TakeOptions) -> SchedulerService:
    """Return a running scheduler that has looked for what is due, once. Raises GraphUnavailable: there is none."""
    from remembrancer.operations.catalog import GET_STATUS
    from remembrancer.operations.parameters import NoParams

    reached = await _reached(stack, asked)
    while True:
        status = cast("ServiceStatus", await reached.call(GET_STATUS, NoParams()))
        if status.task_execution.last_run_age_seconds > 0:
            return reached.scheduler
        await asyncio.sleep(_PAUSE_SECONDS)


async def _reached(stack: AsyncExitStack, asked: TakeOptions) -> Reached:
    """Return a running scheduler: another process's, or with --serve that of this one. Raises GraphUnavailable."""
    from remembrancer.cli.commands.serve import opening_of
    from remembrancer.cli.connect import connect, set_actor
    from remembrancer.cli.scheduler_ways import OwnScheduler
    from remembrancer.surfaces.tools.scheduler_access import Reached

    set_actor("cli")
    if not asked.serve:
        beside = await stack.enter_async_context(connect(asked.graph, reading=True))
        if not beside.running:
            raise GraphUnavailable(_NONE.format(graph=asked.graph))
        return Reached(beside.scheduler, fires=True)
    own = OwnScheduler(asked.graph, opening_of(asked.graph, lines=io.StringIO()))
    await stack.enter_async_context(own.kept())
    while True:
        async with AsyncExitStack() as attempt:
            with suppress(GraphLocked):  # another process opens it at this moment, and will serve it
                reached = await attempt.enter_async_context(own.reach(reading=False))
                if reached.fires:
                    stack.push_async_exit(attempt.pop_all())
                    return reached
        await asyncio.sleep(_PAUSE_SECONDS)


def _print(asked: TakeOptions, found: Sequence[WorkItem], left: int) -> None:
    """Print what was taken, and how much still waits; for a hook, nothing if there is neither."""
    from remembrancer.cli.output import print_json
    from remembrancer.model.control_characters import visible
    from remembrancer.model.timestamps import to_iso
    from remembrancer.model.words import count_of

    if asked.as_json:
        print_json([_facts(item) for item in found])
        return
    lines: list[str] = []
    if found:
        lines.append(
            f"{count_of(len(found), 'task')} came due, handed out here and nowhere else. Do each, or schedule it again:"
        )
    for item in found:
        prompt = item.prompt if len(item.prompt) <= _LONGEST_PROMPT else f"{item.prompt[:_LONGEST_PROMPT]}…"
        due = to_iso(item.execution.nominal_at)
        lines.append(f"- {visible(item.task.name)} ({item.task.task_id}, due {due}): {visible(prompt, lines=True)}")
    if left:
        lines.append(f"{count_of(left, 'task')} more in {', '.join(asked.queue)}: take again.")
    if not lines and not asked.hook:
        lines.append(f"Nothing waits in {', '.join(asked.queue)}.")
    if lines:
        sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _facts(item: WorkItem) -> dict[str, object]:
    """Return what machines read of an execution."""
    return {
        "execution_id": item.execution_id,
        "task_id": item.task.task_id,
        "name": item.task.name,
        "queue": item.queue,
        "due_at": item.execution.nominal_at,
        "prompt": item.prompt,
    }


def _say(words: str) -> None:
    """Print one line."""
    from remembrancer.model.control_characters import visible

    sys.stdout.write(visible(" ".join(words.split())) + "\n")
    sys.stdout.flush()


def _end_at_once(seconds: float) -> None:
    """End the process of a hook that hangs: a session waits for it."""
    if not _SAID.is_set():
        _say(f"Remembrancer cannot say what came due: no answer within {seconds:g} s. What waits is kept.")
    os._exit(0)


_SAID: Final = threading.Event()
"""Set once the line about a failure is printed."""
