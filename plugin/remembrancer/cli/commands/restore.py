"""`remembrancer restore`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument

from remembrancer.cli.command import CommandOptions
from remembrancer.cli.commands.backup import print_result
from remembrancer.cli.step_bar import step_bar


@dataclass(frozen=True, kw_only=True)
class RestoreOptions(CommandOptions):
    """The options of `restore`."""

    source: Annotated[str, Argument(metavar="BACKUP", help="A backup made by `backup`.")]
    target: Annotated[str, Argument(metavar="TO", help="A new or empty folder, or the URI of a server.")]


async def restore(asked: RestoreOptions) -> None:
    """Restore a backup as a new graph, with an id of its own.

    Executions that ran when the backup was made count as lost, as if their scheduler had died: each task's `on_lost`
    policy applies. Occurrences since then are late: the `misfire` policy applies. The backup is not changed.

    For example:

        remembrancer restore ./backups/monday ./agent-memory
        remembrancer serve -g ./agent-memory
    """
    from remembrancer.bootstrap.backups import restore_graph
    from remembrancer.cli.connect import set_actor

    set_actor("cli")
    with step_bar(as_json=asked.as_json) as watch:
        done = await restore_graph(asked.source, asked.target, watch=watch)
    print_result(done, "is restored from", as_json=asked.as_json)
