"""Lists and sums from the statistics of a graph: tasks by status and type, cron expressions in use, next runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from remembrancer.errors import InvalidInput, TaskNotFound, TaskUnreadable
from remembrancer.model.task import ScheduledTask
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus, TaskType
from remembrancer.ports.filters import TaskFilter, TaskPageQuery
from remembrancer.ports.graph import Graph
from remembrancer.ports.statistics import STEPS, CronUsage, LifetimeStatistics
from remembrancer.ports.task_store import TaskStore

EXPRESSIONS: Final = 20
"""Cron expressions in a report at most, those with the most tasks first."""
_LOOKED_AT: Final = 25
"""Tasks of an expression that are read for its next runs; the tasks of one expression share its times."""
_TRIGGERS: Final = 3
_CURSOR: Final = "PENDING|recurring|task_1723644600.123_9f3k2a"


@dataclass(frozen=True, slots=True)
class CronInUse:
    """A cron expression, how many open tasks follow it, and those of them that run next."""

    use: CronUsage
    upcoming: Sequence[ScheduledTask]


def population(counts: Mapping[str, float]) -> dict[tuple[TaskStatus, TaskType], int]:
    """Return how many tasks of each status and type there are, from the counters of the graph's life."""
    recurring = _by_status({step: counts[f"recurring_{step}"] for step in STEPS})
    every = _by_status({step: counts[f"tasks_{step}"] for step in STEPS})
    found: dict[tuple[TaskStatus, TaskType], int] = {}
    for status, number in every.items():
        found[status, TaskType.RECURRING] = recurring[status]
        found[status, TaskType.ONE_TIME] = number - recurring[status]
    return found


def total(
    counted: Mapping[tuple[TaskStatus, TaskType], int],
    statuses: Iterable[TaskStatus] = OPEN_STATUSES,
    types: Iterable[TaskType] = TaskType,
) -> int:
    """Return how many tasks of these statuses and types there are."""
    kinds = list(types)
    return sum(counted[status, kind] for status in statuses for kind in kinds)


async def tasks_of(
    store: Graph, status: TaskStatus | None, kind: TaskType | None, limit: int
) -> Sequence[ScheduledTask]:
    """Return open tasks, the next to run first; where one status or type is asked for, the newest first."""
    if status is None and kind is None:
        return await store.tasks.find(TaskFilter(statuses=OPEN_STATUSES, limit=limit))
    statuses = [status] if status else sorted(OPEN_STATUSES)
    kinds = [kind] if kind else list(TaskType)
    pages = [TaskPageQuery(each, of, limit) for each in statuses for of in kinds]
    found = [task for page in pages for task in await store.tasks.page(page)]
    return sorted(found, key=lambda task: task.task_id, reverse=True)[:limit]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of a list, and where the next begins; None at the end."""

    tasks: Sequence[ScheduledTask]
    """The tasks of this page."""
    cursor: str | None
    """The place of the next page; None at the end."""


async def page_of(tasks: TaskStore, wanted: TaskFilter, cursor: str | None) -> TaskPage:
    """Return a page of the tasks wanted: status after status, type after type, the newest of each first.

    Raises InvalidInput: the cursor is none that an answer gave.
    """
    statuses = wanted.statuses or TaskStatus
    shelves = [(status, kind) for status in TaskStatus if status in statuses for kind in wanted.types]
    before: str | None = None
    if cursor is not None:
        status, _, rest = cursor.partition("|")
        kind, _, before = rest.partition("|")
        places = [place for place, shelf in enumerate(shelves) if shelf == (status, kind)]
        if not places or not before:
            raise InvalidInput("cursor", cursor, "the next_cursor of a page of the same list", _CURSOR)
        shelves = shelves[places[0] :]
    found: list[ScheduledTask] = []
    for status, kind in shelves:
        room = wanted.limit + 1 - len(found)  # one more tells whether there is another page
        found += await tasks.page(TaskPageQuery(status, kind, room, before, wanted.match))
        before = None
        if len(found) > wanted.limit:
            last = found[wanted.limit - 1]
            return TaskPage(found[: wanted.limit], f"{last.status}|{last.task_type}|{last.task_id}")
    return TaskPage(found, None)


async def most_deferred(store: Graph, life: LifetimeStatistics) -> ScheduledTask | None:
    """Return the task that was deferred most often, if it still exists and can be read."""
    if life.most_deferred is None:
        return None
    try:
        return await store.tasks.get(life.most_deferred[1])
    except (TaskNotFound, TaskUnreadable):
        return None


async def crons_in_use(store: Graph) -> list[CronInUse]:
    """Return the cron expressions with the most open tasks, and for each the tasks that run next."""
    uses = await store.statistics.cron_usage(EXPRESSIONS)
    found = await asyncio.gather(*(store.statistics.tasks_of_cron(use.expression, _LOOKED_AT) for use in uses))
    return [CronInUse(use, _next_of(tasks)) for use, tasks in zip(uses, found, strict=True)]


def _next_of(tasks: Sequence[ScheduledTask]) -> list[ScheduledTask]:
    armed = [task for task in tasks if task.next_run_ms is not None]
    return sorted(armed, key=lambda task: (task.next_run_ms, task.task_id))[:_TRIGGERS]


def _by_status(steps: Mapping[str, float]) -> dict[TaskStatus, int]:
    """A task that ended has begun too, be it only by ending."""
    ended = {status: int(steps[step]) for status, step in _ENDS.items()}
    pending = int(steps["created"] - steps["begun"])
    return {TaskStatus.PENDING: pending, TaskStatus.ACTIVE: int(steps["begun"]) - sum(ended.values()), **ended}


_ENDS: Final = {TaskStatus.COMPLETE: "completed", TaskStatus.FAILED: "failed", TaskStatus.CANCELLED: "cancelled"}
