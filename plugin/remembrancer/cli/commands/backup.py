"""`remembrancer backup`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.step_bar import step_bar

if TYPE_CHECKING:
    from remembrancer.bootstrap.backups import BackupResult


@dataclass(frozen=True, kw_only=True)
class BackupOptions(GraphOptions):
    """The options of `backup`."""

    destination: Annotated[str, Argument(metavar="DEST", help="A new or empty folder.")]


async def backup(asked: BackupOptions) -> None:
    """Back up a graph, even while `serve` works on it: the backup holds everything acknowledged before its start.

    The folder DEST appears once the backup is complete, verified and on the disk; only `restore` and `check` read
    it. A scheduler that works on the graph keeps firing. To back up a graph on a server, stop its schedulers, or use
    the server's own tools. For example:

        remembrancer backup ./backups/monday
        remembrancer backup ./backups/monday --json -g ./agent-memory
    """
    from remembrancer.bootstrap.backups import backup_graph
    from remembrancer.cli.connect import held_by

    with step_bar(as_json=asked.as_json) as watch:
        async with held_by(asked.graph) as live:
            snapshot = live.snapshot if live else None
            done = await backup_graph(asked.graph, asked.destination, snapshot=snapshot, watch=watch)
    print_result(done, "is a backup of", as_json=asked.as_json)


def print_result(done: BackupResult, how: str, *, as_json: bool) -> None:
    """Print the result of a backup or a restoration."""
    from remembrancer.cli.output import print_json, print_table, row_table, screen

    if as_json:
        print_json(done)
        return
    print_table(row_table([{"what": label, "count": count} for label, count in done.counts.items() if count]))
    screen().print(f"{done.target} {how} {done.source}, begun at {done.made_at}.", markup=False, highlight=False)
