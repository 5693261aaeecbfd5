"""Task commands: schedule, defer, cancel, run now. Each is one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from remembrancer.completion import complete
from remembrancer.context import IDEMPOTENCY_KEY, current_actor
from remembrancer.errors import (
    GraphUnavailable,
    IdempotencyKeyReused,
    InvalidInput,
    TaskChanged,
    TaskContended,
    TaskEnded,
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
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.operations.idempotency import run_once
from remembrancer.operations.task_creation import TaskCreation
from remembrancer.operations.validation import reply
from remembrancer.policies.cancellation import outstanding
from remembrancer.policies.deferral import defer, deferred
from remembrancer.ports.writes import Change
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask, ScheduleResult
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.idempotency import IdempotencyRecord

    Start = Callable[[ScheduledTask, Change], Awaitable[Execution | None]]

_ROUNDS: Final = 20
"""Attempts of a command on a task that changes each time between being read and being written."""


class TaskCommands:
    """The commands of the current actor, on one graph.

    Args:
        store: The graph.
        clock: The time.
        late_by_seconds: A time up to so far in the past fires at once.
        with_local_id: Assigns a new task that is due at once an id of a shard of this replica.
        stop_runs: Stops the running executions of a cancelled task; returns those that were asked to stop.
    """

    def __init__(
        self,
        store: Graph,
        clock: Clock,
        late_by_seconds: float,
        with_local_id: Callable[[ScheduledTask], ScheduledTask],
        stop_runs: Callable[[str], Awaitable[list[str]]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._creation = TaskCreation(store, clock, late_by_seconds, with_local_id)
        self._stop_runs = stop_runs

    async def schedule(self, requests: Sequence[ScheduleRequest]) -> list[ScheduleResult]:
        """Schedule all of *requests*, or none; a known dedup_key returns its task."""
        return await self._creation.schedule(requests)

    async def schedule_deferred(
        self,
        thought_id: str,
        task_id: str,
        defer_until: str | datetime,
        reason: str,
        context: dict[str, Any] | None,
    ) -> ScheduleResult:
        """Defer the task of this id, or the one that brings it back, or schedule one that does."""
        read_id("task_id", task_id)
        read_id("thought_id", thought_id)

        async def act() -> ScheduleResult:
            try:
                standing = await self._store.tasks.get(task_id)
            except TaskNotFound:
                standing = await self._store.tasks.find_reactivation(task_id)
            if standing and (key := IDEMPOTENCY_KEY.get()) and standing.dedup_key == key.of_task(0):
                raise IdempotencyKeyReused(key.given)  # made a moment ago, for the same request sent twice at once
            if standing and standing.is_open:
                _check_readable(standing)
                wish = Defer(self._moment(defer_until, "defer_until"), read_reason(reason), thought_id)
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

        return await run_once(self._store.idempotency, act, self._as_it_stands)

    async def defer(
        self, task_id: str, until: str | datetime, reason: str, thought_id: str | None, fence: int | None = None
    ) -> ScheduleResult:
        """Defer the task's next run."""
        wish = self._wish(until, reason, thought_id)

        async def act() -> ScheduleResult:
            return await self._defer(await self._open_task(task_id, "deferred", fence), wish, fence=fence)

        return await run_once(self._store.idempotency, act, self._as_it_stands)

    async def cancel(self, task_id: str, reason: str | None, fence: int | None = None) -> Cancellation:
        """Cancel an open task with its due occurrences, and stop its running executions.

        A task that cannot be read, so that its due occurrences are not known, is quarantined.
        """
        read_id("task_id", task_id)
        check_bounds(fence, "fence", 3)  # the graph compares it, and takes 64 bits
        text = None if reason is None else read_reason(reason)

        async def act() -> Cancellation:
            return await complete(self._end(task_id, self._change("cancel", text, fence=fence)))

        async def again(_: IdempotencyRecord) -> Cancellation:
            return Cancellation(ended=True)

        return await run_once(self._store.idempotency, act, again)

    async def _end(self, task_id: str, change: Change) -> Cancellation:
        if not await self._cancel(task_id, change):
            return Cancellation(ended=False)
        return Cancellation(ended=True, stopping=await self._stop_runs(task_id))

    async def _cancel(self, task_id: str, change: Change) -> bool:
        pending = None
        for _ in range(_ROUNDS):
            if await self._store.tasks.cancel(task_id, change, pending):
                return True
            try:
                task = await self._store.tasks.get(task_id)
                _check_fence(task, change.if_fence)
                if not task.is_open:
                    return False
                pending = outstanding(task, to_ms(change.at))
            except TaskNotFound:
                return False
            except (TaskUnreadable, InvalidInput) as fault:
                await self._store.tasks.quarantine(task_id, str(fault), change.at)
                return True
        raise TaskContended(task_id, "cancelled", _ROUNDS)

    async def run(self, task_id: str, start: Start, fence: int | None = None) -> Execution:
        """Have *start* run the task once, now; return the execution as it started."""

        async def act() -> Execution:
            for _ in range(_ROUNDS):  # one that has ended or changed before it could start is refused the next time
                task = await self._open_task(task_id, "run", fence)
                if started := await start(task, self._change("run_now", None, fence=fence)):
                    return started
            raise TaskContended(task_id, "run", _ROUNDS)

        async def again(handled: IdempotencyRecord) -> Execution:
            return await self._store.tasks.execution(handled.execution_id or "")

        return await run_once(self._store.idempotency, act, again)

    async def _as_it_stands(self, handled: IdempotencyRecord) -> ScheduleResult:
        return reply(await self._store.tasks.get(handled.task_id), self._clock.now(), Disposition.EXISTING)

    async def _defer(
        self, task: ScheduledTask, wish: Defer, context: dict[str, Any] | None = None, fence: int | None = None
    ) -> ScheduleResult:
        """Defer *task*, again if it moved on while this was decided, and may have."""
        for _ in range(_ROUNDS):
            now = self._clock.now()
            reschedule = defer(task, wish, now, None, context)
            if task.next_run_ms is None:
                raise InvalidInput(
                    "task_id",
                    task.task_id,
                    "a task with a run ahead; this one runs right now",
                    "wait until it has ended",
                )
            change = self._change("defer", wish.reason, wish.thought_id, fence=fence)
            if await self._store.tasks.defer(task.task_id, task.next_run_ms, reschedule, change):
                return reply(await self._kept(deferred(task, reschedule)), now, Disposition.MERGED)
            task = await self._open_task(task.task_id, "deferred", fence)
        raise TaskContended(task.task_id, "deferred", _ROUNDS)

    async def _schedule_reactivation(
        self, request: ScheduleRequest, deferred_task_id: str, reason: str
    ) -> ScheduleResult:
        """Schedule the task that brings *deferred_task_id* back, with the deferral that made it."""
        now = self._clock.now()
        task = self._creation.admit(request, now)
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
        task = task.model_copy(update={**about, "nominal_ms": None, "deferral_history": []})
        await self._store.tasks.create([task], first=first, idempotency_key=IDEMPOTENCY_KEY.get())
        entry = first.history_entry(deferred_task_id)
        return reply(await self._kept(task.model_copy(update={"deferral_history": [entry]})), now)

    async def _kept(self, written: ScheduledTask) -> ScheduledTask:
        """Return a task as it is after a write; as *written*, if the graph cannot be read at that time.

        An error would say that nothing was written.
        """
        try:
            return await self._store.tasks.get(written.task_id)
        except (GraphUnavailable, TaskUnreadable, TaskNotFound):
            return written

    async def _open_task(self, task_id: str, act: str, fence: int | None = None) -> ScheduledTask:
        task = await self._store.tasks.get(read_id("task_id", task_id))
        _check_fence(task, fence)
        if not task.is_open:
            raise TaskEnded(task_id, task.status, act)
        _check_readable(task)
        return task

    def _wish(self, until: str | datetime, reason: str, thought_id: str | None) -> Defer:
        asked_by = None if thought_id is None else read_id("thought_id", thought_id)
        return Defer(self._moment(until, "until"), read_reason(reason), asked_by)

    def _moment(self, value: str | datetime, field: str) -> datetime:
        return read_moment(value, field, now=self._clock.now())

    def _change(
        self, action: str, reason: str | None, thought_id: str | None = None, *, fence: int | None = None
    ) -> Change:
        author = current_actor()
        return Change(
            action,
            self._clock.now(),
            author.surface,
            author.actor,
            reason,
            thought_id,
            if_fence=fence,
            idempotency_key=IDEMPOTENCY_KEY.get(),
        )


def _check_readable(task: ScheduledTask) -> None:
    """Refuse a task that can only be shown: a part that its handler needs cannot be read."""
    if task.unreadable is not None:
        raise TaskUnreadable(task.task_id, task.unreadable)


def _check_fence(task: ScheduledTask, fence: int | None) -> None:
    """Refuse a task that was claimed, moved or ended since it was read with *fence*."""
    if fence is not None and fence != task.fence:
        raise TaskChanged(task.task_id, task.fence, task.status, fence)
