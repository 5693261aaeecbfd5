"""`remembrancer reschedule`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class RescheduleOptions(GraphOptions):
    """The options of `reschedule`."""

    task_id: TaskId
    occurrence: Annotated[str, Argument(metavar="OCCURRENCE", help="The time at which it would fire.")]
    to: Annotated[str, Argument(metavar="TIME", help="The new time: ISO-8601 with a zone, or from now: +2h, +1d.")]
    reason: Annotated[str | None, Option(help="Why; the outcomes quote it.")] = None


async def reschedule(asked: RescheduleOptions) -> None:
    """Move one occurrence of a task to another time. Its other occurrences stay.

    For example:

        remembrancer reschedule task_1723644600.123_9f3k2a 2026-12-28T08:00:00Z 2026-12-30T08:00:00Z
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.cli.views.fires import print_fires

    async with connect(asked.graph) as reached:
        task_id = await task_id_of(reached, asked.task_id)
        reply = await reached.scheduler.reschedule(task_id, asked.occurrence, asked.to, asked.reason)
    if asked.as_json:
        print_json(reply)
        return
    print_reply(reply, fires=reached.fires)
    print_fires(reply)
