"""The task store port: tasks, their deferrals and executions. The laws of `ports.graph` hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.execution import Execution
    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.model.quota import Quota
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.filters import ExecutionFilter, TaskFilter, TaskPageQuery
    from remembrancer.ports.lineages import Admission
    from remembrancer.ports.writes import Change, Claim, Edit, Reschedule


class TaskStore(Protocol):
    """The tasks of one memory graph."""

    async def create(
        self,
        tasks: Sequence[ScheduledTask],
        *,
        first: Deferral | None = None,
        idempotency_key: IdempotencyKey | None = None,
        returned: Sequence[tuple[ScheduledTask, Change]] = (),
        admission: Admission | None = None,
        quotas: Sequence[Quota] = (),
    ) -> bool:
        """Store new tasks, each CREATED_BY its thought and SCHEDULED_FOR its first minute; all or none.

        *first* is the deferral that made the one task given. The tasks have their dedup_keys from the *idempotency_key*
        of the request. The ended tasks *returned* give theirs back, unless they have done so already.
        With *admission*, a handler makes them: False if their lineage does not admit them, and nothing was written.
        Raises DuplicateTask; OutcomeUnknown names the tasks, whose ids can be looked up.
        """
        ...

    async def get(self, task_id: str) -> ScheduledTask:
        """Return the task with its deferral history. Raises TaskNotFound, TaskUnreadable."""
        ...

    async def find(self, task_filter: TaskFilter) -> Sequence[ScheduledTask]:
        """Return tasks: the next to run first, those with no next run last, the newest first among them."""
        ...

    async def page(self, page: TaskPageQuery) -> Sequence[ScheduledTask]:
        """Return tasks of one status and type, the newest first."""
        ...

    async def find_by_dedup_key(self, dedup_key: str) -> ScheduledTask | None:
        """Return the task with this *dedup_key*, open or ended."""
        ...

    async def find_reactivation(self, deferred_task_id: str) -> ScheduledTask | None:
        """Return the open task that will bring back the agent's own task *deferred_task_id*."""
        ...

    async def cancel(self, task_id: str, change: Change, outstanding: Claim | None = None) -> bool:
        """End an open task, if it is as *change* requires; return whether this call ended it.

        A task with an occurrence that is due by then and has no outcome is ended only together with *outstanding*: the
        claim accounts for all such occurrences, and is written only if the task is still as it was read for that.
        """
        ...

    async def defer(
        self, task_id: str, expected_next_run_ms: int | None, reschedule: Reschedule, change: Change
    ) -> bool:
        """Write the deferral and move the next run, if the task is still as it was read; return whether it did."""
        ...

    async def edit(self, edits: Sequence[Edit]) -> Sequence[bool]:
        """Make edits of different tasks in one commit; return of each whether its task was still as read, and open.

        An edit whose task was not is left out, and the others are written. Raises DuplicateTask: another task has the
        dedup_key of one of them.
        """
        ...

    async def quarantine(self, task_id: str, fault: str, now: datetime) -> None:
        """Disarm a task that cannot be read or planned, as FAILED; the occurrence that is due counts as skipped."""
        ...

    async def history(
        self, task_id: str | None, limit: int, before: str | None = None, within: ExecutionFilter | None = None
    ) -> Sequence[Execution]:
        """Return executions of one task, or of all, the latest nominal time first; those below *before* if given.

        With *within*, only those that match it.
        """
        ...

    async def execution(self, execution_id: str) -> Execution:
        """Return one execution. Raises ExecutionNotFound, ExecutionUnreadable."""
        ...
