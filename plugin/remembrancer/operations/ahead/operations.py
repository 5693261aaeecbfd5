"""The entries of the table of operations that look ahead, with their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictInt

from remembrancer.model.schedule import ScheduleArgument  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.operations.ahead.agenda import MOST_ENTRIES, Agenda
from remembrancer.operations.ahead.next_fires import MOST_PREVIEWED, PREVIEWED
from remembrancer.operations.ahead.preview import SchedulePreview
from remembrancer.operations.operation import Http, Operation, Params

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

_TIME: Final = "ISO-8601, or from now, such as `in 2h`"


class PreviewSchedule(Params):
    """The schedule to preview, the time that it is seen from, and the number of fires."""

    schedule: Annotated[ScheduleArgument, Field(description="A schedule of any kind: an object with its `kind`.")]
    after: Annotated[str | None, Field(description=f"Only fires after this time ({_TIME}); without it, after now.")] = (
        None
    )
    count: Annotated[StrictInt, Field(ge=1, le=MOST_PREVIEWED, description="The number of fires.")] = PREVIEWED


class AgendaOf(Params):
    """The range of time, the reader's zone, and the page."""

    start: Annotated[str | None, Field(description=f"The first time ({_TIME}); without it, now.")] = None
    end: Annotated[str | None, Field(description=f"The last time ({_TIME}); without it, a week later.")] = None
    timezone: Annotated[str, Field(description="The IANA zone of the reader; times without an offset are in it.")] = (
        "UTC"
    )
    limit: Annotated[StrictInt, Field(ge=1, le=MOST_ENTRIES, description="The most entries to return.")] = 100
    cursor: Annotated[str | None, Field(max_length=400, description="The `next_cursor` of the page before.")] = None


AHEAD: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="preview_schedule",
        summary="Show what a schedule of any kind means: its words, its next fires, and what to be careful about.",
        params=PreviewSchedule,
        result=SchedulePreview,
        http=(Http(verb="POST", path="/scheduler/preview"),),
    ),
    Operation(
        name="agenda",
        summary="Return every fire of every open task from `start` to `end`, by time; `next_cursor` leads on.",
        params=AgendaOf,
        result=Agenda,
        http=(Http(verb="GET", path="/scheduler/agenda"),),
    ),
)
"""Operations that read what is to come."""
