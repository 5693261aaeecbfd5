"""`remembrancer resume`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)
from remembrancer.model.policy import Misfire  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class ResumeOptions(GraphOptions):
    """The options of `resume`."""

    task_id: TaskId
    on_missed: Annotated[
        Misfire | None,
        Option(help="What to do with what it missed in the pause; as the task's misfire says if not given."),
    ] = None
    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None


async def resume(asked: ResumeOptions) -> None:
    """Resume a paused task, and say what becomes of the occurrences that it missed.

    For example:

        remembrancer resume task_1723644600.123_9f3k2a
        remembrancer resume task_1723644600.123_9f3k2a --on-missed skip
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph) as reached:
        reply = await reached.scheduler.resume_task(asked.task_id, asked.on_missed, asked.reason)
    if asked.as_json:
        print_json(reply)
        return
    print_reply(reply, fires=reached.fires)
    said = f"missed in the pause: {reply.missed}, of which {reply.runs} run and {reply.missed - reply.runs} are skipped"
    screen().print(f"  {said}", markup=False, highlight=False)
