"""The specification's service: a facade over the operations on one graph and the scheduler that runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, Unpack, cast

from remembrancer.context import current_actor
from remembrancer.engine.maintenance.retention import prune as prune_executions
from remembrancer.engine.maintenance.rule_changes import Author
from remembrancer.errors import GraphUnavailable
from remembrancer.model.audit import AuditEntry
from remembrancer.model.blocked import BlockedTask, TaskDependencies
from remembrancer.model.budget import Budget
from remembrancer.model.bulk_edit import BulkResult, TaskSelection
from remembrancer.model.calendar import CalendarRenewal, NamedCalendar
from remembrancer.model.cancellation import Cancellation
from remembrancer.model.constraints import read_label, read_limit, read_reason, read_word
from remembrancer.model.dead_letter import DeadLetter
from remembrancer.model.event import Event, EventPage
from remembrancer.model.execution import Execution
from remembrancer.model.halt import HaltState
from remembrancer.model.handler_result import Ask, Defer, Done
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.limit import ConcurrencyLimit
from remembrancer.model.lineage import Lineage, OpenLineage
from remembrancer.model.named_query import NamedQuery
from remembrancer.model.policy import Fold, Gap, Misfire, SecondsField
from remembrancer.model.prune_result import PruneResult
from remembrancer.model.question import OnNoAnswer, Question
from remembrancer.model.recheck import RecheckResult
from remembrancer.model.request import NewTaskFields, ScheduleRequest, TaskChanges, TaskFields
from remembrancer.model.schedule import ScheduleArgument
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
from remembrancer.model.task_set import AppliedSet
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.model.task_template import TaskTemplate
from remembrancer.model.token import AccessToken, NewToken
from remembrancer.model.worker_calls import LEASE_SECONDS, WaitingWork, WorkItem, WorkReceipt
from remembrancer.operations import task_history
from remembrancer.operations.ahead.agenda import Agenda, AgendaRequest, agenda
from remembrancer.operations.ahead.next_fires import PREVIEWED, all_with_next_fires, read_listed, with_next_fires
from remembrancer.operations.ahead.preview import (
    PreviewedFire,
    SchedulePreview,
    next_fires as cron_fires,
    preview_of,
    read_cron,
)
from remembrancer.operations.calendars.calendar_commands import read_source
from remembrancer.operations.dependencies.blocked_tasks import blocked_tasks, task_dependencies
from remembrancer.operations.diagnostics.checks import CheckResult, diagnose
from remembrancer.operations.edits.task_selection import read_match
from remembrancer.operations.event_feed import LONGEST_WAIT, MOST
from remembrancer.operations.exports.exports import export_calendar, export_crontab, read_span
from remembrancer.operations.halts.halt_commands import HaltCommands
from remembrancer.operations.named_queries import run_query
from remembrancer.operations.open_tasks import OpenTasks
from remembrancer.operations.references.resolution import resolved_schedule
from remembrancer.operations.sets.task_sets import Declaration
from remembrancer.operations.statistics import TaskPage, page_of
from remembrancer.operations.tokens import TokenService
from remembrancer.operations.work.work_requests import (
    WorkFailure,
    read_claim,
    read_held,
    read_next_check,
    read_progress,
    read_result,
    read_until,
    read_usage,
    read_work_thought,
    waiting_work,
)
from remembrancer.policies.unanswered.questions import wish_of
from remembrancer.ports.clock import Clock
from remembrancer.ports.filters import TaskFilter, TaskMatch
from remembrancer.ports.graph import Graph
from remembrancer.ports.handler import Handler, Handlers
from remembrancer.ports.host_hooks import NO_HOOKS, HostHooks
from remembrancer.ports.sync_calls import SyncCalls
from remembrancer.ports.telemetry import ObservedTelemetry
from remembrancer.schedules.parsing import after, read_moment
from remembrancer.service.calls import carried, public
from remembrancer.service.lifecycle import Lifecycle
from remembrancer.service.process import SchedulerProcess
from remembrancer.service.sync_service import SyncService
from remembrancer.service.telemetry.gauges import Gauges
from remembrancer.service.telemetry.metrics import Vitals, metrics
from remembrancer.service.telemetry.reports import Telemetry
from remembrancer.service.telemetry.status import ServiceCapabilities, ServiceStatus, ServiceType, capabilities, status
from remembrancer.service.unrun_commands import unrun_commands
from remembrancer.settings import SchedulerOptions

_ALL: Final = 1_000_000


class SchedulerService:
    """A scheduler over one graph; `remembrancer.bootstrap` puts one together.

    Its coroutine methods may be awaited on any event loop, in any thread: they are done on the loop that the service
    was started on. Code without a loop calls `blocking`.

    Args:
        open_store: Opens the graph.
        clock: The time.
        handler: Does the work of a task without a queue.
        options: The scheduler's numbers.
        instruments: Measure and trace.
        handlers: Do the work of queues, by their names; that of another queue is left to its workers.
        hooks: The questions to the host.
    """

    def __init__(  # noqa: PLR0913 (what a service is made of)
        self,
        open_store: Callable[[], Awaitable[Graph]],
        clock: Clock,
        handler: Handler,
        options: SchedulerOptions,
        instruments: ObservedTelemetry,
        *,
        handlers: Mapping[str, Handler] | None = None,
        hooks: HostHooks = NO_HOOKS,
    ) -> None:
        self._process = process = SchedulerProcess(clock, options)
        self._instruments = instruments
        self._handler = handler
        self.calls = process.calls
        """The calls that it took, and the event loop that it lives on."""
        vitals = Vitals(options.check_interval_seconds, clock.now, process.graph, process.stats, process.calls)
        self.telemetry = Telemetry(vitals)
        """The specification's reports on this scheduler."""
        self.gauges = Gauges(vitals, lambda: process.scheduler, options.max_concurrent_handlers)
        """The values of the instruments."""
        self.blocking = cast("SyncCalls", SyncService(self))
        """The service's methods for code without an event loop, such as plain handlers; see `Firing.scheduler`."""
        named = {read_label("handlers", queue, "mail"): each for queue, each in (handlers or {}).items()}
        by_queue = Handlers(handler, named)
        self._lifecycle = Lifecycle(process, self.gauges, open_store, by_queue, instruments, owner=self, hooks=hooks)

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
        defer_until: str | datetime | timedelta | None = None,
        schedule_cron: str | None = None,
        **fields: Unpack[NewTaskFields],
    ) -> ScheduleResult:
        """Schedule one task: at *defer_until*, by *schedule_cron*, or by the cron held back until that time.

        `ScheduleRequest` defines the arguments, and the other *fields* (timezone, misfire, …). Of `in_="2h"`, the time
        is so long from now; `defer_until="in 2h"` says the same.

        Returns the task as it is kept, on the disk by then: whether it is new, its next five fires, and warnings.
        Raises InvalidInput: a field is wrong, and nothing was written.
        """
        wait, fires = fields.pop("in_", None), fields.pop("fires", PREVIEWED)
        until = defer_until if wait is None else after(wait, defer_until)
        request = ScheduleRequest(
            name,
            goal_description,
            trigger_prompt,
            origin_thought_id,
            until,
            schedule_cron,
            **cast("TaskFields", fields),
        )
        return (await self.schedule_tasks([request], fires=fires))[0]

    @public
    async def schedule_tasks(
        self, requests: Sequence[ScheduleRequest], *, fires: int = PREVIEWED
    ) -> list[ScheduleResult]:
        """Schedule all of *requests* in one commit, or none if one of them is refused. Raises InvalidInput.

        Each answer has the next *fires* fires, 1 to 1000.
        """
        with self._instruments.scheduling(len(requests)):
            return await self._process.commands().schedule(requests, fires)

    @public
    async def schedule_deferred_task(
        self,
        thought_id: str,
        task_id: str,
        defer_until: str | datetime | timedelta,
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
        until: str | datetime | timedelta,
        reason: str,
        thought_id: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduleResult:
        """Defer the task's next run to *until*. Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput."""
        return await self._process.commands().defer(task_id, until, reason, thought_id, fence)

    @public
    async def ask_task(  # noqa: PLR0913, PLR0917 (the arguments of `Ask`, in its order)
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
        """Let the task's next run wait for an answer to *question*; `Ask` describes the arguments.

        Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput: it has an open question, or no run ahead.
        """
        asked_of, next_of = (() if each is None else each for each in (of, escalate_to))
        wish = Ask(question, asked_of, within, on_no_answer, reminders, next_of, thought_id)
        return await self._process.commands().questions.ask(task_id, wish, fence)

    @public
    async def answer_task(self, task_id: str, answer: str, *, fence: int | None = None) -> ScheduleResult:
        """Answer the open question of a task with `yes`, `no` or another text; after `no` its run is skipped.

        Raises TaskNotFound, TaskEnded, TaskChanged, InvalidInput: it has no open question.
        """
        return await self._process.commands().questions.answer(task_id, answer, fence)

    @public
    async def questions(self, limit: int = 100) -> list[Question]:
        """Return the open questions, the oldest first."""
        return list(await self._process.commands().questions.open(limit))

    @public
    async def update_task(
        self,
        task_id: str,
        *,
        reason: str | None = None,
        fence: int | None = None,
        fires: int = PREVIEWED,
        **fields: Unpack[TaskChanges],
    ) -> TaskUpdate:
        """Change *fields* of a task, as `ScheduleRequest` defines them; a running execution keeps what it began with.

        Another schedule begins now: what was due by it before and has not run is recorded as superseded.
        Returns the task, the fields changed, and the next *fires* fires before and after.
        Raises TaskNotFound, TaskEnded, TaskChanged, DuplicateTask, InvalidInput.
        """
        return await self._process.commands().edits.update(task_id, fields, reason, fence, fires)

    @public
    async def pause_task(
        self,
        task_id: str,
        until: str | datetime | timedelta | None = None,
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
        self,
        task_id: str,
        at: str | datetime | timedelta | None = None,
        reason: str | None = None,
        *,
        fence: int | None = None,
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
        occurrence: str | datetime | timedelta,
        to: str | datetime | timedelta,
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
        start: str | datetime | timedelta,
        end: str | datetime | timedelta,
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
    async def pause_tasks(
        self,
        until: str | datetime | timedelta | None = None,
        reason: str | None = None,
        *,
        dry_run: bool = False,
        **which: Unpack[TaskSelection],
    ) -> BulkResult:
        """Pause the open tasks that match all of *which* until *until*, or until they are resumed; or all tasks.

        It pauses the tasks that there are: one that is scheduled later fires. With *dry_run* nothing is written.
        Returns the outcome of each task, with its next fires before and after. Raises InvalidInput.
        """
        return await self._process.commands().many.pause(until, reason, dry_run=dry_run, **which)

    @public
    async def resume_tasks(
        self,
        on_missed: Misfire | str | None = None,
        reason: str | None = None,
        *,
        dry_run: bool = False,
        **which: Unpack[TaskSelection],
    ) -> BulkResult:
        """End the pauses of the tasks that match all of *which*, or of all tasks, as `resume_task` ends that of one.

        With *dry_run* nothing is written. Returns the outcome of each paused task. Raises InvalidInput.
        """
        return await self._process.commands().many.resume(on_missed, reason, dry_run=dry_run, **which)

    @public
    async def update_tasks(
        self,
        changes: TaskChanges,
        reason: str | None = None,
        *,
        dry_run: bool = False,
        **which: Unpack[TaskSelection],
    ) -> BulkResult:
        """Change fields of the open tasks that match all of *which*, or of all, each as `update_task` changes one.

        With *dry_run* nothing is written. Returns the outcome of each task, with the fields changed and its next fires
        before and after. Raises InvalidInput: a change fits no task.
        """
        return await self._process.commands().many.update(changes, reason, dry_run=dry_run, **which)

    @public
    async def cancel_tasks(
        self, reason: str | None = None, *, dry_run: bool = False, **which: Unpack[TaskSelection]
    ) -> BulkResult:
        """Cancel the open tasks that match all of *which*, or all tasks; their records are kept.

        With *dry_run* nothing is written. Returns the outcome of each task. Raises InvalidInput.
        """
        return await self._process.commands().many.cancel(reason, dry_run=dry_run, **which)

    @public
    async def apply_set(
        self,
        name: str,
        tasks: Mapping[str, Mapping[str, Any]],
        *,
        defaults: Mapping[str, Any] | None = None,
        prune: bool = False,
        dry_run: bool = False,
        fires: int = PREVIEWED,
    ) -> AppliedSet:
        """Make the tasks of a set those that are declared; applied again, a set that is unchanged writes nothing.

        Args:
            name: The name of the set.
            tasks: By its key, the fields of each task, as `ScheduleRequest` defines them; a kind of schedule is a
                field too: `{"every": "90m"}`.
            defaults: Fields of each task that does not have them.
            prune: Whether tasks of the set that are declared no more are cancelled.
            dry_run: Whether nothing is written, and the answer has what would change.
            fires: The number of next fires in the answer, before and after.

        Raises:
            InvalidInput: A field of a task is wrong, and nothing was written. The message names every wrong one.
        """
        declared = Declaration(name, tasks, defaults, prune, dry_run, fires)
        return await self._process.commands().sets.apply(declared)

    @public
    async def run_now(self, task_id: str, *, fence: int | None = None, force: bool = False) -> Execution:
        """Start one execution outside the schedule; with *force*, even if a limit has no free slot, or in a halt.

        A halt of the host is never overridden, nor any halt by a handler, over HTTP or by a tool.
        Raises TaskNotFound, TaskEnded, TaskChanged, SchedulerBusy, LimitReached, SchedulerHalted.
        """
        start = partial(self._process.running_scheduler().run_now, force=force)
        return await self._process.commands().run(task_id, start, fence)

    @public
    async def claim_work(
        self,
        queues: Sequence[str],
        worker: str,
        limit: int = 1,
        *,
        wait_seconds: float = 0.0,
        lease_seconds: float = LEASE_SECONDS,
    ) -> list[WorkItem]:
        """Take up to *limit* executions of *queues*; wait up to *wait_seconds* for the first one.

        The worker reports on each, or ends it, within *lease_seconds* each time; else it is lost, and its work comes
        back, up to the task's `max_attempts`. Raises InvalidInput.
        """
        asked = read_claim(queues, worker, limit, wait_seconds, lease_seconds)
        return await self._process.running_scheduler().workers.claim(asked)

    @public
    async def report_work(
        self, execution_id: str, worker: str, fraction: float | None = None, text: str | None = None
    ) -> WorkReceipt:
        """Say that a worker still works, and how far it is. Raises WorkNotHeld, InvalidInput."""
        held = read_held(execution_id, worker)
        return self._process.running_scheduler().workers.report(held, read_progress(fraction, text))

    @public
    async def complete_work(  # noqa: PLR0913 (the fields of `Done`)
        self,
        execution_id: str,
        worker: str,
        result: str | None = None,
        *,
        thought: str | None = None,
        thought_id: str | None = None,
        next_check: str | datetime | timedelta | None = None,
        tokens: int = 0,
        money: int | str = "0",
    ) -> Execution:
        """End an execution: its work is done, as a handler says by `Done`. Raises WorkNotHeld, InvalidInput."""
        held, made = read_held(execution_id, worker), read_work_thought(execution_id, thought, thought_id)
        done = Done(read_result(result), made, read_next_check(next_check), read_usage(tokens, money))
        return await self._process.running_scheduler().workers.settle(held, done)

    @public
    async def fail_work(  # noqa: PLR0913 (the fields of `Failed` and `Retry`)
        self,
        execution_id: str,
        worker: str,
        reason: str,
        *,
        permanent: bool = False,
        retry: bool = False,
        retry_after: float | str | timedelta | None = None,
        exceptions: Sequence[str] | None = None,
        tokens: int = 0,
        money: int | str = "0",
    ) -> Execution:
        """End an execution: its work failed, as a handler says by `Failed`, by `Retry` or by an exception.

        Another attempt follows with *retry* or *retry_after*, or as the task's `retry` says; *exceptions* are the
        names of the class that was raised and of its bases. Raises WorkNotHeld, InvalidInput.
        """
        held, usage = read_held(execution_id, worker), read_usage(tokens, money)
        failure = WorkFailure(
            reason=reason, permanent=permanent, retry=retry, retry_after=retry_after, exceptions=exceptions
        )
        outcome = replace(failure.outcome(), usage=usage)
        return await self._process.running_scheduler().workers.settle(held, outcome)

    @public
    async def defer_work(
        self, execution_id: str, worker: str, until: str | datetime | timedelta, reason: str
    ) -> Execution:
        """End an execution: its run is deferred to *until*, as a handler says by `Defer`.

        Raises WorkNotHeld, InvalidInput.
        """
        held, wish = read_held(execution_id, worker), Defer(read_until(until), read_reason(reason))
        return await self._process.running_scheduler().workers.settle(held, wish)

    @public
    async def ask_work(  # noqa: PLR0913 (the fields of `Ask`)
        self,
        execution_id: str,
        worker: str,
        question: str,
        *,
        of: str | Sequence[str] | None = None,
        within: str | timedelta | None = None,
        on_no_answer: OnNoAnswer | str | None = None,
        reminders: int = 3,
        escalate_to: str | Sequence[str] | None = None,
    ) -> Execution:
        """End an execution: its run waits for an answer of people, as a handler says by `Ask`.

        Raises WorkNotHeld, InvalidInput.
        """
        held = read_held(execution_id, worker)
        wish = Ask(question, of or (), within, on_no_answer, reminders, escalate_to or ())
        wish_of(wish)
        return await self._process.running_scheduler().workers.settle(held, wish)

    @public
    async def waiting_work(self, queue: str, limit: int = 100) -> list[WaitingWork]:
        """Return what waits for workers of a queue, in the order in which it is handed out. Raises InvalidInput."""
        return await waiting_work(self._graph(), queue, limit)

    @public
    async def blocked_tasks(self, limit: int = 100) -> list[BlockedTask]:
        """Return the tasks that wait for others: for what, down to the root, and what would let them run."""
        return await blocked_tasks(self._graph(), limit)

    @public
    async def task_dependencies(self, task_id: str) -> TaskDependencies:
        """Return the tasks that a task depends on, and the open ones that depend on it. Raises TaskNotFound."""
        return await task_dependencies(self._graph(), task_id)

    @public
    async def get_execution(self, execution_id: str) -> Execution:
        """Return one execution. Raises ExecutionNotFound."""
        return await self._graph().tasks.execution(execution_id)

    async def get_scheduled_tasks(self) -> list[ScheduledTaskInfo]:
        """Return the tasks that are PENDING or ACTIVE, the next to run first."""
        return [task.info() for task in await self.find_tasks(statuses=OPEN_STATUSES, limit=_ALL)]

    @public
    async def find_tasks(  # noqa: PLR0913 (one for each filter)
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
        waiting: bool = False,
    ) -> list[ScheduledTask]:
        """Return tasks, the next to run first, those that do not run again last.

        Args:
            statuses: Of any of these; empty means any.
            recurring: Only recurring tasks, or only one-time ones; None means both.
            limit: The most tasks to return.
            next_fires: The number of next fires that each task has, up to 1,000; True is five. One answer
                has at most 100,000 fires.
            name: Of this name, exactly.
            tags: With all of these tags.
            group: Of this group.
            text: With this in the name, the goal or the prompt, in capital or small letters.
            waiting: Only those whose occurrence has come and waits for something, by what they wait for.

        Raises:
            InvalidInput: The limit, a status or another argument cannot be used.
        """
        match = read_match(name=name, tags=tags, group=group, text=text)
        read_listed(next_fires)
        wanted = replace(_filter(statuses, recurring, limit, match), waiting=waiting)
        found = await self._graph().tasks.find(wanted)
        return await all_with_next_fires(found, next_fires)

    @public
    async def get_task(self, task_id: str) -> ScheduledTask:
        """Return one task with its deferral history and its next five fires. Raises TaskNotFound."""
        return with_next_fires(await self._graph().tasks.get(task_id))

    @public
    async def page_of_tasks(  # noqa: PLR0913 (one for each filter)
        self,
        cursor: str | None = None,
        *,
        statuses: Collection[TaskStatus] = (),
        recurring: bool | None = None,
        limit: int = 1000,
        next_fires: bool | int = False,
        name: str | None = None,
        tags: Collection[str] = (),
        group: str | None = None,
        text: str | None = None,
    ) -> TaskPage:
        """Return tasks by status and type, the newest of each first, from *cursor* on; and the next cursor.

        The other arguments: see `find_tasks`. Raises InvalidInput.
        """
        match = read_match(name=name, tags=tags, group=group, text=text)
        read_listed(next_fires)
        page = await page_of(self._graph().tasks, _filter(statuses, recurring, limit, match), cursor)
        return replace(page, tasks=await all_with_next_fires(page.tasks, next_fires)) if next_fires else page

    @public
    async def history(  # noqa: PLR0913 (one for each filter)
        self,
        task_id: str | None = None,
        limit: int = 100,
        before: str | None = None,
        *,
        since: str | datetime | timedelta | None = None,
        until: str | datetime | timedelta | None = None,
        status: str | Collection[str] | None = None,
        timezone: str = "UTC",
    ) -> list[Execution]:
        """Return executions, newest first: of one task, or of all; older than the execution *before* if given.

        Old and new go by their nominal times: from *since* on, and before *until*, which are on the wall clock of
        *timezone* if they name no offset. With *status*, one or several, only those that have one of them; `running`
        are those under way, on all replicas, with the progress reported. Raises InvalidInput.
        """
        within = task_history.read_range(self._process.clock.now(), before, since, until, timezone)
        return await task_history.executions(self._graph(), task_id, limit, within, status)

    @public
    async def audit_entries(
        self,
        task_id: str | None = None,
        *,
        since: str | datetime | timedelta | None = None,
        after: str | None = None,
        limit: int = 1000,
        timezone: str = "UTC",
    ) -> list[AuditEntry]:
        """Return the changes of a task, or of all and of the graph, with their actors, oldest first.

        Args:
            task_id: Only the changes of this task; none for one that is not there.
            since: Only from this time on.
            after: Only after this change: the `change_id` of the last one that an earlier answer gave.
            limit: At most so many, 1 to 10,000.
            timezone: The IANA zone of a time that names no offset.

        Raises:
            InvalidInput: One of them is wrong.
        """
        begin = task_history.read_begin(self._process.clock.now(), since, timezone)
        return await task_history.audit_entries(self._graph(), task_id, begin=begin, after=after, limit=limit)

    @carried
    async def timeline(self, task_id: str, limit: int = 100) -> list[Execution | AuditEntry]:
        """Return the executions and the changes of a task in one list, newest first."""
        return await task_history.timeline(self._graph(), task_id, limit)

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
    async def recheck(self, *, dry_run: bool = False) -> RecheckResult:
        """Derive all armed times again, as a start does after the rules of a time zone have changed.

        With *dry_run* nothing is written: the result has the fires that would move.
        """
        author, rules = current_actor(), self._process.running_scheduler().rules
        return await rules.recheck(Author(author.surface, author.actor), dry_run=dry_run)

    @public
    async def dead_letters(self, task_id: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """Return the failures that no attempt follows, of a task or of all: one for each task and fault.

        The last to fail is the first. Raises InvalidInput.
        """
        return list(await self._process.commands().dead_letters.all(task_id, limit))

    @public
    async def rerun(
        self,
        dead_letter_id: str,
        trigger_prompt: str | None = None,
        context: dict[str, Any] | None = None,
        reason: str | None = None,
        *,
        force: bool = False,
    ) -> Execution:
        """Run the task of a dead letter again, as it was, or with another prompt or context; the task stays as it is.

        It runs also if the task has ended, unless it was cancelled; with *force*, even if a limit has no free slot.
        Returns the execution, RETRY_OF the one that failed. Raises InvalidInput, TaskEnded, SchedulerBusy,
        LimitReached, SchedulerHalted.
        """
        changed = {"trigger_prompt": trigger_prompt, "context": context}
        start = partial(self._process.running_scheduler().run_now, force=force)
        return await self._process.commands().dead_letters.rerun(dead_letter_id, changed, reason, start)

    @public
    async def clear_dead_letter(self, dead_letter_id: str, reason: str) -> bool:
        """Clear a dead letter, with a reason for the audit log; its executions stay.

        False if there is none of this id, or the task has failed for its fault again meanwhile.
        """
        return await self._process.commands().dead_letters.clear(dead_letter_id, reason)

    @public
    async def lineages(self, limit: int = 100) -> Sequence[OpenLineage]:
        """Return lineages with open tasks, at most *limit*, the largest first.

        Of the first 10,000 open tasks, those of lineages that have a budget, or in which a handler has scheduled.
        """
        return await self._process.commands().lineages.open(limit)

    @public
    async def lineage(self, of: str, *, limit: int = 1000) -> Lineage:
        """Return the lineage of a task, or the one that a thought started: its tree of tasks, and its budget.

        Raises TaskNotFound: no task and no thought of a task has this id.
        """
        return await self._process.commands().lineages.get(of, limit)

    @public
    async def set_budget(self, of: str, budget: Budget | str, reason: str | None = None) -> Lineage:
        """Give the lineage of a task, or of a thought, other bounds: those that *budget* names; None takes one away.

        Refused to handlers, which would set their own. Raises TaskNotFound, InvalidInput.
        """
        return await self._process.commands().lineages.set_budget(of, budget, reason)

    @public
    async def stop_lineage(self, of: str, reason: str | None = None, *, dry_run: bool = False) -> BulkResult:
        """Cancel all open tasks of the lineage that a thought started; of a task, it and all that came of it.

        What runs of them is asked to stop, and can schedule nothing more. With *dry_run* nothing is written: the
        result has what would be cancelled. Raises TaskNotFound.
        """
        return await self._process.commands().lineages.stop(of, reason, dry_run=dry_run)

    @public
    async def snapshot(self, folder: str) -> None:
        """Copy the files of an embedded graph, as they are at one time, into the empty *folder*, while tasks fire.

        `remembrancer.backup_graph` makes a backup of it. Raises InvalidInput, GraphUnavailable.
        """
        await self._graph().health.snapshot(Path(folder))

    @public
    async def examine(self) -> list[CheckResult]:
        """Return the results of the ten checks of the graph and of this scheduler."""
        facts = await self.gauges.facts()
        if facts.process and facts.silent is None:
            facts = replace(facts, unrun_commands=await unrun_commands(self._graph(), self._handler))
        return diagnose(facts)

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
        after: str | datetime | timedelta | None = None,
        count: int = 5,
        gap: Gap = Gap.RUN_AFTER,
        fold: Fold = Fold.FIRST,
        seconds_field: SecondsField | None = None,
    ) -> list[PreviewedFire]:
        """Return the next fires of a cron expression after a time, or after now. Raises InvalidInput."""
        now = self._process.clock.now()
        begin = now if after is None else read_moment(after, "after", now=now, timezone=timezone)
        read = partial(read_cron, expression, timezone=timezone, gap=gap, fold=fold, seconds_field=seconds_field)
        return await cron_fires(read, begin, count)

    @public
    async def preview_schedule(
        self, schedule: ScheduleArgument, after: str | datetime | timedelta | None = None, count: int = 5
    ) -> SchedulePreview:
        """Return what a schedule of any kind means: its words, its next fires, and what to be careful about.

        The fires are those after a time, or after now. Its field `schedule` is what to schedule once it is confirmed.
        Raises InvalidInput.
        """
        given = await resolved_schedule(self._graph(), schedule)
        return await preview_of(given, after, count, self._process.clock.now())

    @public
    async def agenda(
        self,
        start: str | datetime | timedelta | None = None,
        end: str | datetime | timedelta | None = None,
        timezone: str = "UTC",
        *,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Agenda:
        """Return every fire of every open task from *start* to *end*, by time, in the reader's zone.

        Args:
            start: The first time; now, unless given.
            end: The last time, at most 366 days later; a week later, unless given.
            timezone: The reader's IANA zone; times without an offset are in it.
            limit: The most entries, 1 to 1000. A task with more than 400 fires has one entry, with their number.
            cursor: The `next_cursor` of the page before; it keeps the range.

        Raises:
            InvalidInput: One of them is wrong.
        """
        now = self._process.clock.now()
        return await agenda(self._graph().tasks, now, AgendaRequest(start, end, timezone, limit, cursor))

    @public
    async def define_calendar(  # noqa: PLR0913 (one for each part of a source)
        self,
        name: str,
        *,
        country: str | None = None,
        subdivision: str | None = None,
        categories: Sequence[str] | None = None,
        ics: str | None = None,
        dates: Sequence[str] | None = None,
        years: int = 5,
        timezone: str | None = None,
    ) -> NamedCalendar:
        """Define a calendar under a name: the public holidays of a country, an iCalendar text, or dates.

        Args:
            name: A name that no calendar has.
            country: The ISO 3166 code of a country, such as DE: its public holidays, by the package `holidays`.
            subdivision: A state or province of the country.
            categories: The categories of holidays; by default the public ones.
            ics: An iCalendar text (RFC 5545), whose events are days and windows.
            dates: Dates, and windows such as `2026-12-24T18:00/2026-12-24T22:00`.
            years: The years that are worked out, from the present one on.
            timezone: The zone whose days they are; by default that of the text, or of the schedule that uses them.

        Raises:
            InvalidInput: The name is taken, or the source cannot be used.
        """
        source = read_source(
            country=country,
            subdivision=subdivision,
            categories=categories,
            ics=ics,
            dates=dates,
            years=years,
            timezone=timezone,
        )
        return await self._process.commands().calendars.define(name, source)

    @public
    async def renew_calendar(
        self,
        name: str,
        *,
        ics: str | None = None,
        dates: Sequence[str] | None = None,
        years: int | None = None,
        dry_run: bool = False,
    ) -> CalendarRenewal:
        """Work a calendar out again from the present year on, and arm the tasks that use it by what it says now.

        One of an iCalendar text or of dates needs them again. With *dry_run* nothing is written.
        Returns the calendar, the dates that came and went, and the tasks whose next fires moved. Raises InvalidInput.
        """
        return await self._process.commands().calendars.renew(name, ics=ics, dates=dates, years=years, dry_run=dry_run)

    @public
    async def get_calendar(self, name: str) -> NamedCalendar:
        """Return a calendar. Raises InvalidInput: there is none of this name."""
        return await self._process.commands().calendars.get(name)

    @public
    async def list_calendars(self) -> list[NamedCalendar]:
        """Return the calendars, by name."""
        return list(await self._process.commands().calendars.all())

    @public
    async def remove_calendar(self, name: str) -> bool:
        """Remove a calendar that no open task uses. Raises InvalidInput: there is none, or tasks use it."""
        return await self._process.commands().calendars.remove(name)

    @public
    async def halt(self, reason: str, *, stop_running: bool = False) -> HaltState:
        """Halt the scheduler: nothing begins on any replica of the graph until `release`, also after a restart.

        What falls due stays due. What runs goes on, or is asked to stop with *stop_running*; the answer names those of
        this process. Raises InvalidInput.
        """
        await self._halts().halt(reason, stop_running=stop_running)
        return await self._process.running_scheduler().meet_halt()

    @public
    async def release(self, reason: str | None = None) -> HaltState:
        """End the halt of the graph, if there is one: what fell due runs, as the `misfire` of each task says.

        It does not end a halt of the host. Raises InvalidInput.
        """
        await self._halts().release(reason)
        return await self._process.running_scheduler().meet_halt()

    @public
    async def halt_state(self) -> HaltState:
        """Return whether the scheduler is halted, why and since when; or its last halt. The host is asked, too."""
        return await self._process.running_scheduler().gate.current_state()

    @public
    async def set_limit(
        self, key: str, slots: int | None = None, rate: str | None = None, burst: int | None = None
    ) -> ConcurrencyLimit:
        """Set how many executions may run at once, or begin in a time; return the limit as it is then.

        Args:
            key: `all`, `group:` and the name of a group, or a concurrency key.
            slots: The most executions at once; None for no limit. What runs already goes on.
            rate: How many may begin in a time, such as `60/minute`; None for any number.
            burst: How many of these may begin at once; None for those of a tenth of a second, at least one.

        Raises:
            InvalidInput: A value cannot be used.
        """
        return await self._process.commands().concurrency.set(key, slots, rate, burst)

    @public
    async def list_limits(self) -> list[ConcurrencyLimit]:
        """Return the limits by key, with the executions that hold their slots and the number of tasks that wait."""
        return list(await self._process.commands().concurrency.all())

    @public
    async def set_circuit(self, key: str, opens_after: int = 5, open_seconds: float = 60.0) -> ConcurrencyLimit:
        """Set when the circuit of a service opens, and for how long; return it as it is then.

        Args:
            key: The `circuit_key` of the tasks that use the service.
            opens_after: The failures in a row that open it.
            open_seconds: Seconds from its opening, or from a trial that failed, to the next trial.

        Raises:
            InvalidInput: A value cannot be used.
        """
        return await self._process.commands().concurrency.set_circuit(key, opens_after, open_seconds)

    @public
    async def reset_circuit(self, key: str) -> ConcurrencyLimit:
        """Close the circuit of a service at once, and forget its failures; return it. What waits for it runs.

        Args:
            key: The `circuit_key` of the tasks that use the service.

        Raises:
            InvalidInput: There is no circuit with this key.
        """
        return await self._process.commands().concurrency.reset_circuit(key)

    @public
    async def define_template(
        self,
        name: str,
        task: Mapping[str, Any],
        parameters: Mapping[str, Mapping[str, Any] | str] | None = None,
        *,
        description: str | None = None,
        version: int | None = None,
    ) -> TaskTemplate:
        """Define a template of tasks, or replace it: the tasks that were made from it stay as they are.

        An equal definition writes nothing. The task that the defaults and examples make is checked.

        Args:
            name: The name under which it is used.
            task: The fields of the task, as `apply_set` takes them, with `{parameter}` where a value goes. A text
                that is one such place gets the value with its type.
            parameters: By its name, each parameter: its `type`, and `default`, `allowed`, `example` and `description`
                where it has them; or its type alone.
            description: Its purpose, for people.
            version: Only in place of this version; 0: only where there is none.

        Raises:
            InvalidInput: A part of it is wrong, or it has another version. Nothing was written.
        """
        return await self._process.commands().templates.define(name, task, parameters, description, version)

    @public
    async def get_template(self, name: str) -> TaskTemplate:
        """Return a template. Raises InvalidInput: there is none of this name."""
        return await self._process.commands().templates.get(name)

    @public
    async def list_templates(self) -> list[TaskTemplate]:
        """Return the templates, by name."""
        return list(await self._process.commands().templates.all())

    @public
    async def remove_template(self, name: str) -> bool:
        """Remove a template; the tasks that were made from it stay. Raises InvalidInput: there is none."""
        return await self._process.commands().templates.remove(name)

    @public
    async def schedule_from_template(
        self,
        name: str,
        values: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        fires: int = PREVIEWED,
    ) -> ScheduleResult:
        """Schedule the task that a template makes of values.

        Args:
            name: The name of the template.
            values: The values by the names of the parameters; one with a default need not be given.
            overrides: Fields of the task in place of those of the template.
            fires: The number of next fires in the answer.

        Raises:
            InvalidInput: A value is missing, unknown or of another type, or a field that it makes is wrong.
        """
        return await self._process.commands().templates.schedule(name, values, overrides, fires)

    @public
    async def export_calendar(
        self,
        since: str | datetime | timedelta | None = None,
        until: str | datetime | timedelta | None = None,
        *,
        history: bool = False,
        timezone: str = "UTC",
    ) -> str:
        """Return a calendar (iCalendar, RFC 5545) with an event for each fire ahead, the first 5,000.

        Args:
            since: From this time on; None is now.
            until: Up to this time; None is 30 days later.
            history: With the executions in the span too, and their outcomes; the last 5,000.
            timezone: The IANA zone of a time that names no offset.

        Raises:
            InvalidInput: A time is wrong.
        """
        span = read_span(self._process.clock.now(), since, until, timezone)
        return await export_calendar(self._graph(), span, history=history)

    @public
    async def export_crontab(self, *, system: bool = False) -> str:
        """Return the recurring tasks with commands as a crontab, and each other task as a comment with the reason.

        With *system*, lines name their user, as in /etc/cron.d.
        """
        return await export_crontab(self._graph(), self._process.clock.now(), system=system)

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
        await self._process.commands().referring.catch_up()
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

    @property
    def next_waiting_at(self) -> datetime | None:
        """The time at which the next attempt or run begins that waits for its time; None without any that is known."""
        scheduler = self._process.running_scheduler()
        return min(filter(None, (scheduler.next_retry_at, scheduler.next_permit_at)), default=None)

    def get_status(self) -> ServiceStatus:
        """Return the status of the scheduler, with its metrics; it asks the graph nothing."""
        process = self._process
        return status(
            self._collect_custom_metrics(),
            process.stats(),
            process.scheduler,
            process.last_error(),
            waiting=self.gauges.waiting,
            totals=process.totals(),
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

    def _halts(self) -> HaltCommands:
        return HaltCommands(self._graph().halts, OpenTasks(self._graph(), self._process.clock))

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


def _filter(
    statuses: Collection[TaskStatus],
    recurring: bool | None,  # noqa: FBT001 (None is a third value)
    limit: int,
    match: TaskMatch | None,
) -> TaskFilter:
    """Return the filter of a list of tasks. Raises InvalidInput."""
    wanted = frozenset(read_word("statuses", each, TaskStatus, "PENDING") for each in statuses)
    return TaskFilter(wanted, recurring, read_limit(limit), match)
