"""`remembrancer watch`: live events."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.cli.connect import Connection
    from remembrancer.cli.views.watch import WatchView


@dataclass(frozen=True, kw_only=True)
class WatchOptions(GraphOptions):
    """The options of `watch`."""

    after: Annotated[
        str | None,
        Option(metavar="CURSOR", help="Continue after this event's cursor; 0 begins with the oldest stored event."),
    ] = None
    task: Annotated[str | None, Option(metavar="TASK_ID", help="Only events of this task.")] = None


async def watch(asked: WatchOptions) -> None:
    """Show due tasks, running executions with their progress, and recent events, until Ctrl-C.

    It works on a graph that a scheduler serves, on one that many schedulers share, and on one that is not open; it
    closes the latter after each read, so that other commands can open it. Without a terminal it prints one line per
    event, and with `--json` a JSON object, whose `cursor` another `watch` or stream can continue from.

    For example:

        remembrancer watch
        remembrancer watch --json --after 0 | jq 'select(.kind == "execution_failed")'
    """
    from remembrancer.cli.views.watch import view_for

    with view_for(asked.graph, as_json=asked.as_json) as sight:
        try:
            await _follow(asked, sight)
        except asyncio.CancelledError:
            return  # Ctrl-C ends the command


async def _follow(asked: WatchOptions, sight: WatchView) -> None:
    """Poll for events, through the process that holds the graph at that time."""
    from remembrancer.cli.connect import connect, folder_of
    from remembrancer.cli.task_ids import task_id_of

    folder = folder_of(asked.graph)
    after = asked.after
    while True:
        before = _touched(folder) if folder is not None else 0  # before the read, so that a later write is noticed
        try:
            async with connect(asked.graph, reading=True) as reached:
                if asked.task is not None:
                    asked = replace(asked, task=await task_id_of(reached, asked.task))
                lasting = reached.running or folder is None
                sight.reached = True
                after = await _show_new(asked, reached, sight, after)
                while lasting:
                    after = await _show_new(asked, reached, sight, after, wait_seconds=_WAIT_SECONDS)
        except GraphUnavailable as error:
            if not sight.reached:
                raise
            sight.lost(error)
            await asyncio.sleep(_WAIT_SECONDS)
        while folder is not None and _touched(folder) == before:
            await asyncio.sleep(_POLL_SECONDS)
            sight.refresh()


async def _show_new(
    asked: WatchOptions, reached: Connection, sight: WatchView, after: str | None, *, wait_seconds: float = 0.0
) -> str:
    """Show new events; return the next cursor."""
    page = await reached.scheduler.read_events(after, task_id=asked.task, wait_seconds=wait_seconds)
    await sight.show(reached, page.events)
    return page.cursor


def _touched(folder: Path) -> int:
    """Return when the folder was last written, or a scheduler last started or stopped serving it.

    Opening and reading a graph does not touch these files, so this command does not notice itself.
    """
    latest = 0
    for path in (*folder.rglob("*.bucket"), folder / "serve.json"):
        with suppress(OSError):  # deleted since it was listed, or missing
            latest = max(latest, path.stat().st_mtime_ns)
    return latest


_WAIT_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.5
