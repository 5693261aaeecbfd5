"""The entries of the table of operations that edit open tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.task import ResumeResult, ScheduleResult, TaskUpdate
from remembrancer.model.token import Scope
from remembrancer.operations import parameters, service_calls
from remembrancer.operations.operation import Effect, Http, Operation

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

TASK: Final = "/scheduler/tasks/{task_id}"
"""The path of one task."""

EDITS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="update_task",
        summary="Change fields of a task; another schedule begins now, and a running execution keeps what it has.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=parameters.UPDATE_TASK,
        result=TaskUpdate,
        http=(Http(verb="POST", path=f"{TASK}/update"),),
        call=service_calls.update_task,
    ),
    Operation(
        name="pause_task",
        summary="Pause a task until `until`, or until it is resumed: nothing of it fires meanwhile.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=parameters.PauseTask,
        result=ScheduleResult,
        http=(Http(verb="POST", path=f"{TASK}/pause"),),
    ),
    Operation(
        name="resume_task",
        summary="End the pause of a task; `on_missed` says what becomes of the occurrences that it missed.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=parameters.ResumeTask,
        result=ResumeResult,
        http=(Http(verb="POST", path=f"{TASK}/resume"),),
    ),
)
"""Changes of an open task, each conditional on its fence."""
