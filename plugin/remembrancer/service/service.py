"""The specification's service: a facade over the operations on one graph and the scheduler that runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, Unpack, cast

from remembrancer.engine.maintenance.retention import prune as prune_executions
from remembrancer.errors import GraphUnavailable
from remembrancer.model.audit import AuditEntry
from remembrancer.model.cancellation import Cancellation
from remembrancer.model.constraints import read_limit, read_word
from remembrancer.model.event import Event, EventPage
from remembrancer.model.execution import Execution
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.named_query import NamedQuery
from remembrancer.model.policy import Fold, Gap, Misfire, SecondsField
from remembrancer.model.prune_result import PruneResult
from remembrancer.model.request import ScheduleRequest, TaskChanges, TaskFields
from remembrancer.model.summary import ExecutionSummary
from remembrancer.model.task import (
    Backfill,
    FireChange,
    ResumeResult,
    ScheduledTask,
    ScheduledTaskInfo,
    ScheduleResult,
    TaskUpdate,
)
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.model.token import AccessToken, NewToken
from remembrancer.operations import task_history
from remembrancer.operations.diagnostics.checks import CheckResult, diagnose
from remembrancer.operations.event_feed import LONGEST_WAIT, MOST
from remembrancer.operations.named_queries import run_query
from remembrancer.operations.preview import PreviewedFire, next_fires, read_cron
from remembrancer.operations.statistics import TaskPage, page_of
from remembrancer.operations.tokens import TokenService
from remembrancer.ports.clock import Clock
from remembrancer.ports.filters import TaskFilter
from remembrancer.ports.graph import Graph
from remembrancer.ports.handler import Handler
from remembrancer.ports.sync_calls import SyncCalls
from remembrancer.ports.telemetry import ObservedTelemetry
from remembrancer.schedules.parsing import read_moment
from remembrancer.service.calls import carried, public
from remembrancer.service.lifecycle import Lifecycle
from remembrancer.service.process import SchedulerProcess
from remembrancer.service.sync_service import SyncService
from remembrancer.service.telemetry.gauges import Gauges
from remembrancer.service.telemetry.metrics import Vitals, metrics
from remembrancer.service.telemetry.reports import Telemetry
from remembrancer.service.telemetry.status import ServiceCapabilities, ServiceStatus, ServiceType, capabilities, status
from remembrancer.settings import SchedulerOptions

_ALL: Final = 1_000_000


class SchedulerService:
    """A scheduler over one graph; `remembrancer.bootstrap` puts one together.

    Its coroutine methods may be awaited on any event loop, in any thread: they are done on the loop that the service
    was started on. Code without a loop calls `blocking`.

    Args:
        open_store: Opens the graph.
        clock: The time.
        handler: Does the work of a task.
        options: The scheduler's numbers.
        instruments: Measure and trace.
    """

    def __init__(
        self,
        open_store: Callable[[], Awaitable[Graph]],
        clock: Clock,
        handler: Handler,
        options: SchedulerOptions,
        instruments: ObservedTelemetry,
    ) -> None:
        self._process = process = SchedulerProcess(clock, options)
        self._instruments = instruments
        self.calls = process.calls
        """The calls that it took, and the event loop that it lives on."""
        vitals = Vitals(options.check_interval_seconds, clock.now, process.graph, process.stats, process.calls)
        self.telemetry = Telemetry(vitals)
        """The specification's reports on this scheduler."""
        self.gauges = Gauges(vitals, lambda: process.scheduler, options.max_concurrent_handlers)
        """The values of the instruments."""
        self.blocking = cast("SyncCalls", SyncService(self))
        """The service's methods for code without an event loop, such as plain handlers; see `Firing.scheduler`."""
        self._lifecycle = Lifecycle(process, self.gauges, open_store, handler, instruments, owner=self)

    async def open(self) -> None:
        """Open the graph without starting the loop: nothing fires. `start` does this too."""
        await self._lifecycle.open()

    async def start(self) -> None:
        """Open the graph, recover what a former process left unfinished, and begin to tick.

        Several starts at once are one. A start that fails leaves nothing behind.
        Raises NotRunning: `stop` was called meanwhile.
        """
        await self._lifecycle.start()

    async def stop(self) -> None:
        """Stop the loop, wait for handlers up to the limit, write their outcomes, and close the graph.

        It ends within the limit and a few seconds, whatever hangs, and goes on if its caller is cancelled. Called
        within a handler, which it waits for, it returns at once: the scheduler stops when the handler has ended.
        In a fork of the process it does nothing.
        """
        await self._lifecycle.stop()

    async def close(self) -> None:
        """Close the graph, after waiting for handlers up to the limit."""
        await self.stop()

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
        **fields: Unpack[TaskFields],
    ) -> ScheduleResult:
        """Schedule one task: at *defer_until*, by *schedule_cron*, or by the cron held back until that time.

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
        """Schedule all of *requests* in one commit, or none if one of them is refused. Raises InvalidInput."""
        with self._instruments.scheduling(len(requests)):
            return await self._process.commands().schedule(requests)

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

        A scheduled task is deferred. For any other id, the service schedules a task that brings it back; deferring the
        same id again defers that one, and its history grows. Raises InvalidInput.
        """
        with self._instruments.scheduling(1):
            return await self._process.commands().schedule_deferred(thought_id, task_id, defer_until, reason, context)

    @public
    async def cancel_task(self, task_id: str, reason: str | None = None, *, fence: int | None = None) -> bool:
        """Cancel an open task; False if no task has this id, or it had ended already.

        With the *fence* of the task as it was read, the call acts only on an unchanged task. Raises TaskChanged.
        """
        return (await self.cancel(task_id, reason, fence=fence)).ended

    @public
    async def cancel(self, task_id: str, reason: str | None = None, *, fence: int | None = None) -> Cancellation:
        """Cancel an open task, and return the running executions that were asked to stop. Raises TaskChanged."""
        return await self._process.commands().cancel(task_id, reason, fence)

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
        """Defer the task's next run to *until*. Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput."""
        return await self._process.commands().defer(task_id, until, reason, thought_id, fence)

    @public
    async def update_task(
        self, task_id: str, *, reason: str | None = None, fence: int | None = None, **fields: Unpack[TaskChanges]
    ) -> TaskUpdate:
        """Change *fields* of a task, as `ScheduleRequest` defines them; a running execution keeps what it began with.

        Another schedule begins now: what was due by it before and has not run is recorded as superseded.
        Returns the task, the fields changed, and the next fires before and after.
        Raises TaskNotFound, TaskEnded, TaskChanged, DuplicateTask, InvalidInput.
        """
        return await self._process.commands().edits.update(task_id, fields, reason, fence)

    @public
    async def pause_task(
        self,
        task_id: str,
        until: str | datetime | None = None,
        reason: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduleResult:
        """Pause a task until *until*, or until it is resumed: nothing of it fires meanwhile; a running execution ends.

        A paused task gets the new end and reason. Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput.
        """
        return await self._process.commands().edits.pause(task_id, until, reason, fence)

    @public
    async def resume_task(
        self,
        task_id: str,
        on_missed: Misfire | str | None = None,
        reason: str | None = None,
        *,
        fence: int | None = None,
    ) -> ResumeResult:
        """End the pause of a task; *on_missed* decides about the occurrences that it missed, or else its `misfire`.

        Returns the task, how many occurrences the pause held, and how many of them run.
        Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput.
        """
        return await self._process.commands().edits.resume(task_id, on_missed, reason, fence)

    @public
    async def skip_next(
        self, task_id: str, n: int = 1, reason: str | None = None, *, fence: int | None = None
    ) -> FireChange:
        """Skip the next *n* occurrences of a task, in place of those asked for before; 0 lets all run again.

        Each gets its outcome `skipped` at its time, with the reason. Moved occurrences are not counted.
        Returns the task, and the next fires before and after.
        Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput.
        """
        return await self._process.commands().occurrences.skip_next(task_id, n, reason, fence)

    @public
    async def add_fire(
        self, task_id: str, at: str | datetime | None = None, reason: str | None = None, *, fence: int | None = None
    ) -> FireChange:
        """Add one occurrence to a task at a time; without one, now. Its execution has the cause `added`.

        Returns the task, and the next fires before and after.
        Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput.
        """
        return await self._process.commands().occurrences.add_fire(task_id, at, reason, fence)

    @public
    async def reschedule(
        self,
        task_id: str,
        occurrence: str | datetime,
        to: str | datetime,
        reason: str | None = None,
        *,
        fence: int | None = None,
    ) -> FireChange:
        """Move one occurrence of a task to another time; the others stay.

        The occurrence gets the outcome `skipped` at its time. The execution at the new time has the cause
        `rescheduled`, and the former time in its detail.
        Returns the task, and the next fires before and after.
        Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput.
        """
        return await self._process.commands().occurrences.reschedule(task_id, occurrence, to, reason, fence)

    @public
    async def backfill(  # noqa: PLR0913 (a range, and what to do with it)
        self,
        task_id: str,
        start: str | datetime,
        end: str | datetime,
        *,
        dry_run: bool = False,
        again: bool = False,
        reason: str | None = None,
        fence: int | None = None,
    ) -> Backfill:
        """Run the occurrences of the schedule from *start* to *end*, both past, one after the other.

        Those with a completed execution are left out, unless *again* is true. Each execution has the cause
        `backfill`, and the time that it makes up for in its detail. With *dry_run* nothing is written.
        Returns the task, each occurrence of the range, and the number of those that start.
        Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput.
        """
        edits = self._process.commands().occurrences
        return await edits.backfill(task_id, start, end, reason, fence, dry_run=dry_run, again=again)

    @public
    async def run_now(self, task_id: str, *, fence: int | None = None) -> Execution:
        """Start one execution outside the schedule. Raises TaskNotFound, TaskEnded, TaskChanged, SchedulerBusy."""
        return await self._process.commands().run(task_id, self._process.running_scheduler().run_now, fence)

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
    async def history(
        self, task_id: str | None = None, limit: int = 100, before: str | None = None, *, status: str | None = None
    ) -> list[Execution]:
        """Return executions, newest first: of one task, or of all; older than the execution *before* if given.

        Old and new go by their nominal times. The *status* may be `running`: then only those under way, on all
        replicas, with the progress that was reported. Raises InvalidInput.
        """
        return await task_history.executions(self._graph(), task_id, limit, before, status)

    @public
    async def audit_entries(
        self,
        task_id: str | None = None,
        *,
        since: str | datetime | None = None,
        after: str | None = None,
        limit: int = 1000,
    ) -> list[AuditEntry]:
        """Return the changes of a task, or of all and of the graph, with their actors, oldest first.

        Args:
            task_id: Only the changes of this task; none for one that is not there.
            since: Only from this time on, aware or ISO-8601 with a zone.
            after: Only after this change: the `change_id` of the last one that an earlier answer gave.
            limit: At most so many, 1 to 10,000.

        Raises:
            InvalidInput: One of them is wrong.
        """
        now = self._process.clock.now()
        return await task_history.audit_entries(self._graph(), now, task_id, since=since, after=after, limit=limit)

    @carried
    async def timeline(self, task_id: str, limit: int = 100) -> list[Execution | AuditEntry]:
        """Return the executions and the changes of a task in one list, newest first."""
        return await task_history.timeline(self._graph(), self._process.clock.now(), task_id, limit)

    async def events(
        self, after: str | None = None, *, kinds: Collection[str] = (), task_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Yield events as they happen, until the service stops.

        Args:
            after: The cursor of the last event that was read, be it from another process or before a restart: what
                follows it comes first. None begins now, with the first step; "0" with the oldest that is kept.
            kinds: Of which kinds (`EventKind`); empty means any. A gap is always reported.
            task_id: Of which task.
        """
        while True:
            try:
                page = await self.read_events(after, kinds=kinds, task_id=task_id, wait_seconds=LONGEST_WAIT)
            except GraphUnavailable:
                if self._process.has_feed_ended:
                    return  # the graph was closed while it was read
                raise
            for event in page.events:
                yield event
            after = page.cursor
            if self._process.has_feed_ended:
                return

    @carried
    async def read_events(
        self,
        after: str | None = None,
        *,
        kinds: Collection[str] = (),
        task_id: str | None = None,
        limit: int = MOST,
        wait_seconds: float = 0.0,
    ) -> EventPage:
        """Return up to *limit* events after a cursor, waiting for one at most 30 s; and the cursor to go on from.

        Without *after*, none but those that happen while it waits: so the answer's cursor says where the log ends.
        Raises InvalidInput.
        """
        return await self._process.event_feed().read(
            after, kinds=kinds, task_id=task_id, limit=limit, wait_seconds=wait_seconds
        )

    @public
    async def running_executions(self, limit: int = 100) -> list[Execution]:
        """Return the executions under way, on all replicas, with the progress that was reported."""
        return list(await self._graph().events.running(read_limit(limit)))

    @public
    async def summaries(self, task_id: str | None = None, limit: int = 100) -> list[ExecutionSummary]:
        """Return the summaries of pruned executions, of one task or of all, the latest day first."""
        return list(await self._graph().retention.summaries(task_id, read_limit(limit)))

    @public
    async def prune(self, keep_days: float, *, dry_run: bool = False) -> PruneResult:
        """Roll up every execution that ended and began more than *keep_days* ago.

        With *dry_run* nothing is written: the result has what would be rolled up. Raises InvalidInput.
        """
        return await prune_executions(self._graph().retention, self._process.clock.now(), keep_days, dry_run=dry_run)

    @public
    async def snapshot(self, folder: str) -> None:
        """Copy the files of an embedded graph, as they are at one time, into the empty *folder*, while tasks fire.

        `remembrancer.backup_graph` makes a backup of it. Raises InvalidInput, GraphUnavailable.
        """
        await self._graph().health.snapshot(Path(folder))

    @public
    async def examine(self) -> list[CheckResult]:
        """Return the results of the ten checks of the graph and of this scheduler."""
        return diagnose(await self.gauges.facts())

    async def is_healthy(self) -> bool:
        """Return True while the loop ticks, and its graph, disk, leases and clock are in order.

        False within seconds when any of them is not; `get_status().last_error` has the fault in words.
        """
        return self._process.is_healthy()

    @public
    async def cypher(self, query: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a reading query in Cypher over the live graph. Raises InvalidInput."""
        check_bounds(query, "query", "MATCH (t:scheduled_task) RETURN t.name")
        check_bounds(parameters, "parameters", {"limit": 10})
        return list(await self._graph().query(query, parameters))

    @public
    async def list_queries(self) -> list[NamedQuery]:
        """Return the named queries: questions about the graph that come with the package."""
        return list(self._graph().named_queries.values())

    @public
    async def run_query(
        self, name: str, parameters: dict[str, object] | None = None, *, limit: int = 100
    ) -> list[dict[str, object]]:
        """Answer a named query; its parameters `limit` and `now_ms` need not be given. Raises InvalidInput."""
        return list(await run_query(self._graph(), name, parameters, limit, self._process.clock.now()))

    @public
    async def preview(  # noqa: PLR0913, PLR0917 (one for each part of a schedule)
        self,
        expression: str,
        timezone: str = "UTC",
        after: str | datetime | None = None,
        count: int = 5,
        gap: Gap = Gap.RUN_AFTER,
        fold: Fold = Fold.FIRST,
        seconds_field: SecondsField | None = None,
    ) -> list[PreviewedFire]:
        """Return the next fires of a cron expression after a time, or after now. Raises InvalidInput."""
        now = self._process.clock.now()
        begin = now if after is None else read_moment(after, "after", now=now, timezone=timezone)
        read = partial(read_cron, expression, timezone=timezone, gap=gap, fold=fold, seconds_field=seconds_field)
        return await next_fires(read, begin, count)

    @public
    async def create_token(self, name: str, scope: str) -> NewToken:
        """Make a token for the API; its text is shown this once. Raises InvalidInput."""
        return await self.admittance.create(name, scope)

    @public
    async def list_tokens(self) -> list[AccessToken]:
        """Return the tokens of the API, revoked ones too."""
        return list(await self.admittance.all())

    @public
    async def revoke_token(self, name: str) -> bool:
        """Revoke a token of the API; False if no active token has this name."""
        return await self.admittance.revoke(name)

    @property
    def admittance(self) -> TokenService:
        """The tokens of the API."""
        return TokenService(self._graph().tokens, self._process.clock)

    @carried
    async def recover(self) -> int:
        """Recover what a former process left unfinished, as `start` does; return the number of lost executions."""
        lost = await self._process.running_scheduler().recover()
        await self._process.running_scheduler().recheck()
        return lost

    @carried
    async def tick(self) -> int:
        """Run everything that is due and wait for its handlers; return the number of occurrences accounted for.

        For a service that was opened, not started: tests and tools that drive the loop by hand.
        """
        await self._process.running_scheduler().react()
        accounted = await self._process.running_scheduler().tick()
        await self.idle()
        return accounted

    @carried
    async def idle(self) -> None:
        """Return when every handler under way has been settled."""
        await self._process.running_scheduler().idle()

    def get_status(self) -> ServiceStatus:
        """Return the status of the scheduler, with its metrics."""
        return status(
            self._collect_custom_metrics(), self._process.stats(), self._process.scheduler, self._process.last_error()
        )

    def get_capabilities(self) -> ServiceCapabilities:
        """Return what the scheduler can do."""
        return capabilities()

    def get_service_type(self) -> ServiceType:
        """Return the name under which hosts look the scheduler up."""
        return ServiceType.TASK_SCHEDULER

    def _collect_custom_metrics(self) -> dict[str, float]:
        process = self._process
        return metrics(process.totals(), process.stats(), process.calls, process.options.check_interval_seconds)

    def _graph(self) -> Graph:
        return self._process.graph()

    @property
    def _task(self) -> asyncio.Task[None] | None:
        """The specification's name for the loop's task."""
        return self._process.loop_task

    @property
    def _shutdown_event(self) -> asyncio.Event:
        """The specification's name for the request to stop."""
        return self._process.shutdown

    @property
    def counted(self) -> Callable[[], AbstractContextManager[None]]:
        """Counts one call, around it: for a surface that takes it, and may refuse it before it comes here."""
        return self.calls.counted


def _filter(statuses: Collection[TaskStatus], recurring: bool | None, limit: int) -> TaskFilter:  # noqa: FBT001 (None is a third value)
    """Return the filter of a list of tasks. Raises InvalidInput."""
    wanted = frozenset(read_word("statuses", each, TaskStatus, "PENDING") for each in statuses)
    return TaskFilter(wanted, recurring, read_limit(limit))
