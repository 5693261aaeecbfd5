"""The answers to changes of single occurrences, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.cli.grid import Grid
from remembrancer.cli.output import print_table, screen
from remembrancer.model.timestamps import to_iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.task import Backfill, FireChange


def print_fires(reply: FireChange) -> None:
    """Print the fires of a task before a change of its occurrences, and those that are skipped or added."""
    _print_times("fires before", reply.fires_before)
    _print_times("added", reply.added)
    _print_times("skipped", reply.skipped)


def print_backfill(reply: Backfill) -> None:
    """Print each occurrence of a backfill, and what becomes of it."""
    table = Grid(("nominal time", "completed", "starts"))
    for each in reply.occurrences:
        table.add(to_iso(each.nominal_at), "yes" if each.completed else "no", "yes" if each.starts else "no")
    print_table(table, otherwise="The schedule has no occurrence in this range whose time has passed.")
    told = "would start. Nothing is written." if reply.dry_run else "start, one after the other."
    screen().print(f"{reply.starts} of {len(reply.occurrences)} {told}", markup=False, highlight=False)


def _print_times(what: str, times: Sequence[datetime]) -> None:
    if times:
        screen().print(f"  {what}: {', '.join(map(to_iso, times))}", markup=False, highlight=False)
