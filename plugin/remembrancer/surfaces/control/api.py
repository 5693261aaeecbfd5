"""What the command line asks of a scheduler, be it in this process or behind a control channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from remembrancer.engine.maintenance.retention import PruneResult
    from remembrancer.model.audit import AuditEntry
    from remembrancer.model.cancellation import Cancellation
    from remembrancer.model.event import EventPage
    from remembrancer.model.execution import Execution
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.summary import ExecutionSummary
    from remembrancer.model.task import ScheduledTask, ScheduleResult
    from remembrancer.model.task_status import TaskStatus
    from remembrancer.model.token import AccessToken, NewToken
    from remembrancer.operations.diagnostics.checks import CheckResult
    from remembrancer.service.telemetry.status import ServiceStatus


class SchedulerApi(Protocol):
    """The part of `TaskSchedulerService` that the control channel carries too; same laws, same errors."""

    async def schedule_tasks(self, requests: Sequence[ScheduleRequest]) -> list[ScheduleResult]:
        """Schedule all of *requests*, or none if one is refused."""
        ...

    async def cancel(self, task_id: str, reason: str | None = None) -> Cancellation:
        """End an open task; say whether this call ended it, and which executions were asked to stop."""
        ...

    async def defer_task(self, task_id: str, until: str, reason: str, thought_id: str | None = None) -> ScheduleResult:
        """Put the next run off to *until* (ISO-8601)."""
        ...

    async def run_now(self, task_id: str) -> Execution:
        """Start one execution outside the schedule; return it as started."""
        ...

    async def find_tasks(
        self, *, statuses: Collection[TaskStatus] = (), recurring: bool | None = None, limit: int = 1000
    ) -> list[ScheduledTask]:
        """Return tasks, the next to run first."""
        ...

    async def get_task(self, task_id: str) -> ScheduledTask:
        """Return one task with its deferral history. Raises TaskNotFound."""
        ...

    async def history(self, task_id: str | None = None, limit: int = 100) -> list[Execution]:
        """Return executions, newest first."""
        ...

    async def summaries(self, task_id: str | None = None, limit: int = 100) -> list[ExecutionSummary]:
        """Return what was rolled up, the latest day first."""
        ...

    async def retain(self, keep_days: float, *, dry_run: bool = False) -> PruneResult:
        """Roll up every execution that is over and began more than *keep_days* ago."""
        ...

    async def read_events(
        self,
        after: str | None = None,
        *,
        kinds: Collection[str] = (),
        task_id: str | None = None,
        limit: int = 1000,
        wait_seconds: float = 0.0,
    ) -> EventPage:
        """Return events after a cursor, waiting for one up to 30 s, and the cursor to go on from."""
        ...

    async def running_executions(self, limit: int = 100) -> list[Execution]:
        """Return what is under way, with the progress that was reported."""
        ...

    async def changes(
        self,
        task_id: str | None = None,
        *,
        since: str | None = None,
        after: str | None = None,
        limit: int = 1000,
    ) -> list[AuditEntry]:
        """Return what was done to tasks and by whom, oldest first."""
        ...

    async def timeline(self, task_id: str, limit: int = 100) -> list[Execution | AuditEntry]:
        """Return what became of a task and what was done to it, newest first."""
        ...

    async def examine(self) -> list[CheckResult]:
        """Return what the ten checks say of the graph and of the scheduler."""
        ...

    async def snapshot(self, folder: str) -> None:
        """Copy the graph's files, as they are at one moment, into the empty *folder*, while tasks fire."""
        ...

    async def create_token(self, name: str, scope: str) -> NewToken:
        """Make a token for the API; its text is seen this once."""
        ...

    async def list_tokens(self) -> list[AccessToken]:
        """Return the tokens of the API, revoked ones too."""
        ...

    async def revoke_token(self, name: str) -> bool:
        """Let a token of the API open nothing any more; False if none of this name did."""
        ...

    async def cypher(self, query: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a reading query."""
        ...


class LocalScheduler(SchedulerApi, Protocol):
    """A scheduler in this process: what a control channel serves."""

    def get_status(self) -> ServiceStatus:
        """Return how it is."""
        ...
