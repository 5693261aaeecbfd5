"""`remembrancer recheck`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions

if TYPE_CHECKING:
    from remembrancer.model.recheck import ZoneDifference


@dataclass(frozen=True, kw_only=True)
class RecheckOptions(GraphOptions):
    """The options of `recheck`."""

    dry_run: Annotated[bool, Option("--dry-run", help="Show which fires would move, and write nothing.")] = False


async def recheck(asked: RecheckOptions) -> None:
    """Derive all armed times again, by the rules of their time zones now in force; show the fires that move.

    A start of the scheduler does it by itself after the rules of a zone have changed.

    For example:

        remembrancer recheck --dry-run
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import at_work, print_json, print_table, row_table, screen
    from remembrancer.model.timestamps import to_iso

    async with connect(asked.graph) as reached:
        with at_work("Deriving armed times"):
            found = await reached.scheduler.recheck(dry_run=asked.dry_run)
    if asked.as_json:
        print_json({"dry_run": asked.dry_run, "moved": found.moved, "differences": found.differences})
        return
    for each in found.differences:
        screen().print(_difference(each), highlight=False)
    if found.moved:
        rows: list[dict[str, object]] = [
            {
                "task": each.task_id,
                "name": each.name,
                "was": to_iso(each.was),
                "will be": to_iso(each.will_be),
                "wall time": f"{each.wall_time} {each.timezone}",
            }
            for each in found.moved
        ]
        print_table(row_table(rows))
        for cause in dict.fromkeys(each.cause for each in found.moved):
            screen().print(cause, highlight=False)
    screen().print(f"{len(found.moved):,} fires {'would move' if asked.dry_run else 'moved'}.", highlight=False)


def _difference(each: ZoneDifference) -> str:
    own, graph = each.own_version or "no known release", each.graph_version or "no known release"
    counts = "the graph's are followed" if each.is_followed else "this machine's come into force"
    return f"{each.timezone}: the rules here ({own}) differ from those in the graph ({graph}); {counts}."
