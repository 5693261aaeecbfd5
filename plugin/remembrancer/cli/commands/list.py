"""`remembrancer list`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.options import MOST
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus


@dataclass(frozen=True, kw_only=True)
class ListOptions(ReadOptions):
    """The options of `list`."""

    ended: Annotated[bool, Option("--all", "-a", help="Ended tasks too.")] = False
    status: Annotated[list[TaskStatus] | None, Option(help="Only tasks of this status; may be given again.")] = None
    recurring: Annotated[
        bool | None, Option("--recurring/--one-time", help="Only recurring tasks, or only one-time ones.")
    ] = None
    name: Annotated[str | None, Option("--named", metavar="NAME", help="Only tasks of this name.")] = None
    tags: Annotated[
        list[str] | None, Option("--tag", metavar="WORD", help="Only tasks with this tag; given again, with all.")
    ] = None
    group: Annotated[str | None, Option(metavar="WORD", help="Only tasks of this group.")] = None
    text: Annotated[str | None, Option(help="Only tasks with this in their name, goal or prompt.")] = None
    waiting: Annotated[
        bool, Option("--waiting", help="Only tasks that wait, for a slot, a task, a budget or a worker, and for what.")
    ] = False
    limit: Annotated[int, Option(min=1, max=MOST, help="The most tasks to list.")] = 1000
    next_fires: Annotated[
        int | None, Option(metavar="N", min=1, max=1000, help="With up to N next fires of each task.")
    ] = None


async def list_tasks(asked: ListOptions) -> None:
    """List tasks, the next to run first: those still to come, or all. `show` adds the deferral history of one.

    For example:

        remembrancer list
        remembrancer list --all --one-time
        remembrancer list --tag work --text report --next-fires 3
        remembrancer list --waiting
        remembrancer list --json | jq -r '.[].task_id'
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, tell_more
    from remembrancer.cli.views.tasks import task_table

    statuses = frozenset(asked.status or (() if asked.ended else OPEN_STATUSES))
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        found = await reached.scheduler.find_tasks(
            statuses=statuses,
            recurring=asked.recurring,
            limit=asked.limit + 1,
            name=asked.name,
            tags=asked.tags or (),
            group=asked.group,
            text=asked.text,
            next_fires=asked.next_fires or False,
            waiting=asked.waiting,
        )
    tasks = found[: asked.limit]
    if asked.as_json:
        print_json([{name: value for name, value in each if name != "deferral_history"} for each in tasks])
    else:
        print_table(task_table(tasks), otherwise=_none(asked))
    if len(found) > asked.limit:
        tell_more("tasks", asked.limit, as_json=asked.as_json)


def _none(asked: ListOptions) -> str:
    return "No tasks wait." if asked.waiting else "No tasks." if asked.ended else "No tasks to come."
