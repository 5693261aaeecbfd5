"""`remembrancer budget`: the bounds of lineages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.commands.lineage import Of  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class SetBudgetOptions(GraphOptions):
    """The options of `budget set`."""

    of: Of
    budget: Annotated[str, Option("--budget", metavar="PARTS", help="The bounds: max_depth=3,max_fan_out=none.")]
    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None


async def set_budget(asked: SetBudgetOptions) -> None:
    """Give a lineage other bounds: those that are named. `none` takes one away.

    For example:

        remembrancer budget set thought_12345 --budget max_depth=5,max_open_tasks=none
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.views.lineage import print_lineage

    async with connect(asked.graph) as reached:
        lineage = await reached.scheduler.set_budget(asked.of, asked.budget, asked.reason)
    if asked.as_json:
        print_json(lineage)
    else:
        print_lineage(lineage)
