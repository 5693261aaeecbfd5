"""`remembrancer apply`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import InvalidInput
from remembrancer.model.task_set import SetAction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.cli.views.set_files import SetFile
    from remembrancer.model.task_set import AppliedSet, DeclaredTask
    from remembrancer.service.service import SchedulerService

_SIGNS: Final = {
    SetAction.CREATED: "+",
    SetAction.CHANGED: "~",
    SetAction.REPLACED: "~",
    SetAction.REMOVED: "-",
}


@dataclass(frozen=True, kw_only=True)
class ApplyOptions(GraphOptions):
    """The options of `apply`."""

    files: Annotated[
        list[Path] | None, Argument(metavar="FILE...", help="Files in YAML or TOML, or folders of them.")
    ] = None
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Show what would change, and write nothing.")] = False
    prune: Annotated[bool, Option("--prune", help="Cancel tasks of the set that the file has no more.")] = False
    yes: Annotated[bool, Option("--yes", "-y", help="Prune without asking.")] = False
    fires: Annotated[int, Option("--fires", min=1, max=1000, help="The number of fires to show.")] = 3
    schema: Annotated[bool, Option("--schema", help="Print the JSON schema of such a file.")] = False


async def apply(asked: ApplyOptions) -> int | None:
    """Make the tasks of a set those that a file declares. Applying it again changes nothing.

    All is checked before anything is written. For example:

        remembrancer apply tasks.yaml --dry-run
        remembrancer apply tasks.yaml --prune
        remembrancer apply --schema > tasks.schema.json
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.views.set_files import read_files

    if asked.schema:
        from remembrancer.operations.sets.file_schema import file_schema

        print_json(file_schema())
        return None
    if not asked.files:
        raise InvalidInput("files", None, "at least one file, or a folder of them", "remembrancer apply tasks.yaml")
    sets = read_files(asked.files)
    _check(sets)
    async with connect(asked.graph, make=not asked.dry_run) as reached:
        if asked.prune and not asked.dry_run and not asked.yes:
            await _ask(reached.scheduler, sets, asked)
        told = await _set_limits(reached.scheduler, sets, dry_run=asked.dry_run)
        told += await _set_circuits(reached.scheduler, sets, dry_run=asked.dry_run)
        applied = [await _apply(reached.scheduler, each, asked, dry_run=asked.dry_run) for each in sets]
    if asked.as_json:
        print_json(applied)
    else:
        _print(applied, told, serving=reached.fires)
    return None


async def _apply(scheduler: SchedulerService, declared: SetFile, asked: ApplyOptions, *, dry_run: bool) -> AppliedSet:
    """Apply one set; a refusal names the file and the line."""
    try:
        return await scheduler.apply_set(
            declared.name,
            declared.tasks,
            defaults=declared.defaults,
            prune=asked.prune,
            dry_run=dry_run,
            fires=asked.fires,
        )
    except InvalidInput as wrong:
        raise _placed(wrong, declared) from wrong


async def _set_limits(scheduler: SchedulerService, sets: Sequence[SetFile], *, dry_run: bool) -> list[str]:
    """Set those limits that are not as the files declare them; return them in words."""
    from remembrancer.model.limit import read_limits

    declared = [limit for each in sets for limit in read_limits(each.limits)]
    if not declared:
        return []
    known = {limit.key: limit for limit in await scheduler.list_limits()}
    told: list[str] = []
    for each in declared:
        if each.key in known and each.is_met_by(known[each.key]):
            continue
        rate, burst = (each.rate.text, each.rate.burst) if each.rate else (None, None)
        if not dry_run:
            await scheduler.set_limit(each.key, each.slots, rate, burst)
        told.append(f"limit {each.key}  slots={each.slots}" + (f"  rate={rate}  burst={burst}" if rate else ""))
    return told


async def _set_circuits(scheduler: SchedulerService, sets: Sequence[SetFile], *, dry_run: bool) -> list[str]:
    """Set those circuits that are not as the files declare them; return them in words."""
    from remembrancer.model.circuit import CIRCUIT, read_circuits

    declared = [circuit for each in sets for circuit in read_circuits(each.circuits)]
    if not declared:
        return []
    known = {limit.key: limit.circuit for limit in await scheduler.list_limits()}
    told: list[str] = []
    for each in declared:
        if (state := known.get(each.key)) is not None and each.is_met_by(state):
            continue
        if not dry_run:
            await scheduler.set_circuit(each.key.removeprefix(CIRCUIT), each.opens_after, each.open_seconds)
        told.append(f"{each.key}  opens_after={each.opens_after}  open_seconds={each.open_seconds:g}")
    return told


def _placed(fault: InvalidInput, declared: SetFile) -> InvalidInput:
    return InvalidInput(f"{declared.place_of(fault.field)} {fault.field}", fault.value, fault.allowed, fault.example)


def _check(sets: Sequence[SetFile]) -> None:
    """Print every wrong field of the files but the last one, and raise that. Raises InvalidInput."""
    from datetime import UTC, datetime

    from remembrancer.cli.output import errors
    from remembrancer.model.circuit import read_circuits
    from remembrancer.model.limit import read_limits
    from remembrancer.operations.sets.declarations import requests_of

    faults: list[InvalidInput] = []
    for declared in sets:
        _, wrong = requests_of(declared.name, declared.tasks, declared.defaults, datetime.now(UTC))
        faults += [_placed(each, declared) for each in wrong]
        for read, given in ((read_limits, declared.limits), (read_circuits, declared.circuits)):
            try:
                read(given)
            except InvalidInput as limit:
                faults.append(_placed(limit, declared))
    for fault in faults[:-1]:
        errors().print(f"{fault.field}={fault.quoted!r}: {fault.allowed}", markup=False, highlight=False)
    if faults:
        raise faults[-1]


async def _ask(scheduler: SchedulerService, sets: Sequence[SetFile], asked: ApplyOptions) -> None:
    """Ask on a terminal whether to cancel tasks; elsewhere `--yes` is needed. Raises InvalidInput."""
    planned = [await _apply(scheduler, each, asked, dry_run=True) for each in sets]
    gone = [f"{each.key} ({each.name})" for one in planned for each in one.tasks if each.action is SetAction.REMOVED]
    if not gone:
        return
    if not sys.stdin.isatty():
        allowed = f"--yes beside --prune where nothing can be asked; it would cancel {', '.join(gone)}"
        raise InvalidInput("--prune", "without --yes", allowed, "remembrancer apply tasks.yaml --prune --yes")
    if not typer.confirm(f"Cancel {', '.join(gone)}?", err=True):
        raise InvalidInput("--prune", "no", "yes, or no --prune: nothing was written", "remembrancer apply tasks.yaml")


def _print(applied: Sequence[AppliedSet], limits: Sequence[str], *, serving: bool) -> None:
    from remembrancer.cli.output import screen

    out = screen()
    for limit in limits:
        out.print(f"~ {limit}", markup=False, highlight=False)
    for one in applied:
        for task in one.tasks:
            _print_task(task)
        counts = [f"{one.count(action)} {action}" for action in SetAction if one.count(action)]
        would = " (dry run: nothing was written)" if one.dry_run else ""
        out.print(f"{one.name}: {', '.join(counts) or 'no tasks'}{would}", markup=False, highlight=False)
    if not serving:
        out.print("They fire while `remembrancer serve` runs on this graph.", highlight=False)


def _print_task(task: DeclaredTask) -> None:
    """Print one task: its fields and fires that change."""
    from remembrancer.cli.output import screen, when

    out = screen()
    ident = f"  {task.task_id}" if task.task_id else ""
    out.print(f"{_SIGNS.get(task.action, ' ')} {task.key}  {task.action}{ident}", markup=False, highlight=False)
    for name, change in task.changed.items():
        out.print(f"    {name}: {change.before} → {change.after}", markup=False, highlight=False)
    if task.description:
        out.print(f"    {task.description}", markup=False, highlight=False)
    if task.fires_before != task.fires_after:
        for sign, fires in (("-", task.fires_before), ("+", task.fires_after)):
            for fire in fires:
                out.print(f"    {sign} {when(fire)}", markup=False, highlight=False)
    for warning in task.warnings:
        out.print(f"    warning: {warning}", markup=False, highlight=False)
