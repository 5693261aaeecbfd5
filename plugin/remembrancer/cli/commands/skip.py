"""`remembrancer skip`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class SkipOptions(GraphOptions):
    """The options of `skip`."""

    task_id: TaskId
    n: Annotated[int, Argument(metavar="N", help="The number of occurrences to skip; 0 lets all run again.")] = 1
    reason: Annotated[str | None, Option(help="Why; the outcomes quote it.")] = None


async def skip(asked: SkipOptions) -> None:
    """Skip the next occurrences of a task, in place of those asked for before.

    For example:

        remembrancer skip task_1723644600.123_9f3k2a --reason "A public holiday."
        remembrancer skip task_1723644600.123_9f3k2a 3
        remembrancer skip task_1723644600.123_9f3k2a 0
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.cli.views.fires import print_fires

    async with connect(asked.graph) as reached:
        task_id = await task_id_of(reached, asked.task_id)
        reply = await reached.scheduler.skip_next(task_id, asked.n, asked.reason)
    if asked.as_json:
        print_json(reply)
        return
    print_reply(reply, fires=reached.fires)
    print_fires(reply)
