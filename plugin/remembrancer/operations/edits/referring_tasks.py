"""The tasks that refer to a calendar or to another task: brought up to date when it has changed.

Each is an edit of its own: audited, and conditional on the fence of the task as it was read. One that is cut short
leaves tasks with the former content; the next renewal, or the next start of a scheduler, does the rest.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.context import current_actor
from remembrancer.errors import GraphUnavailable, InvalidInput, TaskContended, TaskNotFound, TaskUnreadable
from remembrancer.model.calendar import MovedFires
from remembrancer.model.control_characters import visible
from remembrancer.model.schedule import text_of
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.edits.renewed_task import renewed
from remembrancer.operations.open_tasks import ROUNDS
from remembrancer.operations.references.resolution import current_schedule
from remembrancer.operations.validation import reply
from remembrancer.policies.cancellation import outstanding
from remembrancer.ports.writes import Change, Edit
from remembrancer.schedules.references import references_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from remembrancer.model.schedule import ScheduleValue
    from remembrancer.model.task import ScheduledTask
    from remembrancer.operations.edits.updated_task import Update
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

_LOG: Final = logging.getLogger("remembrancer")
_NAMED: Final = 5
_TOGETHER: Final = 50
"""Edits that are written at once: the store commits them together."""


class Renewed(NamedTuple):
    """A task before and after its schedule got other content; after is None if it has ended by that."""

    before: ScheduledTask
    after: ScheduledTask | None


class ReferringTasks:
    """The tasks of one graph that refer to calendars or to other tasks.

    Args:
        store: The graph.
        clock: The time.
        late_by_seconds: A time up to so far in the past fires at once.
    """

    def __init__(self, store: Graph, clock: Clock, late_by_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._late_by_seconds = late_by_seconds

    async def follow(self, task_ids: Sequence[str], change: str) -> None:
        """Bring the tasks up to date that follow those which were changed so, and those that follow them.

        The change itself is written: a failure here is logged, and the next start does the rest.
        """
        try:
            for task_id in await self._followed_among(task_ids):
                await self._follow([task_id], f"The task {task_id}, which it follows, was {change}.", {task_id})
        except (GraphUnavailable, TaskContended) as fault:
            told = ", ".join(task_ids[:_NAMED])
            _LOG.error("The tasks that follow %s keep their former times until the next start: %s", told, fault)

    async def renew(self, pages: AsyncIterator[Sequence[ScheduledTask]], reason: str) -> list[Renewed]:
        """Bring tasks up to date, and those that follow them; return those of *pages* that have changed."""
        changed: list[Renewed] = []
        async for page in pages:
            found = await self._renew(page, reason)
            changed += found
            await self._follow([each.before.task_id for each in found], reason, set())
        return changed

    async def catch_up(self) -> int:
        """Bring all tasks with former content up to date; return their number."""
        reason = "A calendar that it uses, or a task that it follows, had changed before."
        return len(await self.renew(self._store.calendars.outdated(), reason))

    async def meet_renewals(self, written: Iterable[ScheduledTask]) -> bool:
        """Bring tasks up to date that were *written* with a calendar as it was before a renewal; return if any were.

        A renewal brings those up to date that use the calendar when it has committed. One whose write commits later is
        found here: the caller has written it, and reads the calendar after that. Tasks without calendars cost nothing.
        """
        used = {item for task in written for item in references_of(task.schedule_spec).calendars.items()}
        if not used:
            return False
        try:
            found = await self._store.calendars.named(sorted({name for name, _ in used}))
            late = sorted({name for name, version in used if name in found and found[name].version != version})
            for name in late:
                reason = f"The calendar {name} was renewed while the task was written."
                await self.renew(self._store.calendars.users(name), reason)
        except (GraphUnavailable, TaskContended) as fault:
            _LOG.error("Tasks may keep a former calendar until the next start: %s", fault)
            return False
        return bool(late)

    def moved(self, before: ScheduledTask, value: ScheduleValue, now: datetime) -> MovedFires | None:
        """Return the fires that *value* would move; None for none, or if it cannot be computed."""
        try:
            update = renewed(before, value, now, self._late_by_seconds)
        except InvalidInput:
            return None
        return moved_fires(Renewed(before, update.after if update else None), now)

    async def _followed_among(self, task_ids: Sequence[str]) -> Sequence[str]:
        """Return those of several tasks that others follow; a single one as it is, since `_follow` asks that itself."""
        if len(task_ids) <= 1:
            return task_ids
        followers = await self._store.calendars.followers(task_ids)
        followed = {other for task in followers for other in references_of(task.schedule_spec).tasks}
        return [task_id for task_id in task_ids if task_id in followed]

    async def _follow(self, task_ids: Sequence[str], reason: str, seen: set[str]) -> None:
        while task_ids:
            followers = await self._store.calendars.followers(task_ids)
            fresh = [task for task in followers if task.task_id not in seen]
            seen |= {task.task_id for task in fresh}
            task_ids = [each.before.task_id for each in await self._renew(fresh, reason)]

    async def _renew(self, tasks: Sequence[ScheduledTask], reason: str) -> list[Renewed]:
        changed: list[Renewed] = []
        for place in range(0, len(tasks), _TOGETHER):
            some = tasks[place : place + _TOGETHER]
            found = await asyncio.gather(*(self._renew_one(task, reason) for task in some))
            changed += [each for each in found if each is not None]
        return changed

    async def _renew_one(self, task: ScheduledTask, reason: str) -> Renewed | None:
        """Give a task the content that its references have now; None if it has it, or cannot have it."""
        for _ in range(ROUNDS):
            try:
                if not task.is_open or task.schedule_spec is None:
                    return None
                now = self._clock.now()
                value = await current_schedule(self._store, task.schedule, now)
                if text_of(value) == task.schedule_spec:
                    return None
                update = renewed(task, value, now, self._late_by_seconds)
                if await self._write(task, update, now, reason):
                    return Renewed(task, update.after if update else None)
                task = await self._store.tasks.get(task.task_id)
            except (InvalidInput, TaskUnreadable, TaskNotFound) as fault:
                _LOG.error("Task %s (%s) keeps its former schedule: %s", visible(task.name), task.task_id, fault)
                return None
        raise TaskContended(task.task_id, "updated", ROUNDS)

    async def _write(self, task: ScheduledTask, update: Update | None, now: datetime, reason: str) -> bool:
        """Write an edit, or the end of a task with nothing ahead; return whether the task was still as it was read."""
        author = current_actor()
        if update is not None:
            change = Change("update", now, author.surface, author.actor, reason)
            return (await self._store.tasks.edit([Edit(task, update.after, change, update.outstanding)]))[0]
        why = f"{reason} Nothing is ahead of this task since then."
        change = Change("cancel", now, author.surface, author.actor, why, if_fence=task.fence)
        return await self._store.tasks.cancel(task.task_id, change, outstanding(task, to_ms(now)))


def moved_fires(renewed_task: Renewed, now: datetime) -> MovedFires | None:
    """Return the fires of a task before and after; None if they are the same."""
    before, after = renewed_task
    was = reply(before, now).next_fires
    will = reply(after, now).next_fires if after else []
    return None if was == will else MovedFires(task_id=before.task_id, name=before.name, before=was, after=will)
