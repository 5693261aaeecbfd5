"""`remembrancer blocked`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.options import MOST


@dataclass(frozen=True, kw_only=True)
class BlockedOptions(ReadOptions):
    """The options of `blocked`."""

    limit: Annotated[int, Option(min=1, max=MOST, help="The most blocked tasks to show.")] = 100


async def blocked(asked: BlockedOptions) -> None:
    """Show the tasks that wait for others: for what, down to the root, and what would let them run.

    For example:

        remembrancer blocked
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen
    from remembrancer.cli.views.dependencies import blocked_lines

    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        found = await reached.scheduler.blocked_tasks(asked.limit)
    if asked.as_json:
        print_json(found)
        return
    for each in found:
        for line in blocked_lines(each):
            screen().print(line, markup=False, highlight=False)
    if not found:
        screen().print("No task waits for another one.")
