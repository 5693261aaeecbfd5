"""`remembrancer backup` and `remembrancer restore`."""

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
    _print(done, "is a backup of", as_json=asked.as_json)


@dataclass(frozen=True, kw_only=True)
class RestoreOptions(CommandOptions):
    """The options of `restore`."""

    source: Annotated[str, Argument(metavar="BACKUP", help="A backup made by `backup`.")]
    target: Annotated[str, Argument(metavar="TO", help="A new or empty folder, or the URI of a server.")]


async def restore(asked: RestoreOptions) -> None:
    """Restore a backup as a new graph, with an id of its own.

    Executions that ran when the backup was made count as lost, as if their scheduler had died: each task's `on_lost`
    policy applies. Occurrences since then are late: the `misfire` policy applies. The backup is not changed. For
    example:

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
