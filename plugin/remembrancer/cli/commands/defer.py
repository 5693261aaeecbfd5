"""`remembrancer defer`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class DeferOptions(GraphOptions):
    """The options of `defer`."""

    task_id: TaskId
    until: Annotated[str, Option(metavar="TIME", help="ISO-8601, or from now: in 10m, +2h, +1d.")]
    reason: Annotated[str, Option(help="Why; the graph remembers it.")]
    thought: Annotated[str | None, Option(help="The thought that asks for it.")] = None


async def defer(asked: DeferOptions) -> None:
    """Defer a task's next run to a later time.

    A recurring task fires once at that time, which must be after its next run, and continues from there.

    For example:

        remembrancer defer task_1723644600.123_9f3k2a --until +2h --reason "Waiting for Ada's answer."
        remembrancer defer task_1723644600.123_9f3k2a --until 2026-12-01T09:00:00Z --reason "Holidays."
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of

    async with connect(asked.graph) as reached:
        task_id = await task_id_of(reached, asked.task_id)
        reply = await reached.scheduler.defer_task(task_id, asked.until, asked.reason, asked.thought)
    if asked.as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=reached.fires)
