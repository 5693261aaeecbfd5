"""`remembrancer add-fire`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class AddFireOptions(GraphOptions):
    """The options of `add-fire`."""

    task_id: TaskId
    at: Annotated[
        str | None, Argument(metavar="TIME", help="ISO-8601 with a zone, or from now: +2h, +1d; now if not given.")
    ] = None
    reason: Annotated[str | None, Option(help="Why; the execution keeps it.")] = None


async def add_fire(asked: AddFireOptions) -> None:
    """Add one occurrence to a task. Its other occurrences stay.

    For example:

        remembrancer add-fire task_1723644600.123_9f3k2a +2h
        remembrancer add-fire task_1723644600.123_9f3k2a 2026-12-28T08:00:00Z --reason "The auditors come."
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.cli.views.fires import print_fires

    async with connect(asked.graph) as reached:
        task_id = await task_id_of(reached, asked.task_id)
        reply = await reached.scheduler.add_fire(task_id, asked.at, asked.reason)
    if asked.as_json:
        print_json(reply)
        return
    print_reply(reply, fires=reached.fires)
    print_fires(reply)
