"""`remembrancer list`, `show`, `history` and `cypher`: they change nothing, and fire nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Argument, Option

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)
from remembrancer.errors import InvalidInput
from remembrancer.model.json_bounds import DEPTH, JsonTooDeep, RepeatedKey, read_json
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.audit import AuditEntry
    from remembrancer.model.execution import Execution
    from remembrancer.model.summary import ExecutionSummary
    from remembrancer.model.task import ScheduledTask

_MOST: Final = 999_999


@dataclass(frozen=True, kw_only=True)
class ListOptions(ReadOptions):
    """The options of `list`."""

    ended: Annotated[bool, Option("--all", "-a", help="Also tasks that have come to their end.")] = False
    status: Annotated[list[TaskStatus] | None, Option(help="Only these; may be given again.")] = None
    recurring: Annotated[bool | None, Option("--recurring/--one-time", help="Only one of the two kinds.")] = None
    limit: Annotated[int, Option(min=1, max=_MOST, help="At most so many.")] = 1000


async def list_tasks(asked: ListOptions) -> None:
    """List tasks, the next to run first: those still to come, or all.

    For example:

        remembrancer list
        remembrancer list --all --one-time
        remembrancer list --json | jq -r '.[].task_id'
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, task_table, tell_more

    statuses = frozenset(asked.status or (() if asked.ended else OPEN_STATUSES))
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        found = await reached.scheduler.find_tasks(statuses=statuses, recurring=asked.recurring, limit=asked.limit + 1)
    tasks = found[: asked.limit]
    if asked.as_json:
        print_json(tasks)
    else:
        print_table(task_table(tasks), otherwise="No tasks." if asked.ended else "No tasks to come.")
    if len(found) > asked.limit:
        tell_more("tasks", asked.limit, as_json=asked.as_json)


@dataclass(frozen=True, kw_only=True)
class ShowOptions(ReadOptions):
    """The options of `show`."""

    task_id: TaskId
    limit: Annotated[int, Option(min=1, max=_MOST, help="At most so many executions.")] = 10


async def show(asked: ShowOptions) -> None:
    """Show one task: what it is, its deferrals, and its latest executions.

    For example:

        remembrancer show task_1723644600.123_9f3k2a
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.surfaces.jsonable import to_jsonable

    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        task = await reached.scheduler.get_task(asked.task_id)
        executions = await reached.scheduler.history(asked.task_id, asked.limit)
    if asked.as_json:
        print_json({**cast("dict[str, object]", to_jsonable(task)), "executions": executions})
    else:
        _print_task(task, executions)


def _print_task(task: ScheduledTask, executions: list[Execution]) -> None:
    from remembrancer.cli.output import (
        execution_table,
        fact_table,
        print_table,
        row_table,
        screen,
    )

    print_table(fact_table(task))
    if task.deferral_history:
        screen().print("\n[bold]Deferrals[/]")
        columns = ("deferred_at", "deferred_until", "reason")
        print_table(row_table([{key: each.get(key) for key in columns} for each in task.deferral_history]))
    screen().print("\n[bold]Executions[/]" if executions else "\nIt has not fired yet.")
    if executions:
        print_table(execution_table(executions))


@dataclass(frozen=True, kw_only=True)
class HistoryOptions(ReadOptions):
    """The options of `history`."""

    task_id: Annotated[str | None, Argument(metavar="[TASK_ID]", help="Of this task; else of all.")] = None
    limit: Annotated[int, Option(min=1, max=_MOST, help="At most so many.")] = 100


async def history(asked: HistoryOptions) -> None:
    """Show what became of each occurrence, the newest first; of one task, what was done to it as well.

    For example:

        remembrancer history --limit 20
        remembrancer history task_1723644600.123_9f3k2a --json
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, tell_more

    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        told: Sequence[Execution | AuditEntry]
        if asked.task_id is not None:
            await reached.scheduler.get_task(asked.task_id)
            told = await reached.scheduler.timeline(asked.task_id, asked.limit + 1)
        else:
            told = await reached.scheduler.history(None, asked.limit + 1)
        summaries = await reached.scheduler.summaries(asked.task_id, _SUMMARIES)
    if asked.as_json:
        print_json(told[: asked.limit])
    else:
        _print_history(told[: asked.limit], summaries)
    if len(told) > asked.limit:
        tell_more("lines of history", asked.limit, as_json=asked.as_json)


def _print_history(told: Sequence[Execution | AuditEntry], summaries: Sequence[ExecutionSummary]) -> None:
    from remembrancer.cli.output import execution_table, print_table, screen

    print_table(execution_table(told), otherwise="" if summaries else "Nothing has fired yet.")
    if summaries:
        older = sum(summary.executions for summary in summaries)
        until = max(summary.day for summary in summaries)
        screen().print(
            f"{older:,} older executions, up to {until}, are rolled up into {len(summaries):,} summaries.",
            highlight=False,
        )


@dataclass(frozen=True, kw_only=True)
class CypherOptions(ReadOptions):
    """The options of `cypher`."""

    query: Annotated[str, Argument(help="The query's text; - reads it from stdin.")]
    params: Annotated[
        list[str] | None,
        Option(
            "--param",
            "-P",
            metavar="NAME=VALUE",
            help="A parameter; VALUE is JSON, else text. May be given again.",
        ),
    ] = None


async def cypher(asked: CypherOptions) -> None:
    """Ask the graph a reading question in Cypher.

    With --json: a list of objects, one a row. For example:

        remembrancer cypher "MATCH (t:scheduled_task) RETURN t.name, t.status ORDER BY t.name"
        remembrancer cypher 'MATCH (e:task_execution {status: $s}) RETURN count(*) AS n' -P s=failed --json
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table

    query = sys.stdin.read() if asked.query == "-" else asked.query
    parameters = dict(_parameter(each) for each in asked.params or ())
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        rows = await reached.scheduler.cypher(query, parameters)
    if asked.as_json:
        print_json(rows)
    else:
        print_table(row_table(rows), otherwise="No rows.")


def _parameter(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InvalidInput("--param", text, "a name, an equals sign and a value", "status=failed")
    try:
        return name, read_json(value)
    except JsonTooDeep as deep:
        raise InvalidInput("--param", value, f"a value at most {DEPTH} levels deep", "status=failed") from deep
    except RepeatedKey as repeated:
        raise InvalidInput("--param", value, f"{RepeatedKey.allowed}; {repeated}", "status=failed") from repeated
    except ValueError:
        return name, value


_SUMMARIES: Final = 10_000
