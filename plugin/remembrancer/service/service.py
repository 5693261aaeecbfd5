"""The specification's service: what an agent's process starts, and what everything else is a page over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Unpack

from remembrancer.errors import NotRunning
from remembrancer.model.cancellation import Cancellation
from remembrancer.model.constraints import read_limit, read_word
from remembrancer.model.execution import Execution
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.request import ScheduleRequest, TaskFields
from remembrancer.model.task import ScheduledTask, ScheduledTaskInfo, ScheduleResult
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.model.token import AccessToken, NewToken
from remembrancer.operations.statistics import TaskPage, page_of
from remembrancer.operations.task_commands import TaskCommands
from remembrancer.operations.tokens import TokenService
from remembrancer.ports.filters import TaskFilter
from remembrancer.service.calls import carried, public
from remembrancer.service.graph_holder import CLOSED
from remembrancer.service.history_calls import HistoryCalls
from remembrancer.service.lifecycle import Lifecycle
from remembrancer.service.telemetry.metrics import metrics
from remembrancer.service.telemetry.status import CAPABILITIES, ServiceCapabilities, ServiceStatus, ServiceType, status

_ALL: Final = 1_000_000


class SchedulerService(Lifecycle, HistoryCalls):
    """A scheduler over one graph; `remembrancer.bootstrap` puts one together.

    Its coroutine methods may be awaited on any event loop, in any thread: they are done on the loop that the service
    was started on. Code without a loop calls `blocking`.
    """

    async def schedule_task(  # noqa: PLR0917 (the specification's own order)
        self,
        name: str,
        goal_description: str,
        trigger_prompt: str,
        origin_thought_id: str,
        defer_until: str | datetime | None = None,
        schedule_cron: str | None = None,
        **fields: Unpack[TaskFields],
    ) -> ScheduleResult:
        """Schedule one task: at *defer_until*, by *schedule_cron*, or by the cron held back until that moment.

        `ScheduleRequest` defines the arguments, and the other *fields* (timezone, misfire, …).

        Returns the task as it is kept, on the disk by then: whether it is new, its next five fires, and warnings.
        Raises InvalidInput: a field is wrong, and nothing was written.
        """
        request = ScheduleRequest(
            name, goal_description, trigger_prompt, origin_thought_id, defer_until, schedule_cron, **fields
        )
        return (await self.schedule_tasks([request]))[0]

    @public
    async def schedule_tasks(self, requests: Sequence[ScheduleRequest]) -> list[ScheduleResult]:
        """Schedule all of *requests* in one commit, or none if one of them is refused."""
        with self._instruments.scheduling(len(requests)):
            return await self._ready().schedule(requests)

    @public
    async def schedule_deferred_task(
        self,
        thought_id: str,
        task_id: str,
        defer_until: str | datetime,
        reason: str,
        context: dict[str, Any] | None = None,
    ) -> ScheduleResult:
        """Bring the agent's task *task_id* back at *defer_until*, because of *reason*.

        A task of ours is put off. For any other id a task is scheduled that brings it back; deferring the same
        id again puts that one off, and its history grows.
        """
        with self._instruments.scheduling(1):
            return await self._ready().schedule_deferred(thought_id, task_id, defer_until, reason, context)

    @public
    async def cancel_task(self, task_id: str, reason: str | None = None, *, fence: int | None = None) -> bool:
        """End an open task; False if there is none of this id, or it had ended already.

        With the *fence* of a task as it was read, these act only if it stands so still; else they raise TaskChanged.
        """
        return (await self.cancel(task_id, reason, fence=fence)).ended

    @public
    async def cancel(self, task_id: str, reason: str | None = None, *, fence: int | None = None) -> Cancellation:
        """Do as `cancel_task`, and say too which executions under way were asked to stop."""
        return await self._ready().cancel(task_id, reason, fence)

    @public
    async def defer_task(
        self,
        task_id: str,
        until: str | datetime,
        reason: str,
        thought_id: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduleResult:
        """Put the task's next run off to *until*. Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput."""
        return await self._ready().defer(task_id, until, reason, thought_id, fence)

    @public
    async def run_now(self, task_id: str, *, fence: int | None = None) -> Execution:
        """Start one execution beside the schedule. Raises TaskNotFound, TaskEnded, TaskChanged, SchedulerBusy."""
        return await self._ready().run(task_id, self._running_scheduler().run_now, fence)

    @public
    async def get_execution(self, execution_id: str) -> Execution:
        """Return one execution. Raises ExecutionNotFound."""
        return await self._graph().tasks.execution(execution_id)

    async def get_scheduled_tasks(self) -> list[ScheduledTaskInfo]:
        """Return the tasks that are PENDING or ACTIVE, the next to run first."""
        return [task.info() for task in await self.find_tasks(statuses=OPEN_STATUSES, limit=_ALL)]

    @public
    async def find_tasks(
        self, *, statuses: Collection[TaskStatus] = (), recurring: bool | None = None, limit: int = 1000
    ) -> list[ScheduledTask]:
        """Return tasks, the next to run first, those that do not run again last.

        Args:
            statuses: Of any of these; empty means any.
            recurring: Only recurring tasks, or only one-time ones; None means both.
            limit: The most tasks to return.

        Raises:
            InvalidInput: The limit, or a status, cannot be used.
        """
        return list(await self._graph().tasks.find(_filter(statuses, recurring, limit)))

    @public
    async def get_task(self, task_id: str) -> ScheduledTask:
        """Return one task with its deferral history. Raises TaskNotFound."""
        return await self._graph().tasks.get(task_id)

    @public
    async def page_of_tasks(
        self,
        cursor: str | None = None,
        *,
        statuses: Collection[TaskStatus] = (),
        recurring: bool | None = None,
        limit: int = 1000,
    ) -> TaskPage:
        """Return tasks by status and type, the newest of each first, from *cursor* on; and the next cursor.

        The other arguments: see `find_tasks`. Raises InvalidInput.
        """
        return await page_of(self._graph().tasks, _filter(statuses, recurring, limit), cursor)

    @public
    async def cypher(self, query: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a reading query over the live graph."""
        check_bounds(query, "query", "MATCH (t:scheduled_task) RETURN t.name")
        check_bounds(parameters, "parameters", {"limit": 10})
        return list(await self._graph().query(query, parameters))

    @public
    async def create_token(self, name: str, scope: str) -> NewToken:
        """Make a token for the API; its text is seen this once. Raises InvalidInput."""
        return await self.admittance.create(name, scope)

    @public
    async def list_tokens(self) -> list[AccessToken]:
        """Return the tokens of the API, revoked ones too."""
        return list(await self.admittance.all())

    @public
    async def revoke_token(self, name: str) -> bool:
        """Let a token of the API open nothing any more; False if none of this name did."""
        return await self.admittance.revoke(name)

    @property
    def admittance(self) -> TokenService:
        """Who may ask over the network."""
        return TokenService(self._graph().tokens, self._time_service)

    @carried
    async def recover(self) -> int:
        """Take over what a former process left unfinished, as `start` does; return how many executions it lost."""
        lost = await self._running_scheduler().recover()
        await self._running_scheduler().recheck()
        return lost

    @carried
    async def tick(self) -> int:
        """Do all that is due now and wait for its handlers; return how many occurrences were accounted for.

        For a service that was opened, not started: tests and tools which drive the checker by hand.
        """
        accounted = await self._running_scheduler().tick()
        await self.idle()
        return accounted

    @carried
    async def idle(self) -> None:
        """Return when every handler under way has been settled."""
        await self._running_scheduler().idle()

    def get_status(self) -> ServiceStatus:
        """Return the specification's status."""
        return status(self._collect_custom_metrics(), self._passes(), self._scheduler, self._last_error())

    def get_capabilities(self) -> ServiceCapabilities:
        """Return what the service can do."""
        return CAPABILITIES

    def get_service_type(self) -> ServiceType:
        """Return under which name hosts know this service."""
        return ServiceType.TASK_SCHEDULER

    def _collect_custom_metrics(self) -> dict[str, float]:
        totals = self._totals()
        return metrics(totals, self._passes(), self.calls, self._options.check_interval_seconds)

    def _totals(self) -> Mapping[str, float]:
        return self._store.statistics.totals if self._store else {}

    def _ready(self) -> TaskCommands:
        if self._acts is None:
            raise NotRunning(CLOSED)
        return self._acts


def _filter(statuses: Collection[TaskStatus], recurring: bool | None, limit: int) -> TaskFilter:  # noqa: FBT001 (None is a third value)
    """Return the filter of a list of tasks. Raises InvalidInput."""
    wanted = frozenset(read_word("statuses", each, TaskStatus, "PENDING") for each in statuses)
    return TaskFilter(wanted, recurring, read_limit(limit))
