"""`remembrancer agenda`: every fire to come, of all tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.options import MOST

if TYPE_CHECKING:
    from remembrancer.cli.grid import Grid
    from remembrancer.operations.ahead.agenda import AgendaEntry


@dataclass(frozen=True, kw_only=True)
class AgendaOptions(ReadOptions):
    """The options of `agenda`."""

    start: Annotated[str | None, Option("--from", metavar="TIME", help="The first time; default now.")] = None
    end: Annotated[str | None, Option("--to", metavar="TIME", help="The last time; default a week later.")] = None
    timezone: Annotated[
        str, Option("--zone", "--timezone", "-z", metavar="ZONE", help="The IANA zone of the reader.")
    ] = "UTC"
    limit: Annotated[int, Option(min=1, max=MOST, help="The most lines to show.")] = 1000


async def agenda(asked: AgendaOptions) -> None:
    """Show every fire of every open task in a range of time, in the reader's zone.

    A task with more than 400 fires is one line with their number. A fire that a pause holds is marked. For example:

        remembrancer agenda
        remembrancer agenda --from 2026-12-01T00:00 --to 2026-12-24T00:00 --zone Europe/Berlin
        remembrancer agenda --to 1d --json
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, tell_more

    entries: list[AgendaEntry] = []
    cursor: str | None = None
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        while True:
            room = min(_PAGE, asked.limit - len(entries))
            page = await reached.scheduler.agenda(asked.start, asked.end, asked.timezone, limit=room, cursor=cursor)
            entries += page.entries
            cursor = page.next_cursor
            if cursor is None or len(entries) >= asked.limit:
                break
    if asked.as_json:
        print_json(entries)
    else:
        print_table(_table(entries), otherwise="Nothing fires in this time.")
    if cursor is not None:
        tell_more("lines", asked.limit, as_json=asked.as_json)


def _table(entries: list[AgendaEntry]) -> Grid:
    from remembrancer.cli.grid import Grid
    from remembrancer.cli.output import when

    table = Grid(("at", "name", "schedule", "fires", "", "task"))
    for each in entries:
        fires = "" if each.count == 1 else f"{each.count:,}, the last at {when(each.last_at)}"
        table.add(each.local, each.name, each.schedule, fires, "paused" if each.paused else "", each.task_id)
    return table


_PAGE = 1000
