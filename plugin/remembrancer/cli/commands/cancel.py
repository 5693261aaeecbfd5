"""`remembrancer cancel`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class CancelOptions(GraphOptions):
    """The options of `cancel`."""

    task_id: TaskId
    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None


async def cancel(asked: CancelOptions) -> int:
    """Cancel a task; its record is kept. Exit code 1: it had ended before.

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
