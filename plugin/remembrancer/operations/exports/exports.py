"""The exports of a graph: a calendar of fires and executions, and a crontab of recurring tasks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.operations.exports.calendar import MOST_EVENTS, Span, calendar_of
from remembrancer.operations.exports.crontab import crontab_of
from remembrancer.operations.task_history import executions_since
from remembrancer.ports.filters import TaskFilter
from remembrancer.schedules.parsing import read_moment, read_zone

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.timestamps import Moment
    from remembrancer.ports.graph import Graph


class CalendarSpan(NamedTuple):
    """The span of a calendar, and the time at which it is made."""

    start: datetime
    end: datetime
    now: datetime


def read_span(now: datetime, since: Moment | None, until: Moment | None, timezone: str) -> CalendarSpan:
    """Return the span from *since*, or now, up to *until*, or 30 days later. Raises InvalidInput."""
    zone = read_zone(timezone)
    start = now if since is None else read_moment(since, "since", now=now, timezone=zone)
    end = start + timedelta(days=DAYS) if until is None else read_moment(until, "until", now=now, timezone=zone)
    if not start <= end <= start + timedelta(days=_MOST_DAYS):
        allowed = f"a time from {start.isoformat()} on, at most {_MOST_DAYS} days later"
        raise InvalidInput("until", end.isoformat(), allowed, (start + timedelta(days=DAYS)).isoformat())
    return CalendarSpan(start, end, now)


async def export_calendar(graph: Graph, span: CalendarSpan, *, history: bool) -> str:
    """Return a calendar of a span of time; with *history*, with what happened in it."""
    start, end, now = span
    past = await _executions(graph, start, end) if history else []
    tasks = await _open_tasks(graph)
    tasks += await _ended(graph, {each.task_id for each in past} - {task.task_id for task in tasks})
    return await asyncio.to_thread(calendar_of, tasks, past, Span(max(start, now), end, now))


async def export_crontab(graph: Graph, now: datetime, *, system: bool) -> str:
    """Return a crontab of the open tasks."""
    tasks = await _open_tasks(graph)
    return await asyncio.to_thread(crontab_of, tasks, now, system=system)


async def _open_tasks(graph: Graph) -> list[ScheduledTask]:
    return list(await graph.tasks.find(TaskFilter(frozenset(OPEN_STATUSES), limit=_ALL)))


async def _ended(graph: Graph, wanted: set[str]) -> list[ScheduledTask]:
    """Return tasks that have ended, for the names of their executions."""
    return list(await graph.tasks.find(TaskFilter(limit=_ALL, ids=frozenset(wanted)))) if wanted else []


async def _executions(graph: Graph, start: datetime, end: datetime) -> list[Execution]:
    """Return the newest executions whose nominal time is within a span."""
    found: list[Execution] = []
    async for each in executions_since(graph.tasks, None, start):
        if each.nominal_at <= end:
            found.append(each)
        if len(found) == MOST_EVENTS:
            break
    return found


DAYS: Final = 30
_MOST_DAYS: Final = 3660
_ALL: Final = 1_000_000
