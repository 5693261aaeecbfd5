"""`remembrancer cancel`, `defer` and `run-now`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED
from remembrancer.cli.options import TaskId, moment

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.service.service import SchedulerService


@dataclass(frozen=True, kw_only=True)
class CancelOptions(GraphOptions):
    """The options of `cancel`."""

    task_id: TaskId
    reason: Annotated[str | None, Option(help="Kept in the audit trail.")] = None


async def cancel(asked: CancelOptions) -> int:
    """End a task; its record stays. Exit code 1: it had come to its end before.

    For example:

        remembrancer cancel task_1723644600.123_9f3k2a --reason "The meeting is off."
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph) as reached:
        task = await reached.scheduler.get_task(asked.task_id)
        done = await reached.scheduler.cancel(asked.task_id, asked.reason)
    if asked.as_json:
        print_json({"task_id": asked.task_id, "cancelled": done.ended, "stopping": done.stopping})
    else:
        said = "is cancelled" if done.ended else f"was {task.status} already"
        screen().print(f"{asked.task_id} {said}: {task.name}", markup=False, highlight=False)
        if done.stopping:
            asked_to_stop = f"Executions under way that were asked to stop: {len(done.stopping)}."
            screen().print(asked_to_stop, markup=False, highlight=False)
    return 0 if done.ended else FAILED


@dataclass(frozen=True, kw_only=True)
class DeferOptions(GraphOptions):
    """The options of `defer`."""

    task_id: TaskId
    until: Annotated[str, Option(metavar="MOMENT", help="ISO-8601 with a zone, or from now: +10m, +2h, +1d.")]
    reason: Annotated[str, Option(help="Why; the graph remembers it.")]
    thought: Annotated[str | None, Option(help="The thought that asks for it.")] = None


async def defer(asked: DeferOptions) -> None:
    """Put a task's next run off to a later moment.

    A recurring task that is deferred fires once at that moment, which lies past its next run, and goes on from
    there. For example:

        remembrancer defer task_1723644600.123_9f3k2a --until +2h --reason "Waiting for Ada's answer."
        remembrancer defer task_1723644600.123_9f3k2a --until 2026-12-01T09:00:00Z --reason "Holidays."
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json

    until = moment(asked.until, "until")
    async with connect(asked.graph) as reached:
        reply = await reached.scheduler.defer_task(asked.task_id, until, asked.reason, asked.thought)
    if asked.as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=reached.fires)


@dataclass(frozen=True, kw_only=True)
class RunNowOptions(GraphOptions):
    """The options of `run-now`."""

    task_id: TaskId
    wait: Annotated[bool, Option("--wait/--no-wait", help="Wait for the outcome.")] = True


async def run_now(asked: RunNowOptions) -> int:
    """Run a task once, now, beside its schedule. Exit code 1: it did not complete.

    The running `remembrancer serve` does it, with its handler; where none runs, this process does it with the
    default handler, and waits for the outcome in any case. For example:

        remembrancer run-now task_1723644600.123_9f3k2a
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import errors, execution_table, print_json, print_table

    async with connect(asked.graph) as reached:
        execution = await reached.scheduler.run_now(asked.task_id)
        if not reached.running:
            why = "None can be asked for it here" if reached.fires else "No scheduler runs on this graph"
            errors().print(f"{why}: the task runs in this process, with the default handler.")
        if asked.wait or not reached.running:
            execution = await _outcome(reached.scheduler, execution)
    if asked.as_json:
        print_json(execution)
    else:
        print_table(execution_table([execution]))
    return 0 if execution.status in _FINE else FAILED


async def _outcome(scheduler: SchedulerService, started: Execution) -> Execution:
    """Return the execution as it ended."""
    from remembrancer.model.execution import TERMINAL_STATUSES

    while True:
        for each in await scheduler.history(started.task_id, _RECENT):
            if each.execution_id == started.execution_id and each.status in TERMINAL_STATUSES:
                return each
        await asyncio.sleep(_PAUSE_SECONDS)


_FINE: Final = frozenset({"completed", "deferred", "running"})
_RECENT: Final = 100
_PAUSE_SECONDS: Final = 0.05
