"""`remembrancer audit export`: the audit log, for machines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from typer import Option

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.options import ReadersZone  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class ExportOptions(ReadOptions):
    """The options of `audit export`."""

    task: Annotated[str | None, Option(metavar="TASK_ID", help="Only what was done to this task.")] = None
    since: Annotated[str | None, Option(metavar="TIME", help="Only from then on: ISO-8601, or -1d.")] = None
    timezone: ReadersZone = "UTC"


async def export(asked: ExportOptions) -> None:
    """Write the audit log as JSON lines, oldest first: every change of a task or of the graph, with its actor.

    It is read page by page, so that a long log needs little memory.

    For example:

        remembrancer audit export > audit.jsonl
        remembrancer audit export --since 2026-11-01T00:00:00Z | jq 'select(.actor == "dashboard")'
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of

    after: str | None = None
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        task_id = None if asked.task is None else await task_id_of(reached, asked.task)
        if task_id is not None:
            await reached.scheduler.get_task(task_id)
        ask = partial(reached.scheduler.audit_entries, task_id, since=asked.since, timezone=asked.timezone)
        while page := await ask(after=after):
            for change in page:
                print_json(change, indent=None)
            after = page[-1].change_id
