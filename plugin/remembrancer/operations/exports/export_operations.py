"""The entries of the table of operations that export tasks to other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictBool

from remembrancer.operations.operation import Http, Operation, Params
from remembrancer.operations.parameters import ReadersZone  # noqa: TC001 (pydantic reads the annotations at run time)

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation


class ExportCalendar(Params):
    """The span of the calendar, and whether it holds what happened."""

    since: Annotated[str | None, Field(max_length=100, description="From this time on; now unless given.")] = None
    until: Annotated[str | None, Field(max_length=100, description="Up to this time; 30 days unless given.")] = None
    history: Annotated[StrictBool, Field(description="With the executions in the span, and their outcomes.")] = False
    timezone: ReadersZone = "UTC"


class ExportCrontab(Params):
    """The form of the crontab."""

    system: Annotated[StrictBool, Field(description="Lines name their user, as in /etc/cron.d.")] = False


EXPORTS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="export_calendar",
        summary="Return the fires ahead as a calendar (iCalendar), and what happened if it is asked for.",
        params=ExportCalendar,
        result=str,
        http=(Http(verb="GET", path="/scheduler/calendar.ics", media="text/calendar"),),
    ),
    Operation(
        name="export_crontab",
        summary="Return the recurring tasks as a crontab, and each other task as a comment with the reason.",
        params=ExportCrontab,
        result=str,
    ),
)
"""Exports, which only read."""
