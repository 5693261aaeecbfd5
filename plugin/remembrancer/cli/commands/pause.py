"""`remembrancer pause`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.selection import SelectingOptions, print_bulk, selected


@dataclass(frozen=True, kw_only=True)
class PauseOptions(SelectingOptions):
    """The options of `pause`."""

    until: Annotated[
        str | None, Option(metavar="TIME", help="Resume by itself then: ISO-8601, or from now: in 2h, +1d.")
    ] = None
    reason: Annotated[str | None, Option(help="Why; the graph remembers it.")] = None


async def pause(asked: PauseOptions) -> int:
    """Pause a task, or all that match: nothing fires until it is resumed, or until a time. What runs goes on.

    `--all` pauses the tasks that there are; one that is scheduled later fires.

    For example:

        remembrancer pause task_1723644600.123_9f3k2a --reason "The API is down."
        remembrancer pause task_1723644600.123_9f3k2a --until 2026-12-28T08:00:00Z --reason "Holidays."
        remembrancer pause --tag work --until 2026-12-28T08:00:00Z --dry-run
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of

    which = selected(asked)
    async with connect(asked.graph) as reached:
        if which is not None:
            result = await reached.scheduler.pause_tasks(asked.until, asked.reason, dry_run=asked.dry_run, **which)
            return print_bulk(result, as_json=asked.as_json)
        task_id = await task_id_of(reached, asked.task_id or "")
        reply = await reached.scheduler.pause_task(task_id, asked.until, asked.reason)
    if asked.as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=reached.fires)
    return 0
