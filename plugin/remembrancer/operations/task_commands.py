"""Task commands: schedule, defer, cancel, run now. Each is one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remembrancer.completion import complete
from remembrancer.context import IDEMPOTENCY_KEY, current_actor
from remembrancer.errors import (
    IdempotencyKeyReused,
    InvalidInput,
    TaskContended,
    TaskNotFound,
    TaskUnreadable,
)
from remembrancer.model.cancellation import Cancellation
from remembrancer.model.constraints import read_context, read_id, read_reason
from remembrancer.model.deferral import Deferral
from remembrancer.model.handler_result import Defer
from remembrancer.model.ids import new_id
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.request import ScheduleRequest
from remembrancer.model.task import Disposition
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import Moment, from_ms, to_ms
from remembrancer.operations.ahead.next_fires import PREVIEWED
from remembrancer.operations.calendars.calendar_commands import CalendarCommands
from remembrancer.operations.dependencies.blocked_tasks import dependents_warnings
from remembrancer.operations.edits.manual_runs import ManualRuns
from remembrancer.operations.edits.many_tasks import ManyTasks
from remembrancer.operations.edits.occurrence_edits import OccurrenceEdits
from remembrancer.operations.edits.referring_tasks import ReferringTasks
from remembrancer.operations.edits.task_edits import TaskEdits
from remembrancer.operations.idempotency import run_once
from remembrancer.operations.incidents.dead_letter_commands import DeadLetterCommands
from remembrancer.operations.limits.limit_commands import LimitCommands
from remembrancer.operations.lineages.deferral_loops import refuse_loop
from remembrancer.operations.lineages.lineage_commands import LineageCommands
from remembrancer.operations.lineages.origins import Origins, with_origin
from remembrancer.operations.open_tasks import ROUNDS, OpenTasks, check_fence, check_not_paused, check_readable
from remembrancer.operations.questions.question_commands import QuestionCommands
from remembrancer.operations.sets.task_sets import TaskSets
from remembrancer.operations.task_creation import TaskCreation
from remembrancer.operations.templates.template_commands import TemplateCommands
from remembrancer.operations.validation import reply
from remembrancer.policies.cancellation import outstanding
from remembrancer.policies.timers import timer_of
from remembrancer.policies.unanswered.deferral import defer, deferred
from remembrancer.policies.unanswered.deferral_limits import DeferralTerms, limits_from

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask, ScheduleResult
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.idempotency import IdempotencyRecord
    from remembrancer.ports.timers import TimerGate
    from remembrancer.ports.writes import Change
    from remembrancer.settings import SchedulerOptions

    Start = Callable[[ScheduledTask, Change], Awaitable[Execution | None]]


class TaskCommands:
    """The commands of the current actor, on one graph.

    Args:
        store: The graph.
        clock: The time.
        options: Bounds of lineages and of deferrals in a row, and the time that a wish may be late and fire at once.
        with_local_id: Assigns a new task that is due at once an id of a shard of this replica.
        stop_runs: Stops the running executions of a cancelled task; returns those that were asked to stop.
        timers: The host's word on timers; None without one.
    """

    def __init__(  # noqa: PLR0917 (what the commands work on)
        self,
        store: Graph,
        clock: Clock,
        options: SchedulerOptions,
        with_local_id: Callable[[ScheduledTask], ScheduledTask],
        stop_runs: Callable[[str], Awaitable[list[str]]],
        timers: TimerGate | None = None,
    ) -> None:
        late = options.check_interval_seconds
        self._store = store
        self._clock = clock
        self._origins = Origins(store, options.lineage_limits, options.quotas, timers)
        self._creation = TaskCreation(store, clock, late, with_local_id, self._origins)
        self._tasks = OpenTasks(store, clock)
        self._stop_runs = stop_runs
        self._deferral_limits = limits_from(options)
        self.edits = TaskEdits(store, clock, late, timers)
        """Changes of open tasks: pause, resume, update."""
        self.occurrences = OccurrenceEdits(store, clock, late, timers)
        """Changes of single occurrences: skip, add, move, backfill."""
        self.calendars = CalendarCommands(store, clock, late)
        """Named calendars."""
        self.referring = ReferringTasks(store, clock, late)
        """The tasks that refer to calendars and to other tasks."""
        self.many = ManyTasks(store, clock, late, self, timers)
        """Edits and cancellations of many tasks at once."""
        self.sets = TaskSets(store, clock, late, self._creation.admit, self._origins, self.edits, self.cancel)
        """Declared sets of tasks."""
        self.concurrency = LimitCommands(store.limits, self._tasks)
        """Limits of what runs at once."""
        self.questions = QuestionCommands(store, clock, self._deferral_limits, timers)
        """Questions of tasks to people."""
        self.lineages = LineageCommands(store, clock, self._origins, self)
        """The trees of tasks that thoughts started."""
        self._manual_runs = ManualRuns(store, self.lineages.check_left)
        self.dead_letters = DeadLetterCommands(store, clock, self._manual_runs)
        """Failures that no attempt follows."""
        self.templates = TemplateCommands(store, clock, self._creation)
        """Templates of tasks."""

    async def schedule(self, requests: Sequence[ScheduleRequest], fires: int = PREVIEWED) -> list[ScheduleResult]:
        """Schedule all of *requests*, or none; a known dedup_key returns its task."""
        return await self._creation.schedule(requests, fires)

    async def schedule_deferred(
        self,
        thought_id: str,
        task_id: str,
        defer_until: Moment,
        reason: str,
        context: dict[str, Any] | None,
    ) -> ScheduleResult:
        """Defer the task of this id, or the one that brings it back, or schedule one that does."""
        read_id("task_id", task_id)
        read_id("thought_id", thought_id)

        async def act() -> ScheduleResult:
            await refuse_loop(self._store, task_id)
            try:
                standing = await self._store.tasks.get(task_id)
            except TaskNotFound:
                standing = await self._store.tasks.find_reactivation(task_id)
            if standing and (key := IDEMPOTENCY_KEY.get()) and standing.dedup_key == key.of_task(0):
                raise IdempotencyKeyReused(key.given)  # made a moment ago, for the same request sent twice at once
            if standing and standing.is_open:
                check_readable(standing)
                wish = Defer(defer_until, read_reason(reason), thought_id)
                return await self._defer(standing, wish, read_context(context))
            return await self._schedule_reactivation(
                ScheduleRequest(
                    name=f"Resume {task_id}"[:200],
                    goal_description=f"Resume the task {task_id}, which was deferred.",
                    trigger_prompt=f"Resume the task {task_id}. It was deferred because: {read_reason(reason)}",
                    origin_thought_id=thought_id,
                    defer_until=defer_until,
                    context=read_context(context),
                ),
                task_id,
                reason,
            )

        return await run_once(self._store.idempotency, act, self._tasks.as_it_stands)

    async def defer(
        self, task_id: str, until: Moment, reason: str, thought_id: str | None, fence: int | None = None
    ) -> ScheduleResult:
        """Defer the task's next run."""
        wish = self._wish(until, reason, thought_id)

        async def act() -> ScheduleResult:
            return await self._defer(await self._tasks.open(task_id, "deferred", fence), wish, fence=fence)

        return await run_once(self._store.idempotency, act, self._tasks.as_it_stands)

    async def cancel(self, task_id: str, reason: str | None, fence: int | None = None) -> Cancellation:
        """Cancel an open task with its due occurrences, and stop its running executions.

        A task that cannot be read, so that its due occurrences are not known, is quarantined.
        """
        read_id("task_id", task_id)
        check_bounds(fence, "fence", 3)  # the graph compares it, and takes 64 bits
        text = None if reason is None else read_reason(reason)

        async def act() -> Cancellation:
            return await complete(self.end(task_id, self._tasks.change("cancel", text, fence=fence)))

        async def again(_: IdempotencyRecord) -> Cancellation:
            return Cancellation(ended=True)

        return await run_once(self._store.idempotency, act, again)

    async def end(self, task_id: str, change: Change) -> Cancellation:
        """End one task, whatever its node holds, and stop what runs of it."""
        if not await self._cancel(task_id, change):
            return Cancellation(ended=False)
        await self.referring.follow([task_id], "cancelled")
        told = await dependents_warnings(self._store, [task_id], "cancelled")
        return Cancellation(ended=True, stopping=await self.stop_runs(task_id), warnings=told)

    async def stop_runs(self, task_id: str) -> list[str]:
        """Stop what runs of a task that has ended; return the executions that were asked to stop."""
        return await self._stop_runs(task_id)

    async def tell_referring(self, changed: Sequence[ScheduledTask], change: str) -> None:
        """Bring the tasks that follow the *changed* ones up to date, and those themselves after a renewal meanwhile."""
        await self.referring.meet_renewals(task for task in changed if task.is_open)
        await self.referring.follow([task.task_id for task in changed], change)

    async def _cancel(self, task_id: str, change: Change) -> bool:
        pending = None
        for _ in range(ROUNDS):
            if await self._store.tasks.cancel(task_id, change, pending):
                return True
            try:
                task = await self._store.tasks.get(task_id)
                check_fence(task, change.if_fence)
                if not task.is_open:
                    return False
                pending = outstanding(task, to_ms(change.at))
            except TaskNotFound:
                return False
            except (TaskUnreadable, InvalidInput) as fault:
                await self._store.tasks.quarantine(task_id, str(fault), change.at)
                return True
        raise TaskContended(task_id, "cancelled", ROUNDS)

    async def run(self, task_id: str, start: Start, fence: int | None = None) -> Execution:
        """Have *start* run the task once, now; return the execution as it started."""

        async def read() -> ScheduledTask:
            return await self._tasks.open(task_id, "run", fence)

        async def begin(task: ScheduledTask) -> Execution | None:
            return await start(task, self._tasks.change("run_now", None, fence=fence))

        return await self._manual_runs.start(read, begin)

    async def _defer(
        self, task: ScheduledTask, wish: Defer, context: dict[str, Any] | None = None, fence: int | None = None
    ) -> ScheduleResult:
        """Defer *task*, again if it moved on while this was decided, and may have."""
        for _ in range(ROUNDS):
            now = self._clock.now()
            check_not_paused(task, now)
            reschedule = defer(task, wish, now, None, DeferralTerms(self._deferral_limits, context=context))
            if task.next_run_ms is None:
                raise InvalidInput(
                    "task_id",
                    task.task_id,
                    f"a task with a run ahead; this one {'has none yet' if task.reacts else 'runs right now'}",
                    "wait for its next run" if task.reacts else "wait until it has ended",
                )
            if self._origins.timers is not None:
                await self._origins.timers.permit([timer_of(task, reschedule, current_actor())])
            change = self._tasks.change("defer", wish.reason, wish.thought_id, fence=fence)
            if await self._store.tasks.defer(task.task_id, task.next_run_ms, reschedule, change):
                if task.task_type is TaskType.ONE_TIME:
                    await self.referring.follow([task.task_id], "deferred")
                return reply(await self._tasks.kept(deferred(task, reschedule)), now, Disposition.MERGED)
            task = await self._tasks.open(task.task_id, "deferred", fence)
        raise TaskContended(task.task_id, "deferred", ROUNDS)

    async def _schedule_reactivation(
        self, request: ScheduleRequest, deferred_task_id: str, reason: str
    ) -> ScheduleResult:
        """Schedule the task that brings *deferred_task_id* back, with the deferral that made it."""
        now = self._clock.now()
        origin = await self._origins.of_caller()
        task = with_origin(self._creation.admit(request, now), origin)
        assert task.defer_until is not None  # noqa: S101 (a reactivation is asked for with its moment)
        first = Deferral(
            deferral_id=new_id("defer", to_ms(now)),
            task_id=task.task_id,
            deferred_at=from_ms(to_ms(now)),
            original_time=None,
            deferred_until=task.defer_until,
            reason=reason,
            requested_by=request.origin_thought_id,
            context=request.context,
        )
        about = {"deferred_task_id": deferred_task_id, "deferral_id": first.deferral_id, "deferral_count": 1}
        chain = {"chain_deferrals": 1, "chain_since_ms": to_ms(now)}
        task = task.model_copy(update={**about, **chain, "nominal_ms": None, "deferral_history": []})
        await self._origins.create([task], origin, now, first=first, idempotency_key=IDEMPOTENCY_KEY.get())
        entry = first.history_entry(deferred_task_id)
        return reply(await self._tasks.kept(task.model_copy(update={"deferral_history": [entry]})), now)

    def _wish(self, until: Moment, reason: str, thought_id: str | None) -> Defer:
        asked_by = None if thought_id is None else read_id("thought_id", thought_id)
        return Defer(until, read_reason(reason), asked_by)
