"""`remembrancer check`: whether all that a graph holds can be read, and agrees with itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.step_bar import step_bar
from remembrancer.errors import GraphLocked
from remembrancer.model.words import count_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.ports.graph_check import CheckReport, CheckStep, RepairReport

WRONG: Final = 5
LOST: Final = 6
REPAIRED_WITH_LOSS: Final = 7


@dataclass(frozen=True, kw_only=True)
class CheckOptions(GraphOptions):
    """The options of `check`."""

    repair: Annotated[
        bool, Option("--repair", help="Make the best of what is left. Never on a folder that a scheduler holds.")
    ] = False


async def check(asked: CheckOptions) -> int:
    """Check a whole graph: the engine's files, every index, record, key and edge, and the books against the nodes.

    Without --repair nothing is changed. Where `serve` holds the folder, its files are copied as they are at one
    moment, and the copy is checked; so are the files of a backup.

    Exit code 0: the graph is sound. 5: what is derived from its records is wrong. 6: something is missing or cannot be
    read. After a repair they are about what is left; 7: it is sound again, and holds less than before it was damaged:
    the audit trail says what is lost (`remembrancer audit export`). For example:

        remembrancer check
        remembrancer check --repair
        remembrancer check --json -g ./backups/monday | jq -r '.findings[].saw'
    """
    from remembrancer.bootstrap.checks import check_graph
    from remembrancer.cli.connect import held_by, set_actor
    from remembrancer.cli.output import print_json

    set_actor("command line")
    with step_bar("check", as_json=asked.as_json) as watch:
        async with held_by(asked.graph) as live:
            if asked.repair:
                return await _repair(asked, watch, held=live is not None)
            report = await check_graph(asked.graph, snapshot=live.snapshot if live else None, watch=watch)
    if asked.as_json:
        print_json(report)
    else:
        _print(report)
    return code_of(report)


async def _repair(asked: CheckOptions, watch: Callable[[CheckStep], None], *, held: bool) -> int:
    from remembrancer.bootstrap.checks import repair_graph
    from remembrancer.cli.output import print_json

    if held:
        raise GraphLocked(
            f"A scheduler works on {asked.graph}, and it is repaired only while none does: stop it first."
        )
    told = await repair_graph(asked.graph, watch=watch)
    if asked.as_json:
        print_json(told)
    else:
        _print_repair(told)
    return REPAIRED_WITH_LOSS if told.after.is_sound and told.has_loss else code_of(told.after)


def _print_repair(told: RepairReport) -> None:
    from remembrancer.cli.output import screen

    say = partial(screen().print, markup=False, highlight=False)
    if told.before.is_sound:
        _print(told.before)
        return
    say("Before the repair:\n")
    _print(told.before)
    say(f"\nThe repair, in {count_of(told.rounds, 'round')}:\n")
    for line in told.done:
        say(f"  {line}")
    for label, count in told.lost.items():
        number = count_of(count, "record") if count else "an unknown number of records"
        say(f"  Lost: {number} labelled {label}.")
    say(f"  What was there before, or could not be read, is in {told.set_apart}.")
    say("\nAfter the repair:\n")
    _print(told.after)
    if not told.after.is_sound:
        say("What is left to be found cannot be repaired: restore a backup with `remembrancer restore`.")
    elif told.has_loss:
        say("It is sound, and holds less than before: `remembrancer audit export` tells; a backup may hold more.")


def code_of(report: CheckReport) -> int:
    """Return the exit code that tells what was found."""
    return LOST if report.has_loss else 0 if report.is_sound else WRONG


def _print(report: CheckReport) -> None:
    from remembrancer.cli.output import print_table, row_table, screen

    print_table(row_table([{"what": label, "read": count} for label, count in report.read.items() if count]))
    for found in report.findings:
        screen().print(
            f"\n[bold]{found.part}[/] [{'red' if found.loss else 'yellow'}]{'lost' if found.loss else 'wrong'}[/]"
        )
        screen().print(f"  {found.saw}", markup=False, highlight=False)
        for example in found.examples:
            screen().print(f"    {example}", markup=False, highlight=False)
    said = "is sound" if report.is_sound else f"is not sound: {count_of(len(report.findings), 'finding')}"
    screen().print(f"\n{report.graph} {said}.", markup=False, highlight=False)
