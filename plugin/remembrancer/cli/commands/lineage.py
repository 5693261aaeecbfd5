"""`remembrancer lineage`: the trees of tasks that thoughts started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, confirm

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.selection import on_terminal, print_bulk

Of = Annotated[str, Argument(metavar="THOUGHT|TASK", help="The thought that started it, or a task of it.")]
"""The argument that names a lineage."""


@dataclass(frozen=True, kw_only=True)
class ShowLineageOptions(GraphOptions):
    """The options of `lineage show`."""

    of: Of
    limit: Annotated[int, Option(min=1, max=10_000, help="The most tasks to show.")] = 1000


async def show_lineage(asked: ShowLineageOptions) -> None:
    """Show a lineage: the tree of tasks that a thought started, and its budget.

    For example:

        remembrancer lineage show thought_12345
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.views.lineage import print_lineage

    async with connect(asked.graph, reading=True) as reached:
        lineage = await reached.scheduler.lineage(asked.of, limit=asked.limit)
    if asked.as_json:
        print_json(lineage)
    else:
        print_lineage(lineage)


@dataclass(frozen=True, kw_only=True)
class ListLineagesOptions(GraphOptions):
    """The options of `lineage list`."""

    limit: Annotated[int, Option(min=1, max=10_000, help="The most lineages to show.")] = 100


async def list_lineages(asked: ListLineagesOptions) -> None:
    """List lineages with open tasks: those that have a budget, or have grown; the largest first.

    For example:

        remembrancer lineage list
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table
    from remembrancer.model.budget import budget_words

    async with connect(asked.graph, reading=True) as reached:
        found = await reached.scheduler.lineages(asked.limit)
    if asked.as_json:
        print_json(found)
        return
    rows: list[dict[str, object]] = [
        {
            "lineage": each.lineage_id,
            "open tasks": each.open_tasks,
            "generation": each.generation,
            "budget": budget_words(each.budget),
            "spent": budget_words(each.spent),
            "left": budget_words(each.left),
        }
        for each in found
    ]
    print_table(row_table(rows), otherwise="No lineage with a budget, or of handlers, has open tasks.")


@dataclass(frozen=True, kw_only=True)
class StopLineageOptions(GraphOptions):
    """The options of `lineage stop`."""

    of: Of
    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what would be cancelled.")] = False
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask whether to cancel the tasks.")] = False


async def stop(asked: StopLineageOptions) -> int:
    """Cancel all open tasks of a lineage; of a task, it and all that came of it. Exit code 1: one could not be.

    For example:

        remembrancer lineage stop thought_12345 --dry-run
        remembrancer lineage stop thought_12345 --reason "It writes too many tasks."
    """
    from remembrancer.cli.connect import connect

    async with connect(asked.graph) as reached:
        if not asked.dry_run and not asked.yes and on_terminal():
            planned = await reached.scheduler.stop_lineage(asked.of, asked.reason, dry_run=True)
            print_bulk(planned, as_json=False)
            confirm(f"Cancel {len(planned.tasks):,} tasks?", abort=True, err=True)
        result = await reached.scheduler.stop_lineage(asked.of, asked.reason, dry_run=asked.dry_run)
    return print_bulk(result, as_json=asked.as_json)
