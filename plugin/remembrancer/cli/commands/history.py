"""`remembrancer history`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from typer import Argument, Option

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.options import MOST, ReadersZone
from remembrancer.model.execution import ExecutionStatus  # noqa: TC001 (typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.audit import AuditEntry
    from remembrancer.model.execution import Execution
    from remembrancer.model.summary import ExecutionSummary


@dataclass(frozen=True, kw_only=True)
class HistoryOptions(ReadOptions):
    """The options of `history`."""

    task_id: Annotated[str | None, Argument(metavar="TASK_ID", help="The task; without it, all tasks.")] = None
    since: Annotated[
        str | None, Option(metavar="TIME", help="Only executions with a nominal time from this one on.")
    ] = None
    until: Annotated[
        str | None, Option(metavar="TIME", help="Only executions with a nominal time before this one.")
    ] = None
    status: Annotated[
        list[ExecutionStatus] | None, Option(help="Only executions with this status; may be given again.")
    ] = None
    timezone: ReadersZone = "UTC"
    limit: Annotated[int, Option(min=1, max=MOST, help="The most lines to show.")] = 100


async def history(asked: HistoryOptions) -> None:
    """Show the executions, newest first; of one task, its changes too, unless --since, --until or --status is given.

    For example:

        remembrancer history --limit 20
        remembrancer history --status failed --status missed
        remembrancer history --since 2026-08-01T00:00 --until 2026-09-01T00:00 --zone Europe/Berlin
        remembrancer history task_1723644600.123_9f3k2a --json
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, tell_more
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.cli.views.tasks import newest_first

    since, until, status = asked.since, asked.until, asked.status or None
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        told: Sequence[Execution | AuditEntry]
        task_id = None if asked.task_id is None else await task_id_of(reached, asked.task_id)
        if task_id is not None:
            await reached.scheduler.get_task(task_id)
        if task_id is not None and since is None and until is None and status is None:
            told = await reached.scheduler.timeline(task_id, asked.limit + 1)
        else:
            found = await reached.scheduler.history(
                task_id, asked.limit + 1, since=since, until=until, status=status, timezone=asked.timezone
            )
            told = [*newest_first(found[: asked.limit]), *found[asked.limit :]]
        summaries = await reached.scheduler.summaries(task_id, _SUMMARIES)
    if asked.as_json:
        print_json(told[: asked.limit])
    else:
        _print_history(told[: asked.limit], summaries)
    if len(told) > asked.limit:
        tell_more("lines of history", asked.limit, as_json=asked.as_json)


def _print_history(told: Sequence[Execution | AuditEntry], summaries: Sequence[ExecutionSummary]) -> None:
    from remembrancer.cli.output import print_table, screen
    from remembrancer.cli.views.tasks import execution_table

    print_table(execution_table(told), otherwise="" if summaries else "Nothing has fired yet.")
    if summaries:
        older = sum(summary.executions for summary in summaries)
        until = max(summary.day for summary in summaries)
        screen().print(
            f"{older:,} older executions, up to {until}, are rolled up into {len(summaries):,} summaries.",
            highlight=False,
        )


_SUMMARIES: Final = 10_000
