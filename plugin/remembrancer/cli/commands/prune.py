"""`remembrancer prune`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import read_days


@dataclass(frozen=True, kw_only=True)
class PruneOptions(GraphOptions):
    """The options of `prune`."""

    keep: Annotated[str, Option(metavar="TIME", help="Executions that began later are kept: 90d, 12w, 36h.")]
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Show the result, and write nothing.")] = False


async def prune(asked: PruneOptions) -> None:
    """Replace old executions by a summary for each task and day; every count stays true.

    `remembrancer serve --execution-retention-days 90` does it continuously.

    For example:

        remembrancer prune --keep 90d --dry-run
        remembrancer prune --keep 90d
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import at_work, print_json, screen
    from remembrancer.model.timestamps import to_iso

    days = read_days(asked.keep, "--keep")
    async with connect(asked.graph) as reached:
        with at_work("Rolling up"):
            done = await reached.scheduler.prune(days, dry_run=asked.dry_run)
    if asked.as_json:
        print_json({"dry_run": asked.dry_run, "retained": done})
        return
    said = "would be rolled up" if asked.dry_run else "rolled up"
    screen().print(
        f"{done.executions:,} executions ({done.occurrences:,} occurrences) from before {to_iso(done.before)} {said} "
        f"into {done.summaries:,} summaries.",
        highlight=False,
    )
