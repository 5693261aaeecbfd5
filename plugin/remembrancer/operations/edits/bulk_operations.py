"""The entries of the table of operations that edit many tasks at once, and their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol, Unpack, cast, get_type_hints

from pydantic import Field, StrictBool, create_model

from remembrancer.model.bulk_edit import BulkResult, TaskSelection
from remembrancer.model.constraints import read_context
from remembrancer.model.policy import Misfire  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.request import DEFAULTS, UPDATABLE, ScheduleRequest, TaskChanges
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.token import Scope
from remembrancer.operations.match_parameters import (  # noqa: TC001 (pydantic reads the annotations at run time)
    Group,
    Name,
    PartOfText,
    Tags,
)
from remembrancer.operations.operation import Effect, Http, Operation, Params
from remembrancer.operations.parameters import OnMissed  # noqa: TC001 (pydantic reads the annotations at run time)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.operations.operation import AnyOperation

Reason = Annotated[str | None, Field(description="The reason, for people.")]
Open = Literal[TaskStatus.PENDING, TaskStatus.ACTIVE]


class SelectedTasks(Params):
    """The open tasks to edit, those that match all that is given or all tasks, and whether to write nothing."""

    name: Name = None
    tags: Tags = ()
    group: Group = None
    text: PartOfText = None
    statuses: Annotated[tuple[Open, ...], Field(description="Only tasks of these statuses; without it, both.")] = ()
    all: Annotated[StrictBool, Field(description="All open tasks; needed if nothing else selects some.")] = False
    dry_run: Annotated[StrictBool, Field(description="Write nothing; the answer has what would be changed.")] = False

    @property
    def selection(self) -> TaskSelection:
        """The arguments that select tasks, as far as they were given."""
        given = {name: getattr(self, name) for name in TaskSelection.__annotations__ if name in self.model_fields_set}
        return cast("TaskSelection", given)


class _Pause(Params):
    until: Annotated[str | None, Field(description="The end of the pause, ISO-8601 with a zone.")] = None
    reason: Reason = None


class PauseTasks(SelectedTasks, _Pause):
    """The end of a pause if it has one, the reason, and the open tasks to pause."""


class _Resumption(Params):
    on_missed: OnMissed = None
    reason: Reason = None


class ResumeTasks(SelectedTasks, _Resumption):
    """The fate of what paused tasks missed, the reason, and the tasks to resume."""


class Changes(Params):
    """The fields of a task to change."""

    def check(self) -> None:
        """Refuse a context that is not JSON. Raises InvalidInput."""
        if "context" in self.model_fields_set:
            read_context(cast("dict[str, object] | None", getattr(self, "context", None)))

    @property
    def fields(self) -> TaskChanges:
        """The fields that were given."""
        return cast("TaskChanges", {name: getattr(self, name) for name in _CHANGED if name in self.model_fields_set})


_CHANGED: Final = tuple(name for name in UPDATABLE if name != "dedup_key")
"""The fields that many tasks may have in common."""


def _with_fields(base: type[Changes]) -> type[Changes]:
    """Return *base* with each field that many tasks may have in common; one that is not given stays as it is."""
    hints = get_type_hints(ScheduleRequest, include_extras=True)
    make = cast("Callable[..., type[Changes]]", create_model)
    places = {name: (hints[name], DEFAULTS.get(name)) for name in _CHANGED}
    return make("Changes", __base__=base, __doc__=base.__doc__, **places)


CHANGES: Final = _with_fields(Changes)


_CHANGING: Final = create_model("_Changing", __base__=Params, changes=(CHANGES, ...))


class _Update(_CHANGING):
    reason: Reason = None

    def check(self) -> None:
        """Refuse a context that is not JSON. Raises InvalidInput."""
        self.fields.check()

    @property
    def fields(self) -> Changes:
        """The fields to change."""
        return cast("Changes", getattr(self, "changes"))  # noqa: B009 (made above, of the fields of a request)


class UpdateTasks(SelectedTasks, _Update):
    """The fields to change, the reason, and the open tasks to update."""


class _Cancellation(Params):
    reason: Reason = None


class CancelTasks(SelectedTasks, _Cancellation):
    """The reason, and the open tasks to cancel."""


class _Service(Protocol):
    """The service's methods that edit many tasks."""

    def pause_tasks(
        self, until: str | None, reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]
    ) -> Awaitable[BulkResult]:
        """Pause tasks."""
        ...

    def resume_tasks(
        self, on_missed: Misfire | None, reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]
    ) -> Awaitable[BulkResult]:
        """Resume tasks."""
        ...

    def update_tasks(
        self, changes: TaskChanges, reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]
    ) -> Awaitable[BulkResult]:
        """Update tasks."""
        ...

    def cancel_tasks(
        self, reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]
    ) -> Awaitable[BulkResult]:
        """Cancel tasks."""
        ...


async def _pause(service: object, params: PauseTasks) -> BulkResult:
    tasks = cast("_Service", service)
    return await tasks.pause_tasks(params.until, params.reason, dry_run=params.dry_run, **params.selection)


async def _resume(service: object, params: ResumeTasks) -> BulkResult:
    tasks = cast("_Service", service)
    return await tasks.resume_tasks(params.on_missed, params.reason, dry_run=params.dry_run, **params.selection)


async def _update(service: object, params: UpdateTasks) -> BulkResult:
    tasks = cast("_Service", service)
    return await tasks.update_tasks(params.fields.fields, params.reason, dry_run=params.dry_run, **params.selection)


async def _cancel(service: object, params: CancelTasks) -> BulkResult:
    return await cast("_Service", service).cancel_tasks(params.reason, dry_run=params.dry_run, **params.selection)


BULK_EDITS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="pause_tasks",
        summary="Pause the open tasks that match until `until`, or until they are resumed.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=PauseTasks,
        result=BulkResult,
        http=(Http(verb="POST", path="/scheduler/tasks/pause"),),
        call=_pause,
    ),
    Operation(
        name="resume_tasks",
        summary="End the pauses of the tasks that match; `on_missed` says what becomes of what they missed.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=ResumeTasks,
        result=BulkResult,
        http=(Http(verb="POST", path="/scheduler/tasks/resume"),),
        call=_resume,
    ),
    Operation(
        name="update_tasks",
        summary="Change fields of the open tasks that match, each as `update_task` changes one.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=UpdateTasks,
        result=BulkResult,
        http=(Http(verb="POST", path="/scheduler/tasks/update"),),
        call=_update,
    ),
    Operation(
        name="cancel_tasks",
        summary="Cancel the open tasks that match, and ask their running executions to stop; their records are kept.",
        scope=Scope.WRITE,
        effect=Effect.DESTROYS,
        params=CancelTasks,
        result=BulkResult,
        http=(Http(verb="POST", path="/scheduler/tasks/cancel"),),
        call=_cancel,
    ),
)
"""Edits of many tasks: batch by batch, each task conditional on its fence."""
