"""`remembrancer run-now`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.service.service import SchedulerService


@dataclass(frozen=True, kw_only=True)
class RunNowOptions(GraphOptions):
    """The options of `run-now`."""

    task_id: TaskId
    force: Annotated[bool, Option("--force", help="Run it even if a limit has no free slot.")] = False
    wait: Annotated[bool, Option("--wait/--no-wait", help="Wait for the outcome.")] = True


async def run_now(asked: RunNowOptions) -> int:
    """Run a task once, now, outside its schedule. Exit code 1: it did not complete.

    A running `remembrancer serve` runs it with its handler. Without one, this process runs it with the default
    handler, and waits for the outcome.

    For example:

        remembrancer run-now task_1723644600.123_9f3k2a
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import errors, print_json, print_table
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.cli.views.tasks import execution_table

    async with connect(asked.graph) as reached:
        task = await reached.scheduler.get_task(await task_id_of(reached, asked.task_id))
        execution = await reached.scheduler.run_now(task.task_id, force=asked.force)
        if task.wait_reason is not None:
            errors().print(
                f"warning: its own occurrence still waits. {task.wait_reason}", markup=False, highlight=False
            )
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
