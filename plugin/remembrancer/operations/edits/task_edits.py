"""Edits of open tasks: pause, resume, update. Each is one commit, conditional on the task's fence.

An execution under way goes on, and keeps what it began with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.context import current_actor
from remembrancer.errors import InvalidInput, TaskContended
from remembrancer.model.constraints import read_reason, read_word
from remembrancer.model.policy import Misfire
from remembrancer.model.task import Disposition, ResumeResult, ScheduleResult, TaskUpdate
from remembrancer.model.timestamps import Moment, to_iso, to_ms
from remembrancer.operations.ahead.next_fires import PREVIEWED, next_fires, read_count
from remembrancer.operations.dependencies.resolution import checked_dependencies, resolved_dependencies
from remembrancer.operations.edits.former_changes import ended_changes
from remembrancer.operations.edits.planned_edits import pausing, resuming, updating
from remembrancer.operations.edits.referring_tasks import ReferringTasks
from remembrancer.operations.edits.returned_keys import with_returned_key
from remembrancer.operations.edits.updated_task import changes
from remembrancer.operations.idempotency import run_once
from remembrancer.operations.open_tasks import ROUNDS, OpenTasks, check_followed
from remembrancer.operations.references.resolution import resolved_fields
from remembrancer.operations.validation import reply
from remembrancer.policies.pause import missed
from remembrancer.policies.timers import timers_moved
from remembrancer.ports.writes import Edit
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.idempotency import IdempotencyRecord
    from remembrancer.ports.timers import TimerGate
    from remembrancer.ports.writes import Change, Claim


class TaskEdits:
    """The edits of the current actor, on one graph.

    Args:
        store: The graph.
        clock: The time.
        late_by_seconds: A time up to so far in the past fires at once.
        timers: The host's word on timers; None without one.
    """

    def __init__(self, store: Graph, clock: Clock, late_by_seconds: float, timers: TimerGate | None = None) -> None:
        self._store = store
        self._timers = timers
        self._clock = clock
        self._late_by_seconds = late_by_seconds
        self._tasks = OpenTasks(store, clock)
        self._referring = ReferringTasks(store, clock, late_by_seconds)

    async def pause(self, task_id: str, until: Moment | None, reason: str | None, fence: int | None) -> ScheduleResult:
        """Pause a task until *until*, or until it is resumed; a paused one gets the new end and reason."""
        text = None if reason is None else read_reason(reason)
        plan = pausing(reading_end(until, self._clock.now()), text)

        async def act() -> ScheduleResult:
            for _ in range(ROUNDS):
                task = await self._tasks.open(task_id, "paused", fence)
                change = self._tasks.change("pause", text, fence=fence)
                if kept := await self._edit(task, plan(task, change.at).after, change):
                    return reply(kept, change.at, Disposition.CHANGED)
            raise TaskContended(task_id, "paused", ROUNDS)

        return await run_once(self._store.idempotency, act, self._tasks.as_it_stands)

    async def resume(
        self, task_id: str, on_missed: Misfire | str | None, reason: str | None, fence: int | None
    ) -> ResumeResult:
        """End the pause of a task; *on_missed* decides about what it missed, or else its `misfire`."""
        plan = resuming(read_on_missed(on_missed))
        text = None if reason is None else read_reason(reason)

        async def act() -> ResumeResult:
            for _ in range(ROUNDS):
                task = await self._tasks.open(task_id, "resumed", fence)
                change = self._tasks.change("resume", text, fence=fence)
                after = plan(task, change.at).after
                if after is task:
                    return _resumption(task, change.at, Disposition.EXISTING)
                if kept := await self._edit(task, after, change):
                    counts = missed(after, to_ms(change.at))
                    return _resumption(kept, change.at, Disposition.CHANGED, counts)
            raise TaskContended(task_id, "resumed", ROUNDS)

        async def again(handled: IdempotencyRecord) -> ResumeResult:
            task = await self._store.tasks.get(handled.task_id)
            return _resumption(task, self._clock.now(), Disposition.EXISTING)

        return await run_once(self._store.idempotency, act, again)

    async def update(
        self, task_id: str, fields: Mapping[str, object], reason: str | None, fence: int | None, fires: int = PREVIEWED
    ) -> TaskUpdate:
        """Give a task other values of these fields; another schedule begins now. The answer shows *fires*."""
        read_count(fires)
        text = None if reason is None else read_reason(reason)
        changed = read_changes(fields)

        async def act() -> TaskUpdate:
            for _ in range(ROUNDS):
                task = await self._tasks.open(task_id, "updated", fence)
                change = self._tasks.change("update", text, fence=fence)
                given = await resolved_fields(self._store, changed)
                wanted = updating(given, self._late_by_seconds)(task, change.at)
                if wanted.after.depends_on != task.depends_on:
                    (after,) = await resolved_dependencies(self._store, [wanted.after])
                    wanted = wanted._replace(after=after)
                if wanted.after == task:
                    return _update(task, task, change.at, Disposition.EXISTING, fires)
                if wanted.after.runs_after_id != task.runs_after_id:
                    await check_followed(self._store.tasks, [wanted.after.runs_after_id])
                edition = await checked_dependencies(self._store, task, wanted.after)
                if kept := await self._edit(task, wanted.after, change, wanted.outstanding, edition):
                    kept = await self._met(kept) if wanted.after.schedule != task.schedule else kept
                    return _update(task, kept, change.at, Disposition.CHANGED, fires)
            raise TaskContended(task_id, "updated", ROUNDS)

        async def again(handled: IdempotencyRecord) -> TaskUpdate:
            task = await self._store.tasks.get(handled.task_id)
            return _update(task, task, self._clock.now(), Disposition.EXISTING, fires)

        return await run_once(self._store.idempotency, act, again)

    async def _met(self, task: ScheduledTask) -> ScheduledTask:
        """Return a task with another schedule as it is when its calendars and those that refer to it have met it."""
        renewed = await self._referring.meet_renewals([task])
        await self._referring.follow([task.task_id], "updated")
        return await self._store.tasks.get(task.task_id) if renewed else task

    async def _edit(
        self,
        before: ScheduledTask,
        after: ScheduledTask,
        change: Change,
        outstanding: Claim | None = None,
        edition: int | None = None,
    ) -> ScheduledTask | None:
        """Write a change; return the task as it is kept, None if it was not as it was read."""
        if self._timers is not None:
            await self._timers.permit(timers_moved([(before, after)], current_actor()))
        written = Edit(before, after, change, outstanding, dependency_edition=edition)
        edit = await with_returned_key(self._store.tasks, written)
        if (await self._store.tasks.edit([edit]))[0]:
            fence = before.fence + 1 + (outstanding is not None)
            return await self._tasks.kept(after.model_copy(update={"fence": fence}))
        return None


def _update(
    before: ScheduledTask, after: ScheduledTask, now: datetime, disposition: Disposition, fires: int
) -> TaskUpdate:
    """Return the answer to an update."""
    answer = reply(after, now, disposition, fires)
    found = {
        "changed": changes(before, after),
        "fires_before": next_fires(before, fires)[0],
        "warnings": [*ended_changes(before, after, now), *answer.warnings],
    }
    return TaskUpdate.model_validate({**vars(answer), **found})


def _resumption(
    task: ScheduledTask, now: datetime, disposition: Disposition, counts: tuple[int, int] | None = None
) -> ResumeResult:
    """Return the answer to a resumption; without *counts*, of what is still to be made up for."""
    held, runs = counts or missed(task, to_ms(now))
    return ResumeResult.model_validate({**vars(reply(task, now, disposition)), "missed": held, "runs": runs})


def reading_end(until: Moment | None, now: datetime) -> Callable[[str], datetime | None]:
    """Return the end of a pause that begins at *now*, by the time zone of its task. Raises InvalidInput."""

    def in_zone(timezone: str) -> datetime | None:
        if until is None:
            return None
        if (end := read_moment(until, "until", now=now, timezone=timezone)) <= now:
            raise InvalidInput("until", to_iso(end), f"a time after {to_iso(now)}", None)
        return end

    if until is not None:
        read_moment(until, "until", now=now, timezone="UTC")  # refuse what is no time before any task is read
    return in_zone


def read_on_missed(on_missed: Misfire | str | None) -> Misfire | None:
    """Check the treatment of what a pause held. Raises InvalidInput."""
    return None if on_missed is None else read_word("on_missed", on_missed, Misfire, "run_once")


def read_changes(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Check that an update has any fields. Raises InvalidInput."""
    if not fields:
        raise InvalidInput("fields", {}, "at least one field of the task", {"name": "Daily report"})
    return fields
