"""The specification's service: what an agent's process starts, and what everything else is a page over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from remembrancer.engine.accounting import Paged, page_of
from remembrancer.engine.acts import Acts
from remembrancer.engine.admission import read_limit
from remembrancer.engine.admittance import Admittance
from remembrancer.engine.scheduler import Scheduler
from remembrancer.errors import ServiceStopped
from remembrancer.model.policy import OPEN_STATUSES
from remembrancer.model.request import ScheduleRequest
from remembrancer.ports.task_store import Wanted
from remembrancer.surfaces import registry
from remembrancer.surfaces.holding import CLOSED
from remembrancer.surfaces.live import Live
from remembrancer.surfaces.metrics import metrics
from remembrancer.surfaces.otel.instruments import OpenTelemetry, of_process
from remembrancer.surfaces.recollection import Recollection
from remembrancer.surfaces.reports import CAPABILITIES, ServiceCapabilities, ServiceStatus, ServiceType, status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Self

    from remembrancer.engine.options import Options
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledReply, ScheduledTask, ScheduledTaskInfo
    from remembrancer.model.token import AccessToken, NewToken
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.handler import Handler
    from remembrancer.ports.task_store import TaskStore

_ALL: Final = 1_000_000


class SchedulerService(Live, Recollection):
    """A scheduler over one graph; `remembrancer.assembly` puts one together."""

    def __init__(
        self,
        open_store: Callable[[], Awaitable[TaskStore]],
        clock: Clock,
        handler: Handler,
        options: Options,
        *,
        instruments: OpenTelemetry | None = None,
    ) -> None:
        super().__init__(clock, options)
        self._instruments = instruments or of_process()
        self._collecting: asyncio.Task[None] | None = None
        self._open_store = open_store
        self._handler = handler
        self._acts: Acts | None = None

    async def open(self) -> None:
        """Open the graph without checking it: nothing fires. `start` does this too."""
        if self._store:
            return
        self._store = store = await self._open_store()
        self.gauges.begin()
        self._scheduler = Scheduler(store, self._time_service, self._handler, self._options, self._instruments)
        presence = self._scheduler.presence
        self._acts = Acts(store, self._time_service, self._options.check_interval_seconds, presence.near)
        self._instruments.watch(self.gauges.read, store.commits)
        await presence.look_closely()

    async def close(self) -> None:
        """Let the graph go; handlers under way are waited for, up to the limit."""
        if self._scheduler:
            await self._scheduler.stop()
        self._end_feed()
        self._instruments.forget(self.gauges.read)
        store, self._store = self._store, None
        self._scheduler = self._acts = None
        if store:
            await store.close()

    async def start(self) -> None:
        """Open the graph, take over what a former process left unfinished, and begin to check."""
        if self._task:
            return
        await self.open()
        await self._running_scheduler().presence.join()
        self._shutdown_event.clear()
        self._started_at = self._time_service.now()
        await self.recover()
        checker = self._running_scheduler().run()
        self._task = asyncio.get_running_loop().create_task(checker, name="remembrancer checker")
        self._collecting = asyncio.get_running_loop().create_task(self.gauges.keep_fresh(self._instruments))
        registry.enlist(self)

    async def stop(self) -> None:
        """Stop checking, wait for handlers up to the limit, write what became of each, let the graph go."""
        self._shutdown_event.set()
        registry.strike(self)
        task, self._task = self._task, None
        collecting, self._collecting = self._collecting, None
        try:
            if collecting:
                collecting.cancel()
            if task:
                self._running_scheduler().halt()
                await task
        finally:
            await self.close()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def schedule_task(  # noqa: PLR0917 (the specification's own order)
        self,
        name: str,
        goal_description: str,
        trigger_prompt: str,
        origin_thought_id: str,
        defer_until: str | datetime | None = None,
        schedule_cron: str | None = None,
        **choices: Any,
    ) -> ScheduledReply:
        """Schedule one task: at *defer_until*, by *schedule_cron*, or by the cron held back until that moment.

        The arguments, and what else *choices* may say (timezone, misfire, …): see `ScheduleRequest`.

        Returns the task as it is kept, its next five fires, and notes; it is on the disk then.
        Raises InvalidInput: refused at the door, nothing was written.
        """
        request = ScheduleRequest(
            name, goal_description, trigger_prompt, origin_thought_id, defer_until, schedule_cron, **choices
        )
        return (await self.schedule_tasks([request]))[0]

    async def schedule_tasks(self, requests: Sequence[ScheduleRequest]) -> list[ScheduledReply]:
        """Schedule all of *requests* in one commit, or none if one of them is refused."""
        with self._counted(), self._instruments.scheduling(len(requests)):
            replies = await self._ready().schedule(requests)
            self._wake()
            return replies

    async def schedule_deferred_task(
        self,
        thought_id: str,
        task_id: str,
        defer_until: str | datetime,
        reason: str,
        context: dict[str, Any] | None = None,
    ) -> ScheduledReply:
        """Bring the agent's task *task_id* back at *defer_until*, because of *reason*.

        A task of ours is put off. For any other id a task is scheduled that brings it back; deferring the same
        id again puts that one off, and its history grows.
        """
        with self._counted(), self._instruments.scheduling(1):
            reply = await self._ready().schedule_deferred(thought_id, task_id, defer_until, reason, context)
            self._wake()
            return reply

    async def cancel_task(self, task_id: str, reason: str | None = None, *, fence: int | None = None) -> bool:
        """End an open task; False if there is none of this id, or it had ended already.

        With the *fence* of a task as it was read, this and the next two act only if nobody has claimed, moved or ended
        it since; else they raise TaskChanged.
        """
        with self._counted():
            return await self._ready().cancel(task_id, reason, fence)

    async def defer_task(
        self,
        task_id: str,
        until: str | datetime,
        reason: str,
        thought_id: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduledReply:
        """Put the task's next run off to *until*. Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput."""
        with self._counted():
            reply = await self._ready().defer(task_id, until, reason, thought_id, fence)
            self._wake()
            return reply

    async def run_now(self, task_id: str, *, fence: int | None = None) -> Execution:
        """Start one execution outside the schedule; return it as started.

        Raises TaskNotFound, TaskEnded, TaskChanged.
        """
        with self._counted():
            return await self._ready().run(task_id, self._running_scheduler().run_now, fence)

    async def get_execution(self, execution_id: str) -> Execution:
        """Return one execution. Raises ExecutionNotFound."""
        with self._counted():
            return await self._graph().requests.execution(execution_id)

    async def get_scheduled_tasks(self) -> list[ScheduledTaskInfo]:
        """Return the tasks that are PENDING or ACTIVE, the next to run first."""
        return [task.info() for task in await self.find_tasks(Wanted(statuses=OPEN_STATUSES, limit=_ALL))]

    async def find_tasks(self, wanted: Wanted) -> list[ScheduledTask]:
        """Return tasks, the next to run first, those with nothing ahead last."""
        with self._counted():
            read_limit(wanted.limit)
            return list(await self._graph().find(wanted))

    async def get_task(self, task_id: str) -> ScheduledTask:
        """Return one task with its deferral history. Raises TaskNotFound."""
        with self._counted():
            return await self._graph().get(task_id)

    async def page_of_tasks(self, wanted: Wanted, cursor: str | None = None) -> Paged:
        """Return tasks by status and type, the newest of each first, from *cursor* on; and the next cursor."""
        with self._counted():
            read_limit(wanted.limit)
            return await page_of(self._graph().accounts, wanted, cursor)

    async def cypher(self, query: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a reading query over the live graph."""
        with self._counted():
            return list(await self._graph().query(query, parameters))

    async def create_token(self, name: str, scope: str) -> NewToken:
        """Make a token for the API; its text is seen this once. Raises InvalidInput."""
        with self._counted():
            return await self.admittance.create(name, scope)

    async def list_tokens(self) -> list[AccessToken]:
        """Return the tokens of the API, revoked ones too."""
        with self._counted():
            return list(await self.admittance.all())

    async def revoke_token(self, name: str) -> bool:
        """Let a token of the API open nothing any more; False if none of this name did."""
        with self._counted():
            return await self.admittance.revoke(name)

    @property
    def admittance(self) -> Admittance:
        """Who may ask over the network."""
        return Admittance(self._graph().tokens, self._time_service)

    async def recover(self) -> int:
        """Take over what a former process left unfinished, as `start` does; return how many executions it lost."""
        return await self._running_scheduler().recover()

    async def tick(self) -> int:
        """Do all that is due now and wait for its handlers; return how many occurrences were accounted for.

        For a service that was opened, not started: tests and tools which drive the checker by hand.
        """
        accounted = await self._running_scheduler().tick()
        await self.idle()
        return accounted

    async def idle(self) -> None:
        """Return when every handler under way has been settled."""
        await self._running_scheduler().idle()

    def get_status(self) -> ServiceStatus:
        """Return the specification's status."""
        return status(self._collect_custom_metrics(), self._passes(), self._scheduler)

    def get_capabilities(self) -> ServiceCapabilities:
        """Return what the service can do."""
        return CAPABILITIES

    def get_service_type(self) -> ServiceType:
        """Return under which name hosts know this service."""
        return ServiceType.TASK_SCHEDULER

    def _collect_custom_metrics(self) -> dict[str, float]:
        totals = self._totals()
        return metrics(totals, self._passes(), self._calls, self._options.check_interval_seconds)

    def _totals(self) -> Mapping[str, float]:
        return self._store.totals if self._store else {}

    def _ready(self) -> Acts:
        if self._acts is None:
            raise ServiceStopped(CLOSED)
        return self._acts

    def _running_scheduler(self) -> Scheduler:
        if self._scheduler is None:
            raise ServiceStopped(CLOSED)
        return self._scheduler

    def _wake(self) -> None:
        """What was written may be due before the checker would look again."""
        if self._scheduler and self._task:
            self._scheduler.wake.set()
