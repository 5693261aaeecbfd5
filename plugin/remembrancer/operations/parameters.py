"""The parameters of operations: one model for each, used by every surface."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast, get_type_hints

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, create_model

from remembrancer.model.constraints import read_context
from remembrancer.model.execution import ExecutionStatus  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.policy import Fold, Gap, Misfire, SecondsField
from remembrancer.model.reports import MOST_TASKS, Period
from remembrancer.model.request import DEFAULTS, UPDATABLE, ScheduleRequest
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.operations.ahead.next_fires import MOST_PREVIEWED, PREVIEWED
from remembrancer.operations.match_parameters import (  # noqa: TC001 (pydantic reads the annotations at run time)
    Group,
    Name,
    PartOfText,
    Tags,
)
from remembrancer.operations.operation import Params

_LONGEST_TEXT: Final = 256
_LONGEST_CURSOR: Final = 400
_CURSOR: Final = "The `next_cursor` of the page before."

AnyTask = Annotated[str | None, Field(description="The id of the task.")]
Reason = Annotated[str, Field(description="The reason, for people.")]
MaybeReason = Annotated[str | None, Field(description="The reason, for people.")]
OnMissed = Annotated[
    Misfire | None,
    Field(description="The treatment of what the pause held; without it, as the task's `misfire` says."),
]
Limit = Annotated[StrictInt, Field(description="The most elements to return.")]
Thought = Annotated[str | None, Field(description="The thought that asks for it.")]
OfType = Annotated[TaskType | None, Field(description="Only tasks of this type; without it, of both.")]
QueryParameters = Annotated[dict[str, object] | None, Field(description="The parameters of the query, by name.")]
Fence = Annotated[
    StrictInt | None,  # or `true` would be the fence 1
    Field(description="The fence of the task as it was read; another one refuses the call."),
]
Force = Annotated[StrictBool, Field(description="Run it even if a limit has no free slot.")]
Fires = Annotated[StrictInt, Field(ge=1, le=MOST_PREVIEWED, description="The number of next fires in the answer.")]
Since = Annotated[str | None, Field(max_length=100, description="Only from this time on.")]
ReadersZone = Annotated[str, Field(description="The IANA zone of a time that names no offset.")]


def _listed(value: object) -> object:
    """Return one word as a list of it."""
    return [value] if isinstance(value, str) else value


def _counted(value: object) -> object:
    """Return the number of fires that true and false mean."""
    word = str(value).lower()
    return PREVIEWED if word == "true" else 0 if word == "false" else value


ListedFires = Annotated[
    StrictInt,
    BeforeValidator(_counted),
    Field(ge=0, le=MOST_PREVIEWED, description="The number of next fires that each task has; true is five."),
]


class NoParams(Params):
    """No parameters."""


class ScheduleTask(Params):
    """The task to be scheduled."""

    request: ScheduleRequest
    fires: Fires = PREVIEWED

    def check(self) -> None:
        """Refuse a context that is not JSON. Raises InvalidInput."""
        read_context(self.request.context)


class ScheduleTasks(Params):
    """The tasks to be scheduled in one commit: all of them or none."""

    requests: list[ScheduleRequest]
    fires: Fires = PREVIEWED

    def check(self) -> None:
        """Refuse a context that is not JSON. Raises InvalidInput."""
        for request in self.requests:
            read_context(request.context)


class ScheduleDeferredTask(Params):
    """The agent's task that is to come back, the time, and the reason."""

    thought_id: Annotated[str, Field(description="The thought that asks for it.")]
    task_id: Annotated[str, Field(description="The id of a scheduled task, or of a task of the agent's own.")]
    defer_until: Annotated[str, Field(description="The time at which it comes back, ISO-8601 with a zone.")]
    reason: Reason
    context: Annotated[dict[str, object] | None, Field(description="A JSON object for the handler.")] = None

    def check(self) -> None:
        """Refuse a context that is not JSON. Raises InvalidInput."""
        read_context(self.context)


AnyContext = dict[str, Any] | None
"""A JSON object for the handler."""


class OneTask(Params):
    """The id of a task."""

    task_id: Annotated[str, Field(description="The id of the task.")]


class OneExecution(Params):
    """The id of an execution."""

    execution_id: Annotated[str, Field(description="The id of the execution.")]


class CancelTask(OneTask):
    """The task to cancel, and the reason."""

    reason: MaybeReason = None
    fence: Fence = None


class DeferTask(OneTask):
    """The task to defer, the time of its next run, and the reason."""

    until: Annotated[str, Field(description="The time of its next run, ISO-8601 with a zone.")]
    reason: Reason
    thought_id: Thought = None
    fence: Fence = None


class PauseTask(OneTask):
    """The task to pause, the end of the pause if it has one, and the reason."""

    until: Annotated[str | None, Field(description="The end of the pause; without it, until it is resumed.")] = None
    reason: MaybeReason = None
    fence: Fence = None


class ResumeTask(OneTask):
    """The task to resume, what becomes of the occurrences that it missed, and the reason."""

    on_missed: OnMissed = None
    reason: MaybeReason = None
    fence: Fence = None


class UpdateTask(OneTask):
    """The task to update, the fields to change, and the reason."""

    reason: MaybeReason = None
    fence: Fence = None
    fires: Fires = PREVIEWED

    def check(self) -> None:
        """Refuse a context that is not JSON. Raises InvalidInput."""
        if "context" in self.model_fields_set:
            read_context(cast("dict[str, object] | None", getattr(self, "context", None)))


def _with_fields(base: type[UpdateTask]) -> type[UpdateTask]:
    """Return *base* with each field that an update may change; one that is not given stays as it is."""
    hints = get_type_hints(ScheduleRequest, include_extras=True)
    places: dict[str, Any] = {name: (hints[name], DEFAULTS.get(name)) for name in UPDATABLE}
    return create_model("UpdateTask", __base__=base, __doc__=base.__doc__, **places)


UPDATE_TASK: Final = _with_fields(UpdateTask)


class FindTasks(Params):
    """The statuses and the type of the tasks, the most to return, and what they match."""

    statuses: frozenset[TaskStatus] = frozenset()
    recurring: StrictBool | None = None
    limit: Limit = 1000
    name: Name = None
    tags: Tags = ()
    group: Group = None
    text: PartOfText = None
    next_fires: ListedFires = 0
    waiting: Annotated[StrictBool, Field(description="Only those that wait for something.")] = False


class PageOfTasks(Params):
    """The tasks of a page, and the cursor of the page before."""

    statuses: Annotated[
        tuple[TaskStatus, ...], Field(description="Only tasks of this status; may be repeated. Without it, all.")
    ] = ()
    task_type: OfType = None
    limit: Limit = 100
    cursor: Annotated[str | None, Field(max_length=_LONGEST_CURSOR, description=_CURSOR)] = None
    next_fires: ListedFires = 0
    name: Name = None
    tags: Tags = ()
    group: Group = None
    text: PartOfText = None


class History(Params):
    """The task, or none for all, the execution before which the list goes on, the nominal times, and the statuses."""

    task_id: AnyTask = None
    limit: Limit = 100
    before: Annotated[str | None, Field(pattern=r"^exec_[\w.-]{1,200}$", description=_CURSOR)] = None
    since: Since = None
    until: Annotated[str | None, Field(description="Only with a nominal time before this one.")] = None
    status: Annotated[
        list[ExecutionStatus] | None,
        BeforeValidator(_listed),
        Field(description="Only with one of these statuses; without it, with any."),
    ] = None
    timezone: ReadersZone = "UTC"


class Summaries(Params):
    """The task, or none for all."""

    task_id: AnyTask = None
    limit: Limit = 100


class Timeline(OneTask):
    """The task."""

    limit: Limit = 100


class AuditEntries(Params):
    """The task, or none for all, the time to begin at, and the entry after which the list goes on."""

    task_id: AnyTask = None
    since: Since = None
    after: Annotated[str | None, Field(pattern=r"^(change|task)_[\w.-]{1,200}$", description=_CURSOR)] = None
    limit: Limit = 1000
    timezone: ReadersZone = "UTC"


class RunningExecutions(Params):
    """The length of the list."""

    limit: Limit = 100


class ReadEvents(Params):
    """The cursor to go on from, the events wanted, and the time to wait for one."""

    after: str | None = None
    kinds: frozenset[str] = frozenset()
    task_id: AnyTask = None
    limit: Limit = 1000
    wait_seconds: StrictFloat = 0.0


class RunQuery(Params):
    """The name of a query, its parameters, and the number of rows."""

    name: Annotated[str, Field(description="The name of the query.")]
    parameters: QueryParameters = None
    limit: Limit = 100

    def check(self) -> None:
        """Refuse parameters that are not JSON. Raises InvalidInput."""
        check_bounds(self.parameters, "parameters", {"limit": 10})


class Preview(Params):
    """A cron expression, its zone and its policies on clock changes."""

    expression: Annotated[str, Field(max_length=_LONGEST_TEXT, description="The cron expression.")]
    timezone: Annotated[str, Field(description="The IANA zone in which it is read.")] = "UTC"
    after: Annotated[str | None, Field(description="Only fires after this time; without it, after now.")] = None
    count: Annotated[StrictInt, Field(ge=1, le=MOST_PREVIEWED, description="The number of fires.")] = 5
    gap: Annotated[Gap, Field(description="The policy for a time of day that a clock change leaves out.")] = (
        Gap.RUN_AFTER
    )
    fold: Annotated[Fold, Field(description="The policy for a time of day that a clock change repeats.")] = Fold.FIRST
    seconds_field: Annotated[
        SecondsField | None, Field(description="The place of the seconds in an expression of six fields.")
    ] = None


class ReportedTasks(Params):
    """The tasks of the report."""

    status: Annotated[TaskStatus | None, Field(description="Only tasks of this status; without it, open ones.")] = None
    task_type: OfType = None
    limit: Annotated[StrictInt, Field(ge=1, le=MOST_TASKS, description="The most elements to return.")] = 100


class ReportedPeriod(Params):
    """The period and the type of tasks of the report."""

    period: Annotated[Period, Field(description="The length of the period that ends now.")] = Period.WEEK
    task_type: OfType = None
