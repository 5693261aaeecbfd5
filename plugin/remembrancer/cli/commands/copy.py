"""`remembrancer copy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from remembrancer.cli.command import CommandOptions
from remembrancer.cli.step_bar import step_bar

if TYPE_CHECKING:
    from remembrancer.operations.graph_copy import CopyResult


@dataclass(frozen=True, kw_only=True)
class CopyOptions(CommandOptions):
    """The options of `copy`."""

    source: Annotated[str, Argument(metavar="FROM", help="The graph to copy: a folder, or the URI of a server.")]
    target: Annotated[str, Argument(metavar="TO", help="An empty graph, or none yet.")]


async def copy(asked: CopyOptions) -> None:
    """Copy a whole graph to another place or engine, and compare the two.

    Broken off anywhere and started again, it goes on where it was. The source is not changed. No scheduler may work
    on either of them meanwhile. Exit code 1: TO holds something else, or the two differ in the end. For example:

        remembrancer copy ./remembrancer-graph neo4j://graph.example:7687/memory
        remembrancer copy neo4j://graph.example:7687/memory ./copy --json
    """
    from remembrancer.bootstrap.copies import copy_graph
    from remembrancer.cli.connect import set_actor
    from remembrancer.cli.output import print_json

    set_actor("cli")
    if asked.as_json:
        copied = await copy_graph(
            asked.source, asked.target, watch=lambda step: print_json({"event": "step", "step": step}, indent=None)
        )
        print_json({"event": "copied", "copied": copied}, indent=None)
        return
    with step_bar(as_json=False) as watch:
        copied = await copy_graph(asked.source, asked.target, watch=watch)
    _print(copied)


def _print(copied: CopyResult) -> None:
    from remembrancer.cli.output import print_table, row_table, screen

    print_table(
        row_table([{"what": each.name, "count": each.count, "digest": each.digest[:16]} for each in copied.parts])
    )
    screen().print(f"{copied.target} equals {copied.source}, in every count and digest.", markup=False, highlight=False)
