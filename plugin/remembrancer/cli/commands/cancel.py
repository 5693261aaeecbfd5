"""`remembrancer cancel`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option, confirm

from remembrancer.cli.exit_codes import FAILED
from remembrancer.cli.selection import PANEL, SelectingOptions, on_terminal, print_bulk, selected

if TYPE_CHECKING:
    from remembrancer.model.bulk_edit import TaskSelection
    from remembrancer.service.service import SchedulerService


@dataclass(frozen=True, kw_only=True)
class CancelOptions(SelectingOptions):
    """The options of `cancel`."""

    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None
    yes: Annotated[
        bool, Option("--yes", "-y", help="Do not ask whether to cancel many tasks.", rich_help_panel=PANEL)
    ] = False


async def cancel(asked: CancelOptions) -> int:
    """Cancel a task, or all that match; their records are kept. Exit code 1: the task had ended before.

    For example:

        remembrancer cancel task_1723644600.123_9f3k2a --reason "The meeting is off."
        remembrancer cancel --group garden --dry-run
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen
    from remembrancer.cli.task_ids import task_id_of

    which = selected(asked)
    async with connect(asked.graph) as reached:
        if which is not None:
            return await _cancel_many(reached.scheduler, asked, which)
        task = await reached.scheduler.get_task(await task_id_of(reached, asked.task_id or ""))
        done = await reached.scheduler.cancel(task.task_id, asked.reason)
    if asked.as_json:
        print_json(
            {"task_id": task.task_id, "cancelled": done.ended, "stopping": done.stopping, "warnings": done.warnings}
        )
    else:
        said = "is cancelled" if done.ended else f"was {task.status} already"
        screen().print(f"{task.task_id} {said}: {task.name}", markup=False, highlight=False)
        if done.stopping:
            asked_to_stop = f"Executions under way that were asked to stop: {len(done.stopping)}."
            screen().print(asked_to_stop, markup=False, highlight=False)
        for warning in done.warnings:
            screen().print(f"  warning: {warning}", markup=False, highlight=False)
    return 0 if done.ended else FAILED


async def _cancel_many(scheduler: SchedulerService, asked: CancelOptions, which: TaskSelection) -> int:
    """Cancel the tasks of a selection; on a terminal, show them and ask before."""
    if not asked.dry_run and not asked.yes and on_terminal():
        planned = await scheduler.cancel_tasks(asked.reason, dry_run=True, **which)
        print_bulk(planned, as_json=False)
        if not planned.tasks or not confirm(f"Cancel {len(planned.tasks):,} tasks?", err=True):
            return FAILED
    result = await scheduler.cancel_tasks(asked.reason, dry_run=asked.dry_run, **which)
    return print_bulk(result, as_json=asked.as_json)
