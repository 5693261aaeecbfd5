"""`remembrancer show`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from typer import Option

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.options import MOST, TaskId

if TYPE_CHECKING:
    from remembrancer.model.blocked import TaskDependencies
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask


@dataclass(frozen=True, kw_only=True)
class ShowOptions(ReadOptions):
    """The options of `show`."""

    task_id: TaskId
    limit: Annotated[int, Option(min=1, max=MOST, help="The most executions to show.")] = 10


async def show(asked: ShowOptions) -> None:
    """Show one task: what it is, its deferrals, and its latest executions.

    For example:

        remembrancer show task_1723644600.123_9f3k2a
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.cli.views.tasks import newest_first
    from remembrancer.surfaces.jsonable import to_jsonable

    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        task = await reached.scheduler.get_task(await task_id_of(reached, asked.task_id))
        executions = newest_first(await reached.scheduler.history(task.task_id, asked.limit))
        related = await reached.scheduler.task_dependencies(task.task_id)
    if asked.as_json:
        print_json(
            {**cast("dict[str, object]", to_jsonable(task)), "executions": executions, "dependents": related.dependents}
        )
    else:
        _print_task(task, executions, related)


def _print_task(task: ScheduledTask, executions: list[Execution], related: TaskDependencies) -> None:
    from remembrancer.cli.output import print_table, row_table, screen
    from remembrancer.cli.views.dependencies import related_table
    from remembrancer.cli.views.tasks import execution_table, fact_table

    print_table(fact_table(task))
    for title, tasks in (("Depends on", related.depends_on), ("Tasks that depend on it", related.dependents)):
        if tasks:
            screen().print(f"\n[bold]{title}[/]")
            print_table(related_table(tasks))
    if task.deferral_history:
        screen().print("\n[bold]Deferrals[/]")
        columns = ("deferred_at", "deferred_until", "reason")
        print_table(row_table([{key: each.get(key) for key in columns} for each in task.deferral_history]))
    screen().print("\n[bold]Executions[/]" if executions else "\nIt has not fired yet.")
    if executions:
        print_table(execution_table(executions, task.max_attempts))
