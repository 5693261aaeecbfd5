"""`remembrancer backup`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from remembrancer.cli.command import GraphOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from remembrancer.bootstrap.backups import BackupResult
    from remembrancer.operations.graph_copy import CopyStep


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

    with watched(as_json=asked.as_json) as watch:
        async with held_by(asked.graph) as live:
            snapshot = live.snapshot if live else None
            done = await backup_graph(asked.graph, asked.destination, snapshot=snapshot, watch=watch)
    print_result(done, "is a backup of", as_json=asked.as_json)


@contextmanager
def watched(*, as_json: bool) -> Generator[Callable[[CopyStep], None]]:
    """Show the progress: to people a bar on stderr, to machines nothing but the result."""
    from remembrancer.cli.output import progress

    if as_json:
        yield lambda _: None
        return
    with progress() as show:
        yield lambda step: show(f"{step.phase} {step.part}", step.done, step.total)


def print_result(done: BackupResult, how: str, *, as_json: bool) -> None:
    """Print what a backup or its restoration came to."""
    from remembrancer.cli.output import print_json, print_table, row_table, screen

    if as_json:
        print_json(done)
        return
    print_table(row_table([{"what": label, "count": count} for label, count in done.counts.items() if count]))
    screen().print(f"{done.target} {how} {done.source}, begun at {done.made_at}.", markup=False, highlight=False)
