"""`remembrancer backup`, and `restore`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from remembrancer.cli.command import CommandOptions, GraphOptions
from remembrancer.cli.step_bar import step_bar

if TYPE_CHECKING:
    from remembrancer.bootstrap.backups import BackupResult


@dataclass(frozen=True, kw_only=True)
class BackupOptions(GraphOptions):
    """The options of `backup`."""

    destination: Annotated[str, Argument(metavar="DEST", help="A folder that is not there yet, or empty.")]


async def backup(asked: BackupOptions) -> None:
    """Back a graph up, also while `serve` works on it: whatever was acknowledged before is in the backup.

    The folder DEST appears once the backup is whole, verified and on the disk; no scheduler works on it, only
    `restore` and `check`. A scheduler that works on the graph goes on firing. A graph on a server is backed up while
    no scheduler works on it; else use the server's own tools. For example:

        remembrancer backup ./backups/monday
        remembrancer backup ./backups/monday --json -g ./agent-memory
    """
    from remembrancer.bootstrap.backups import backup_graph
    from remembrancer.cli.connect import held_by

    with step_bar(as_json=asked.as_json) as watch:
        async with held_by(asked.graph) as live:
            snapshot = live.snapshot if live else None
            done = await backup_graph(asked.graph, asked.destination, snapshot=snapshot, watch=watch)
    _print(done, "is a backup of", as_json=asked.as_json)


@dataclass(frozen=True, kw_only=True)
class RestoreOptions(CommandOptions):
    """The options of `restore`."""

    source: Annotated[str, Argument(metavar="BACKUP", help="What `backup` has made.")]
    target: Annotated[str, Argument(metavar="TO", help="A folder not there yet, or empty; or the URI of a server.")]


async def restore(asked: RestoreOptions) -> None:
    """Make a graph of a backup: another one than it was made of, on which nobody works yet.

    What ran when the backup was made is lost, as if its scheduler had died, and each task's policy decides. What came
    due since is found late, and its policy decides too. The backup is not changed. For example:

        remembrancer restore ./backups/monday ./agent-memory
        remembrancer serve -g ./agent-memory
    """
    from remembrancer.bootstrap.backups import restore_graph
    from remembrancer.cli.connect import set_actor

    set_actor("command line")
    with step_bar(as_json=asked.as_json) as watch:
        done = await restore_graph(asked.source, asked.target, watch=watch)
    _print(done, "is restored from", as_json=asked.as_json)


def _print(done: BackupResult, how: str, *, as_json: bool) -> None:
    from remembrancer.cli.output import print_json, print_table, row_table, screen

    if as_json:
        print_json(done)
        return
    print_table(row_table([{"what": label, "count": count} for label, count in done.counts.items() if count]))
    screen().print(f"{done.target} {how} {done.source}, begun at {done.made_at}.", markup=False, highlight=False)
