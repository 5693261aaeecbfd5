"""Options that select one task by its id, or many by what they match, and the answer to an edit of many."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.bulk_edit import BulkResult, BulkTask, TaskSelection

PANEL: Final = "Many tasks at once"
ByName = Annotated[str | None, Option("--named", metavar="NAME", help="Tasks of this name.", rich_help_panel=PANEL)]
ByTag = Annotated[
    list[str] | None,
    Option("--tag", metavar="WORD", help="Tasks with this tag; given again, with all of them.", rich_help_panel=PANEL),
]
ByGroup = Annotated[str | None, Option("--group", metavar="WORD", help="Tasks of this group.", rich_help_panel=PANEL)]
ByText = Annotated[
    str | None, Option("--text", help="Tasks with this in their name, goal or prompt.", rich_help_panel=PANEL)
]
SHOWN: Final = 20
"""Tasks that an answer for people shows of each outcome."""


class OpenStatus(StrEnum):
    """The statuses of tasks that may be edited."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"


@dataclass(frozen=True, kw_only=True)
class SelectingOptions(GraphOptions):
    """Options that select one task or many."""

    task_id: Annotated[str | None, Argument(metavar="TASK_ID", help="As `list` shows it, or its beginning.")] = None
    by_name: ByName = None
    by_tag: ByTag = None
    by_group: ByGroup = None
    by_text: ByText = None
    by_status: Annotated[
        list[OpenStatus] | None,
        Option("--status", help="Tasks of this status; may be given again.", rich_help_panel=PANEL),
    ] = None
    all_tasks: Annotated[bool, Option("--all", help="All open tasks.", rich_help_panel=PANEL)] = False
    dry_run: Annotated[
        bool, Option("--dry-run", help="Show what would change, and write nothing.", rich_help_panel=PANEL)
    ] = False


def selected(asked: SelectingOptions) -> TaskSelection | None:
    """Return the tasks that options select; None for the one task of an id. Raises InvalidInput."""
    given = {
        "name": asked.by_name,
        "tags": asked.by_tag,
        "group": asked.by_group,
        "text": asked.by_text,
        "statuses": asked.by_status,
        "all": asked.all_tasks or None,
    }
    which = {name: value for name, value in given.items() if value}
    if asked.task_id is None:
        if which:
            return cast("TaskSelection", which)
        allowed = "the id of a task, or --tag, --group, --named, --text, --status or --all"
        raise InvalidInput("TASK_ID", None, allowed, "--tag errand")
    if which or asked.dry_run:
        option = next((_OPTIONS[name] for name in which), "--dry-run")
        raise InvalidInput(option, which.get("tags", asked.task_id), "without the id of a task", f"{option} errand")
    return None


def on_terminal() -> bool:
    """Return True if a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_bulk(result: BulkResult, *, as_json: bool) -> int:
    """Print the answer to an edit of many tasks; return the exit code: 1 if any was refused or failed."""
    from remembrancer.cli.output import print_json, print_table, row_table, screen

    if as_json:
        print_json(result)
    else:
        rows = [_row(each) for each in _shown(result)]
        print_table(row_table(rows))
        if (left := len(result.tasks) - len(rows)) > 0:
            screen().print(f"… and {left:,} more; --json has all of them", markup=False, highlight=False)
        screen().print(in_words(result), markup=False, highlight=False)
        for warning in result.warnings:
            screen().print(f"warning: {warning}", markup=False, highlight=False)
    failed = {"refused", "failed"} & {each.value for each in result.counts}
    return FAILED if failed else 0


def in_words(result: BulkResult) -> str:
    """Return how many tasks had each outcome."""
    if not result.tasks:
        return "No task matches."
    words = {"changed": "would be" if result.dry_run else "", **_WORDS}
    acts = _ACTS[result.action]
    told = {name: f"{words[name]} {acts}".strip() if name == "changed" else words[name] for name in words}
    return ", ".join(f"{count:,} {told[outcome.value]}" for outcome, count in result.counts.items())


def _shown(result: BulkResult) -> list[BulkTask]:
    """Return some tasks of each outcome."""
    left = dict.fromkeys(result.counts, SHOWN)
    shown: list[BulkTask] = []
    for each in result.tasks:
        left[each.outcome] -= 1
        if left[each.outcome] >= 0:
            shown.append(each)
    return shown


def _row(each: BulkTask) -> dict[str, object]:
    from remembrancer.cli.views.tasks import change_words
    from remembrancer.model.timestamps import to_iso

    before, after = ([to_iso(fire) for fire in fires[:1]] for fires in (each.fires_before, each.fires_after))
    said = each.error or "; ".join(change_words(name, was) for name, was in each.changed.items())
    return {
        "task": each.task_id,
        "name": each.name,
        "outcome": each.outcome.value,
        "next run before": "".join(before),
        "next run after": "".join(after),
        "": said,
    }


_OPTIONS: Final[Mapping[str, str]] = {
    "name": "--named",
    "tags": "--tag",
    "group": "--group",
    "text": "--text",
    "statuses": "--status",
    "all": "--all",
}
_ACTS: Final = {"pause": "paused", "resume": "resumed", "update": "updated", "cancel": "cancelled"}
_WORDS: Final = {
    "unchanged": "as asked for already",
    "gone": "ended or changed meanwhile",
    "refused": "refused",
    "failed": "failed",
}
