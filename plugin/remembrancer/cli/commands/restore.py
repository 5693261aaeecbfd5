"""`remembrancer restore`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument

from remembrancer.cli.command import CommandOptions


@dataclass(frozen=True, kw_only=True)
class RestoreOptions(CommandOptions):
    """The options of `restore`."""

    source: Annotated[str, Argument(metavar="BACKUP", help="What `backup` has made.")]
    target: Annotated[str, Argument(metavar="TO", help="A folder not there yet, or empty; or the URI of a server.")]


async def restore(asked: RestoreOptions) -> None:
    """Make a graph of a backup: another one than the original, with no scheduler yet.

    Executions that ran when the backup was made are lost, as if their scheduler had died, and each task's `on_lost`
    decides. Occurrences due since then are late, and each task's `misfire` decides. The backup is not changed.

    For example:

        remembrancer restore ./backups/monday ./agent-memory
        remembrancer serve -g ./agent-memory
    """
    from remembrancer.bootstrap.backups import restore_graph
    from remembrancer.cli.commands.backup import print_result, watched
    from remembrancer.cli.connect import set_actor

    set_actor("cli")
    with watched(as_json=asked.as_json) as watch:
        done = await restore_graph(asked.source, asked.target, watch=watch)
    print_result(done, "is restored from", as_json=asked.as_json)
