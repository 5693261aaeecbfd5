"""`remembrancer watch`: what happens, as it happens."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
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
        Option(metavar="CURSOR", help="Go on after this event; 0 begins with the oldest that is kept."),
    ] = None
    task: Annotated[str | None, Option(metavar="TASK_ID", help="Only what happens to this task.")] = None


async def watch(asked: WatchOptions) -> None:
    """Show what is due, what runs and how far it is, and what just happened, until Ctrl-C.

    It works on a graph that is served, on one that many schedulers share, and on one that nobody holds; of that it
    lets go after each look, so that it is in nobody's way. Without a terminal it prints a line for each event, and
    with `--json` a JSON object, whose `cursor` another `watch` or stream goes on from.

    For example:

        remembrancer watch
        remembrancer watch --json --after 0 | jq 'select(.kind == "execution_failed")'
    """
    from remembrancer.cli.views.watch import view_for

    with view_for(asked.graph, as_json=asked.as_json) as sight:
        try:
            await _follow(asked, sight)
        except asyncio.CancelledError:
            return  # Ctrl-C is how it ends


async def _follow(asked: WatchOptions, sight: WatchView) -> None:
    """Look again and again, through whoever holds the graph at that time."""
    from remembrancer.cli.connect import connect, folder_of

    folder = folder_of(asked.graph)
    after = asked.after
    while True:
        before = _touched(folder) if folder is not None else 0  # before the look: what slips in after it is found
        try:
            async with connect(asked.graph, reading=True) as reached:
                lasting = reached.running or folder is None
                sight.reached = True
                after = await _look(asked, reached, sight, after)
                while lasting:
                    after = await _look(asked, reached, sight, after, wait_seconds=_WAIT_SECONDS)
        except GraphUnavailable as error:
            if not sight.reached:
                raise
            sight.lost(error)
            await asyncio.sleep(_WAIT_SECONDS)
        while folder is not None and _touched(folder) == before:
            await asyncio.sleep(_GLANCE_SECONDS)
            sight.refresh()


async def _look(
    asked: WatchOptions, reached: Connection, sight: WatchView, after: str | None, *, wait_seconds: float = 0.0
) -> str:
    """Show what is new; return where to go on."""
    page = await reached.scheduler.read_events(after, task_id=asked.task, wait_seconds=wait_seconds)
    await sight.show(reached, page.events)
    return page.cursor


def _touched(folder: Path) -> int:
    """Return when anything was last written in the folder, or a scheduler began or ceased to serve it.

    Opening a graph and reading it leaves these files as they are: what we do ourselves is not taken for news.
    """
    latest = 0
    for path in (*folder.rglob("*.bucket"), folder / "serve.json"):
        with suppress(OSError):  # gone between the list and the look, or not there
            latest = max(latest, path.stat().st_mtime_ns)
    return latest


_WAIT_SECONDS: Final = 1.0
_GLANCE_SECONDS: Final = 0.5
