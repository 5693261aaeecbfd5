"""`remembrancer backfill`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class BackfillOptions(GraphOptions):
    """The options of `backfill`."""

    task_id: TaskId
    start: Annotated[str, Argument(metavar="START", help="The begin of the range: ISO-8601 with a zone.")]
    end: Annotated[str, Argument(metavar="END", help="The end of the range, which has passed.")]
    dry_run: Annotated[bool, Option("--dry-run", help="List what would start, and write nothing.")] = False
    again: Annotated[bool, Option("--again", help="Also run occurrences that have completed.")] = False
    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None


async def backfill(asked: BackfillOptions) -> None:
    """Run the occurrences of a range in the past, one after the other.

    For example:

        remembrancer backfill task_1723644600.123_9f3k2a 2026-11-01T00:00:00Z 2026-11-08T00:00:00Z --dry-run
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.cli.views.fires import print_backfill

    async with connect(asked.graph) as reached:
        task_id = await task_id_of(reached, asked.task_id)
        reply = await reached.scheduler.backfill(
            task_id, asked.start, asked.end, dry_run=asked.dry_run, again=asked.again, reason=asked.reason
        )
    if asked.as_json:
        print_json(reply)
        return
    if not asked.dry_run:
        print_reply(reply, fires=reached.fires)
    print_backfill(reply)
