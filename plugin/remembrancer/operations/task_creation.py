"""Creation of tasks: each request is checked, and all of one call are written in one commit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.context import IDEMPOTENCY_KEY, TRACEPARENT, current_actor
from remembrancer.errors import DuplicateTask, InvalidInput
from remembrancer.model.policy import DedupReuse
from remembrancer.model.task import Disposition
from remembrancer.operations.ahead.next_fires import read_count
from remembrancer.operations.dependencies.resolution import (
    LocalNames,
    LocalTask,
    resolved_dependencies,
    warnings_about,
)
from remembrancer.operations.edits.referring_tasks import ReferringTasks
from remembrancer.operations.idempotency import reject_reuse
from remembrancer.operations.lineages.origins import with_origin
from remembrancer.operations.open_tasks import check_followed
from remembrancer.operations.references.local_tasks import followed_within, in_order
from remembrancer.operations.references.resolution import resolved_schedule
from remembrancer.operations.reserved_keys import refuse_reserved, refuse_reuse
from remembrancer.operations.validation import reply, validate
from remembrancer.ports.writes import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledTask, ScheduleResult
    from remembrancer.model.task_template import TemplateSource
    from remembrancer.operations.lineages.origins import Origins
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.lineages import Origin

_ROUNDS: Final = 20
"""Attempts to write tasks whose dedup_key is taken meanwhile, before that is an error."""
_TWO: Final = 2
_BAD_CRON: Final = "Invalid cron expression"


class _Held(NamedTuple):
    """The tasks that have the dedup_keys of a request."""

    known: dict[str, ScheduledTask]
    """By its key, each task that keeps it."""
    returned: list[ScheduledTask]
    """The ended tasks that give theirs back."""


class TaskCreation:
    """Makes tasks on one graph.

    Args:
        store: The graph.
        clock: The time.
        late_by_seconds: A time up to so far in the past fires at once.
        with_local_id: Assigns a new task that is due at once an id of a shard of this replica.
        origins: Place new tasks in their lineages.
    """

    def __init__(
        self,
        store: Graph,
        clock: Clock,
        late_by_seconds: float,
        with_local_id: Callable[[ScheduledTask], ScheduledTask],
        origins: Origins,
    ) -> None:
        self._origins = origins
        self._store = store
        self._clock = clock
        self._late_by_seconds = late_by_seconds
        self._with_local_id = with_local_id
        self._referring = ReferringTasks(store, clock, late_by_seconds)

    async def schedule(
        self, requests: Sequence[ScheduleRequest], fires: int, source: TemplateSource | None = None
    ) -> list[ScheduleResult]:
        """Schedule all of *requests*, or none; a dedup_key that is known returns its task. Answers show *fires*.

        *source* is the template that they are made from.
        """
        read_count(fires)
        now, idempotency_key = self._clock.now(), IDEMPOTENCY_KEY.get()
        followed = _followed_within(requests)
        origin = await self._origins.of_caller()
        tasks = await self._wanted(requests, followed, now, origin, source)
        if idempotency_key:
            await reject_reuse(self._store.idempotency, idempotency_key)
        for tries in range(_ROUNDS):
            held = await self._held(tasks)
            try:
                return await self._schedule(tasks, held, origin, now, fires)
            except DuplicateTask:  # another caller was faster: its task is there now
                if tries == _ROUNDS - 1 or held == await self._held(tasks):
                    raise
                if followed:  # one of them may stand for a task of this call now
                    tasks = await self._wanted(requests, followed, now, origin, source)
        raise AssertionError("the last round either returns or raises")

    async def _wanted(
        self,
        requests: Sequence[ScheduleRequest],
        followed: Mapping[str, Mapping[str, str]],
        now: datetime,
        origin: Origin | None,
        source: TemplateSource | None,
    ) -> list[ScheduledTask]:
        """Return the tasks that *requests* ask for, those before others that these follow by name."""
        made: dict[str, ScheduledTask] = {}
        for word in in_order([str(place) for place in range(len(requests))], followed):
            request = requests[int(word)]
            if request.schedule is not None:
                local = {name: await self._standing(made[other]) for name, other in followed.get(word, {}).items()}
                request = await self._resolved(request, local)
            made[word] = self.admit(request, now, int(word))
        tasks = [made[str(place)] for place in range(len(requests))]
        new = {task.task_id for task in tasks} if followed else set[str]()
        await check_followed(self._store.tasks, (each.runs_after_id for each in tasks if each.runs_after_id not in new))
        placed = [with_origin(task, origin) for task in tasks]
        return placed if source is None else [source.marked(task) for task in placed]

    async def _standing(self, task: ScheduledTask) -> ScheduledTask:
        """Return the task that stands for a new one: itself, or the one that keeps its dedup_key."""
        return task if task.dedup_key is None else (await self._held([task])).known.get(task.dedup_key, task)

    async def _schedule(
        self, tasks: Sequence[ScheduledTask], held: _Held, origin: Origin | None, now: datetime, fires: int
    ) -> list[ScheduleResult]:
        """Write those of *tasks* whose dedup_key is not *held*; return the replies to all."""
        known = dict(held.known)
        fresh: list[ScheduledTask] = []
        for task in tasks:
            if task.dedup_key is None or task.dedup_key not in known:
                fresh.append(task)
                if task.dedup_key is not None:
                    known[task.dedup_key] = task
        tasks, fresh, known = await self._waiting(tasks, fresh, known)
        told = await warnings_about(self._store, fresh)
        writing = self._create(fresh, held, origin, now) if fresh else None
        if writing and len(fresh) > 1:  # the replies of many are worked out while the tasks are being written
            writing = asyncio.ensure_future(writing)
            await asyncio.sleep(0)
        kept = [known[task.dedup_key] if task.dedup_key is not None else task for task in tasks]
        replies = [
            reply(stands, now, Disposition.CREATED if asked is stands else Disposition.EXISTING, fires)
            for asked, stands in zip(tasks, kept, strict=True)
        ]
        replies = [_with_warnings(each, told.get(each.task_id, ())) for each in replies] if told else replies
        if writing:
            await writing
            if await self._referring.meet_renewals(fresh):
                return [await self._as_kept(each, now, fires) for each in replies]
        return replies

    async def _waiting(
        self, tasks: Sequence[ScheduledTask], fresh: list[ScheduledTask], known: dict[str, ScheduledTask]
    ) -> tuple[Sequence[ScheduledTask], list[ScheduledTask], dict[str, ScheduledTask]]:
        """Return the tasks with the ids of those that they depend on, among them others of the same call."""
        if not any(task.depends_on for task in fresh):
            return tasks, fresh, known
        standing = [(known.get(task.dedup_key or "", task).task_id, task) for task in tasks]
        local = LocalNames([LocalTask(held, (*{task.dedup_key or task.name, task.name},)) for held, task in standing])
        found = {task.task_id: task for task in await resolved_dependencies(self._store, fresh, local, fresh)}
        return (
            [found.get(task.task_id, task) for task in tasks],
            [*found.values()],
            {key: found.get(task.task_id, task) for key, task in known.items()},
        )

    async def _as_kept(self, given: ScheduleResult, now: datetime, fires: int) -> ScheduleResult:
        """Return the reply to a task as the graph has it by now."""
        return reply(await self._store.tasks.get(given.task_id), now, given.disposition, fires)

    async def _resolved(self, request: ScheduleRequest, local: Mapping[str, ScheduledTask]) -> ScheduleRequest:
        """Return *request* with the content of the calendars and tasks to which its schedule refers."""
        schedule = await resolved_schedule(self._store, request.schedule, local)
        return request if schedule is request.schedule else replace(request, schedule=schedule)  # pyright: ignore[reportArgumentType]

    def admit(self, request: ScheduleRequest, now: datetime, place: int = 0) -> ScheduledTask:
        """Return the task asked for; a cron expression that is refused is counted."""
        refuse_reserved(request.dedup_key)
        refuse_reuse(request.dedup_reuse, request.dedup_key)
        if (idempotency_key := IDEMPOTENCY_KEY.get()) and request.dedup_key is None:
            request = replace(request, dedup_key=idempotency_key.of_task(place))
        try:
            return self._with_local_id(validate(request, now, self._late_by_seconds, self._made()))
        except InvalidInput as refused:
            if refused.field == "schedule_cron":
                self._store.statistics.count("cron_refused", _BAD_CRON)
            raise

    def _made(self) -> dict[str, str | None]:
        """Return the provenance of a task that is made now: the surface, the actor and the trace."""
        author = current_actor()
        return {"created_via": author.surface, "created_by": author.actor, "traceparent": TRACEPARENT.get()}

    async def _create(self, fresh: Sequence[ScheduledTask], held: _Held, origin: Origin | None, now: datetime) -> None:
        """Write new tasks; the ended ones that held their keys give them back in the same commit."""
        author = current_actor()
        change = Change("return_key", now, author.surface, author.actor)
        returned = [(task, change) for task in held.returned]
        key = IDEMPOTENCY_KEY.get()
        await self._origins.create(fresh, origin, now, idempotency_key=key, returned=returned)

    async def _held(self, tasks: Sequence[ScheduledTask]) -> _Held:
        """Return the tasks that have the dedup_keys of *tasks*."""
        held = _Held({}, [])
        for key in {task.dedup_key for task in tasks if task.dedup_key is not None}:
            if task := await self._store.tasks.find_by_dedup_key(key):
                if task.is_open or task.dedup_reuse is DedupReuse.NEVER or await self._is_repeated(task):
                    held.known[key] = task
                else:
                    held.returned.append(task)
        return held

    async def _is_repeated(self, task: ScheduledTask) -> bool:
        """Return whether the current request made *task*, when it was sent before."""
        idempotency_key = IDEMPOTENCY_KEY.get()
        return idempotency_key is not None and await self._store.idempotency.has_made(task.task_id, idempotency_key)


def _followed_within(requests: Sequence[ScheduleRequest]) -> dict[str, dict[str, str]]:
    """Return for each request, by its place, those of the same call that its schedule refers to, by these words."""
    schedules = {str(place): each.schedule for place, each in enumerate(requests) if each.schedule is not None}
    if len(requests) < _TWO or not schedules:
        return {}
    tasks = [LocalTask(str(place), (*{each.dedup_key or each.name, each.name},)) for place, each in enumerate(requests)]
    return followed_within(tasks, schedules)


def _with_warnings(given: ScheduleResult, told: Sequence[str]) -> ScheduleResult:
    """Return a reply with more warnings."""
    return given.model_copy(update={"warnings": [*given.warnings, *told]}) if told else given
