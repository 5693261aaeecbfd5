"""`remembrancer resume`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.selection import SelectingOptions, print_bulk, selected
from remembrancer.model.policy import Misfire  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class ResumeOptions(SelectingOptions):
    """The options of `resume`."""

    on_missed: Annotated[
        Misfire | None,
        Option(help="What to do with what it missed in the pause; as the task's misfire says if not given."),
    ] = None
    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None


async def resume(asked: ResumeOptions) -> int:
    """Resume a paused task, or all that match, and say what becomes of the occurrences that it missed.

    For example:

        remembrancer resume task_1723644600.123_9f3k2a
        remembrancer resume task_1723644600.123_9f3k2a --on-missed skip
        remembrancer resume --tag work
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen
    from remembrancer.cli.task_ids import task_id_of

    which = selected(asked)
    async with connect(asked.graph) as reached:
        if which is not None:
            result = await reached.scheduler.resume_tasks(asked.on_missed, asked.reason, dry_run=asked.dry_run, **which)
            return print_bulk(result, as_json=asked.as_json)
        task_id = await task_id_of(reached, asked.task_id or "")
        reply = await reached.scheduler.resume_task(task_id, asked.on_missed, asked.reason)
    if asked.as_json:
        print_json(reply)
        return 0
    print_reply(reply, fires=reached.fires)
    said = f"missed in the pause: {reply.missed}, of which {reply.runs} run and {reply.missed - reply.runs} are skipped"
    screen().print(f"  {said}", markup=False, highlight=False)
    return 0
