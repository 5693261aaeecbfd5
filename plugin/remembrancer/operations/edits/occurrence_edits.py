"""Edits of single occurrences: skip the next ones, add one, move one, backfill a range of the past.

Each is one commit, conditional on the task's fence. An execution under way goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.context import current_actor
from remembrancer.errors import InvalidInput, TaskContended
from remembrancer.model.addition import Addition, Cause
from remembrancer.model.constraints import read_reason
from remembrancer.model.skip_mark import MOST_SKIPPED
from remembrancer.model.task import Backfill, Disposition, FireChange
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.operations.edits.backfills import occurrences_between, taken_ms
from remembrancer.operations.edits.changed_fires import (
    free_times,
    with_addition,
    with_backfill,
    with_move,
    with_skips,
)
from remembrancer.operations.edits.former_changes import replaced_skips
from remembrancer.operations.idempotency import run_once
from remembrancer.operations.open_tasks import ROUNDS, OpenTasks
from remembrancer.operations.task_history import executions_since
from remembrancer.operations.validation import reply
from remembrancer.policies.additions import pending_additions
from remembrancer.policies.skips import pending_skips
from remembrancer.policies.timers import timers_moved
from remembrancer.ports.writes import Edit
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.model.task import BackfillOccurrence, ScheduledTask
    from remembrancer.model.timestamps import Moment
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.idempotency import IdempotencyRecord
    from remembrancer.ports.timers import TimerGate

_LONGEST: Final = 1_000
"""Characters of a reason that an outcome quotes."""


class OccurrenceEdits:
    """The edits of single occurrences by the current actor, on one graph.

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

    async def skip_next(self, task_id: str, n: int, reason: str | None, fence: int | None) -> FireChange:
        """Mark the next *n* occurrences to be skipped; 0 takes the marks back."""
        if not isinstance(n, int) or isinstance(n, bool) or not 0 <= n <= MOST_SKIPPED:  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
            raise InvalidInput("n", n, f"a whole number from 0 to {MOST_SKIPPED}; 0 lets all run again", 1)
        text = None if reason is None else read_reason(reason)

        async def changed(task: ScheduledTask, now: datetime) -> ScheduledTask:
            del now
            return with_skips(task, n, self._because("Skipped", text))

        return await self._change(task_id, ("skip_next", text, fence), changed)

    async def add_fire(self, task_id: str, at: Moment | None, reason: str | None, fence: int | None) -> FireChange:
        """Add one occurrence at a time; without one, now."""
        text = None if reason is None else read_reason(reason)
        self._check(at=at)

        async def changed(task: ScheduledTask, now: datetime) -> ScheduledTask:
            when = now if at is None else self._ahead(at, "at", task, now)
            taken = await self._taken(task_id, min(when, now))
            detail = {} if text is None else {"reason": text[:_LONGEST]}
            return with_addition(task, when, Cause.ADDED, detail, now=now, taken=taken)

        return await self._change(task_id, ("add_fire", text, fence), changed)

    async def reschedule(
        self, task_id: str, occurrence: Moment, to: Moment, reason: str | None, fence: int | None
    ) -> FireChange:
        """Move one occurrence to another time."""
        text = None if reason is None else read_reason(reason)
        self._check(occurrence=occurrence, to=to)

        async def changed(task: ScheduledTask, now: datetime) -> ScheduledTask:
            moved = read_moment(occurrence, "occurrence", now=now, timezone=task.timezone)
            when = self._ahead(to, "to", task, now)
            marked = with_move(task, moved, self._because(f"Moved to {to_iso(when)}", text))
            if when == moved:
                raise InvalidInput(
                    "to",
                    to_iso(when),
                    "another time than that of the occurrence",
                    to_iso(from_ms(to_ms(when) + 3_600_000)),
                )
            taken = await self._taken(task_id, min(when, now))
            detail = {"nominal_at": to_iso(moved)} | ({} if text is None else {"reason": text[:_LONGEST]})
            return with_addition(marked, when, Cause.RESCHEDULED, detail, now=now, taken=taken)

        return await self._change(task_id, ("reschedule", text, fence), changed)

    async def backfill(  # noqa: PLR0913 (a range, and what to do with it)
        self,
        task_id: str,
        start: Moment,
        end: Moment,
        reason: str | None,
        fence: int | None,
        *,
        dry_run: bool,
        again: bool,
    ) -> Backfill:
        """Run the occurrences of a range in the past, one after the other."""
        text = None if reason is None else read_reason(reason)
        self._check(start=start, end=end)
        for name, choice in (("dry_run", dry_run), ("again", again)):
            if not isinstance(choice, bool):  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
                raise InvalidInput(name, choice, "true or false", example=True)
        listed: list[BackfillOccurrence] = []

        async def changed(task: ScheduledTask, now: datetime) -> ScheduledTask:
            begin, until = _range(task, start, end, now)
            executions = [each async for each in executions_since(self._store.tasks, task_id, begin)]
            listed[:] = occurrences_between(task, begin, until, executions, again=again)
            starting = [each for each in listed if each.starts]
            times = free_times(task, to_ms(now), len(starting), taken_ms(executions), step=1)
            details = ({"nominal_at": to_iso(each.nominal_at)} for each in starting)
            additions = [
                Addition(at_ms, Cause.BACKFILL, more, runs_late=True)
                for at_ms, more in zip(times, details, strict=True)
            ]
            return with_backfill(task, additions, now)

        if dry_run:
            task, now = await self._tasks.open(task_id, "backfilled", fence), self._clock.now()
            await changed(task, now)
            found = _answer(task, task, now, Disposition.EXISTING)
        else:
            found = await self._change(task_id, ("backfill", text, fence), changed)
        more = {"dry_run": dry_run, "occurrences": listed, "starts": sum(each.starts for each in listed)}
        return Backfill.model_validate({**vars(found), **more})

    async def _change(
        self,
        task_id: str,
        what: tuple[str, str | None, int | None],
        changed: Callable[[ScheduledTask, datetime], Awaitable[ScheduledTask]],
    ) -> FireChange:
        """Write the task that *changed* makes of it; *what* is the action, its reason, and the fence required."""
        action, reason, fence = what

        async def act() -> FireChange:
            for _ in range(ROUNDS):
                task = await self._tasks.open(task_id, "changed", fence)
                change = self._tasks.change(action, reason, fence=fence)
                after = await changed(task, change.at)
                if after is task:
                    return _answer(task, task, change.at, Disposition.EXISTING)
                if self._timers is not None:
                    await self._timers.permit(timers_moved([(task, after)], current_actor()))
                if (await self._store.tasks.edit([Edit(task, after, change)]))[0]:
                    kept = await self._tasks.kept(after.model_copy(update={"fence": task.fence + 1}))
                    return _answer(task, kept, change.at, Disposition.CHANGED)
            raise TaskContended(task_id, "changed", ROUNDS)

        async def again(handled: IdempotencyRecord) -> FireChange:
            task = await self._store.tasks.get(handled.task_id)
            return _answer(task, task, self._clock.now(), Disposition.EXISTING)

        return await run_once(self._store.idempotency, act, again)

    def _check(self, **moments: Moment | None) -> None:
        """Refuse what is no time, before the task is read, whose zone a time without an offset is in."""
        for field, given in moments.items():
            if given is not None or field != "at":
                read_moment(given, field, now=self._clock.now(), timezone="UTC")  # pyright: ignore[reportArgumentType]

    def _because(self, what: str, reason: str | None) -> str:
        """Return the reason of an outcome: what was done, by whom, and why."""
        change = self._tasks.change("", None)
        by = f" by {change.actor}" if change.actor else ""
        return f"{what}{by} through {change.surface}" + (f": {reason[:_LONGEST]}" if reason else ".")

    def _ahead(self, given: Moment, field: str, task: ScheduledTask, now: datetime) -> datetime:
        """Return a time that has not passed, or not by more than fires at once."""
        moment = read_moment(given, field, now=now, timezone=task.timezone)
        if (now - moment).total_seconds() > self._late_by_seconds:
            allowed = f"a time after {to_iso(now)}; one up to {self._late_by_seconds:g} s before it fires at once"
            raise InvalidInput(field, to_iso(moment), allowed, to_iso(from_ms(to_ms(now) + 3_600_000)))
        return moment

    async def _taken(self, task_id: str, since: datetime) -> set[int]:
        """Return the times of executions of a task from shortly before *since* on."""
        begin = from_ms(max(0, to_ms(since) - 60_000))
        return taken_ms([each async for each in executions_since(self._store.tasks, task_id, begin)])


def _range(task: ScheduledTask, start: Moment, end: Moment, now: datetime) -> tuple[datetime, datetime]:
    """Return a range in the past."""
    begin = read_moment(start, "start", now=now, timezone=task.timezone)
    until = read_moment(end, "end", now=now, timezone=task.timezone)
    if until > now:
        raise InvalidInput("end", to_iso(until), "a time that has passed", to_iso(now))
    if begin > until:
        raise InvalidInput("start", to_iso(begin), f"a time up to the end, {to_iso(until)}", to_iso(until))
    return begin, until


def _answer(before: ScheduledTask, after: ScheduledTask, now: datetime, disposition: Disposition) -> FireChange:
    """Return the answer to a change of occurrences."""
    old = {each.at_ms for each in pending_additions(before)}
    found = {
        "fires_before": reply(before, now).next_fires,
        "skipped": [from_ms(mark.at_ms) for mark in pending_skips(after)],
        "added": [from_ms(each.at_ms) for each in pending_additions(after) if each.at_ms not in old],
    }
    answer = reply(after, now, disposition)
    warnings = [*replaced_skips(before, after), *answer.warnings]
    return FireChange.model_validate({**vars(answer), **found, "warnings": warnings})
