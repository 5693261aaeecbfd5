"""`remembrancer check`: readability and consistency of a whole graph, and its repair."""

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
        bool, Option("--repair", help="Repair what can be repaired. Refused while a scheduler holds the folder.")
    ] = False


async def check(asked: CheckOptions) -> int:
    """Check a whole graph: the engine's files, every index, record, key and edge, and the counters.

    Without --repair nothing is changed. If `serve` holds the folder, a snapshot of its files is checked; so is a copy
    of a backup.

    Exit code 0: the graph is sound. 5: data derived from its records is wrong. 6: records are missing or unreadable.
    After a repair the code describes the repaired graph; 7: it is sound again, but has lost records, which the audit
    log lists (`remembrancer audit export`). For example:

        remembrancer check
        remembrancer check --repair
        remembrancer check --json -g ./backups/monday | jq -r '.findings[].saw'
    """
    from remembrancer.bootstrap.checks import check_graph
    from remembrancer.cli.connect import held_by, set_actor
    from remembrancer.cli.output import print_json

    set_actor("cli")
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
            f"A scheduler works on {asked.graph}, which can be repaired only while none does. Stop it first."
        )
    report = await repair_graph(asked.graph, watch=watch)
    if asked.as_json:
        print_json(report)
    else:
        _print_repair(report)
    return REPAIRED_WITH_LOSS if report.after.is_sound and report.has_loss else code_of(report.after)


def _print_repair(report: RepairReport) -> None:
    from remembrancer.cli.output import screen

    say = partial(screen().print, markup=False, highlight=False)
    if report.before.is_sound:
        _print(report.before)
        return
    say("Before the repair:\n")
    _print(report.before)
    say(f"\nThe repair, in {count_of(report.rounds, 'round')}:\n")
    for line in report.done:
        say(f"  {line}")
    for label, count in report.lost.items():
        number = count_of(count, "record") if count else "an unknown number of records"
        say(f"  Lost: {number} labelled {label}.")
    say(f"  The original files and unreadable records are in {report.set_apart}.")
    say("\nAfter the repair:\n")
    _print(report.after)
    if not report.after.is_sound:
        say("The remaining findings cannot be repaired: restore a backup with `remembrancer restore`.")
    elif report.has_loss:
        say("It is sound, but has lost records: `remembrancer audit export` lists them; a backup may have them.")


def code_of(report: CheckReport) -> int:
    """Return the exit code of a report."""
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
