"""`remembrancer pause`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class PauseOptions(GraphOptions):
    """The options of `pause`."""

    task_id: TaskId
    until: Annotated[
        str | None, Option(metavar="TIME", help="Resume by itself then: ISO-8601, or from now: in 2h, +1d.")
    ] = None
    reason: Annotated[str | None, Option(help="Why; the graph remembers it.")] = None


async def pause(asked: PauseOptions) -> None:
    """Pause a task: nothing of it fires until it is resumed, or until a time. A running execution goes on.

    For example:

        remembrancer pause task_1723644600.123_9f3k2a --reason "The API is down."
        remembrancer pause task_1723644600.123_9f3k2a --until 2026-12-28T08:00:00Z --reason "Holidays."
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json

    async with connect(asked.graph) as reached:
        reply = await reached.scheduler.pause_task(asked.task_id, asked.until, asked.reason)
    if asked.as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=reached.fires)
