"""The calls of a scheduler for code without an event loop: each waits until it is answered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NoReturn, Protocol, Unpack, cast

from remembrancer.errors import NotRunning
from remembrancer.model.bulk_edit import BulkResult, TaskSelection
from remembrancer.model.execution import Execution
from remembrancer.model.policy import Misfire
from remembrancer.model.question import OnNoAnswer, Question
from remembrancer.model.request import NewTaskFields, ScheduleRequest, TaskChanges
from remembrancer.model.task import (
    Backfill,
    FireChange,
    ResumeResult,
    ScheduledTask,
    ScheduledTaskInfo,
    ScheduleResult,
    TaskUpdate,
)
from remembrancer.model.task_status import TaskStatus


class SyncCalls(Protocol):
    """The service's own methods, with the same arguments, laws and errors, to be called on any thread but its loop's.

    Also raises WrongThread on the thread of the scheduler's event loop, which would wait for itself, and
    OutcomeUnknown if no answer comes in time.
    """

    def schedule_task(  # noqa: PLR0917 (the specification's own order)
        self,
        name: str,
        goal_description: str,
        trigger_prompt: str,
        origin_thought_id: str,
        defer_until: str | datetime | timedelta | None = None,
        schedule_cron: str | None = None,
        **fields: Unpack[NewTaskFields],
    ) -> ScheduleResult:
        """Schedule one task."""
        ...

    def schedule_tasks(self, requests: Sequence[ScheduleRequest], *, fires: int = 5) -> list[ScheduleResult]:
        """Schedule all of *requests*, or none."""
        ...

    def schedule_deferred_task(
        self,
        thought_id: str,
        task_id: str,
        defer_until: str | datetime | timedelta,
        reason: str,
        context: dict[str, object] | None = None,
    ) -> ScheduleResult:
        """Bring the agent's task back."""
        ...

    def cancel_task(self, task_id: str, reason: str | None = None, *, fence: int | None = None) -> bool:
        """End an open task."""
        ...

    def defer_task(
        self,
        task_id: str,
        until: str | datetime | timedelta,
        reason: str,
        thought_id: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduleResult:
        """Defer the task's next run."""
        ...

    def ask_task(  # noqa: PLR0913, PLR0917 (the arguments of `Ask`, in its order)
        self,
        task_id: str,
        question: str,
        of: str | Sequence[str] | None = None,
        within: str | timedelta | None = None,
        on_no_answer: OnNoAnswer | str | None = None,
        reminders: int = 3,
        escalate_to: str | Sequence[str] | None = None,
        thought_id: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduleResult:
        """Let the task's next run wait for an answer."""
        ...

    def answer_task(self, task_id: str, answer: str, *, fence: int | None = None) -> ScheduleResult:
        """Answer the open question of a task."""
        ...

    def questions(self, limit: int = 100) -> list[Question]:
        """Return the open questions."""
        ...

    def update_task(
        self,
        task_id: str,
        *,
        reason: str | None = None,
        fence: int | None = None,
        fires: int = 5,
        **fields: Unpack[TaskChanges],
    ) -> TaskUpdate:
        """Change fields of a task."""
        ...

    def pause_task(
        self,
        task_id: str,
        until: str | datetime | timedelta | None = None,
        reason: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduleResult:
        """Pause a task."""
        ...

    def resume_task(
        self,
        task_id: str,
        on_missed: Misfire | str | None = None,
        reason: str | None = None,
        *,
        fence: int | None = None,
    ) -> ResumeResult:
        """End the pause of a task."""
        ...

    def skip_next(self, task_id: str, n: int = 1, reason: str | None = None, *, fence: int | None = None) -> FireChange:
        """Skip the next occurrences of a task."""
        ...

    def add_fire(
        self,
        task_id: str,
        at: str | datetime | timedelta | None = None,
        reason: str | None = None,
        *,
        fence: int | None = None,
    ) -> FireChange:
        """Add one occurrence to a task."""
        ...

    def reschedule(
        self,
        task_id: str,
        occurrence: str | datetime | timedelta,
        to: str | datetime | timedelta,
        reason: str | None = None,
        *,
        fence: int | None = None,
    ) -> FireChange:
        """Move one occurrence of a task to another time."""
        ...

    def backfill(  # noqa: PLR0913 (a range, and what to do with it)
        self,
        task_id: str,
        start: str | datetime | timedelta,
        end: str | datetime | timedelta,
        *,
        dry_run: bool = False,
        again: bool = False,
        reason: str | None = None,
        fence: int | None = None,
    ) -> Backfill:
        """Run the occurrences of a range in the past."""
        ...

    def pause_tasks(
        self,
        until: str | datetime | timedelta | None = None,
        reason: str | None = None,
        *,
        dry_run: bool = False,
        **which: Unpack[TaskSelection],
    ) -> BulkResult:
        """Pause the open tasks that match."""
        ...

    def resume_tasks(
        self,
        on_missed: Misfire | str | None = None,
        reason: str | None = None,
        *,
        dry_run: bool = False,
        **which: Unpack[TaskSelection],
    ) -> BulkResult:
        """End the pauses of the tasks that match."""
        ...

    def update_tasks(
        self,
        changes: TaskChanges,
        reason: str | None = None,
        *,
        dry_run: bool = False,
        **which: Unpack[TaskSelection],
    ) -> BulkResult:
        """Change fields of the open tasks that match."""
        ...

    def cancel_tasks(
        self, reason: str | None = None, *, dry_run: bool = False, **which: Unpack[TaskSelection]
    ) -> BulkResult:
        """Cancel the open tasks that match."""
        ...

    def run_now(self, task_id: str, *, fence: int | None = None) -> Execution:
        """Start one execution outside the schedule."""
        ...

    def get_task(self, task_id: str) -> ScheduledTask:
        """Return one task."""
        ...

    def find_tasks(  # noqa: PLR0913 (one for each filter)
        self,
        *,
        statuses: Collection[TaskStatus] = (),
        recurring: bool | None = None,
        limit: int = 1000,
        name: str | None = None,
        tags: Collection[str] = (),
        group: str | None = None,
        text: str | None = None,
        next_fires: bool | int = False,
    ) -> list[ScheduledTask]:
        """Return tasks."""
        ...

    def get_scheduled_tasks(self) -> list[ScheduledTaskInfo]:
        """Return the tasks that are PENDING or ACTIVE."""
        ...

    def get_execution(self, execution_id: str) -> Execution:
        """Return one execution."""
        ...

    def history(self, task_id: str | None = None, limit: int = 100, before: str | None = None) -> list[Execution]:
        """Return executions, newest first."""
        ...

    def cypher(self, query: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a reading query."""
        ...

    def stop(self) -> None:
        """Stop the scheduler; within a handler, which it waits for, only ask for that."""
        ...


class _Outside:
    """The scheduler of a firing that no scheduler made."""

    def __getattr__(self, name: str) -> NoReturn:
        raise NotRunning(f"No scheduler made this firing: there is none whose {name}() could be called.")


OUTSIDE: Final = cast("SyncCalls", _Outside())
