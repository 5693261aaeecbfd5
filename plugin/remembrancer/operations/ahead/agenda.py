"""The agenda: every fire of every open task in a range of time, in the reader's zone."""

from __future__ import annotations

import heapq
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_integer
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.model.timestamps import LAST_MS, from_ms, to_iso, to_local_iso, to_ms
from remembrancer.operations.ahead.next_fires import is_run_apart
from remembrancer.operations.ahead.worker import Worker
from remembrancer.operations.statistics import page_of
from remembrancer.policies.occurrences import run_without_pause_ms
from remembrancer.ports.filters import TaskFilter
from remembrancer.schedules.kinds import UNREADABLE, firing_schedule
from remembrancer.schedules.parsing import read_moment, read_zone
from remembrancer.schedules.zone_offsets import clock_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.timestamps import Moment
    from remembrancer.ports.task_store import TaskStore

AGENDA_SECONDS: Final = 10.0
"""Seconds that the fires of one answer may take to find."""
MOST_ENTRIES: Final = 1000
MOST_OF_A_TASK: Final = 400
"""A task with more fires in the range has one entry, with their number."""
_PAGE: Final = 200
_LONGEST: Final = timedelta(days=366)
_DEFAULT: Final = timedelta(days=7)
_CURSOR: Final = re.compile(r"(\d{1,15})\|(\d{1,15})\|(\d{1,15})\|([^|]{1,256})")
_WORKER: Final = Worker("remembrancer-agenda")


@dataclass(frozen=True, slots=True)
class AgendaEntry:
    """One fire of a task, or all of its fires in the range, if they are more than 400."""

    at: datetime
    """The time of the fire, or of the first of them, in UTC."""
    local: str
    """The same in the reader's zone."""
    task_id: str
    """The task that fires."""
    name: str
    """The name of the task."""
    schedule: str
    """Its schedule, as lists show it."""
    count: int = 1
    """The number of fires that the entry stands for."""
    last_at: datetime | None = None
    """The time of the last of several."""
    paused: bool = False
    """True if the task is paused then: the fire is held, and `misfire` decides about it when the pause ends."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """The fires in a range of time, by time, and where the next page begins."""

    start: datetime
    """The begin of the range (UTC), included."""
    end: datetime
    """The end of the range (UTC), included."""
    timezone: str
    """The reader's zone."""
    entries: list[AgendaEntry] = field(default_factory=list[AgendaEntry])
    """The fires, by time."""
    unreadable: list[str] = field(default_factory=list[str])
    """The ids of tasks that cannot be read, and so do not fire."""
    next_cursor: str | None = None
    """The place of the next page; None at the end."""


class AgendaRequest(NamedTuple):
    """The range from *start* to *end*, both included, the reader's zone, and the page."""

    start: Moment | None
    end: Moment | None
    timezone: str
    limit: int
    cursor: str | None


class _Range(NamedTuple):
    """The times that are asked for, and the entry after which the answer begins."""

    start_ms: int
    end_ms: int
    after: tuple[int, str] = (-1, "")


class _Span(NamedTuple):
    """Fires of one task: the first, the last, their number, and whether a pause holds them."""

    first_ms: int
    last_ms: int
    fires: int
    paused: bool


async def agenda(tasks: TaskStore, now: datetime, asked: AgendaRequest) -> Agenda:
    """Return the fires of open tasks in a range of time.

    Raises InvalidInput: a time, the zone, the range or the cursor is wrong, or the fires take too long to find.
    """
    zone, limit = read_zone(asked.timezone), read_integer("limit", asked.limit, 1, MOST_ENTRIES, 100)
    wanted = _range(now, asked, zone) if asked.cursor is None else _resumed(asked.cursor)
    until = time.monotonic() + AGENDA_SECONDS
    found: list[tuple[int, str, AgendaEntry]] = []
    unreadable: list[str] = []
    place: str | None = None
    while True:
        page = await page_of(tasks, TaskFilter(OPEN_STATUSES, limit=_PAGE), place)
        part, broken = await _beside(page.tasks, wanted, zone, until)
        found = heapq.nsmallest(limit + 1, [*found, *part], key=lambda each: each[:2])
        unreadable += broken[: MOST_ENTRIES - len(unreadable)]
        place = page.cursor
        if place is None:
            break
    shown = [entry for _, _, entry in found[:limit]]
    after = f"{wanted.start_ms}|{wanted.end_ms}|{found[limit - 1][0]}|{found[limit - 1][1]}" if found[limit:] else None
    return Agenda(from_ms(wanted.start_ms), from_ms(wanted.end_ms), zone, shown, sorted(unreadable), after)


def _range(now: datetime, asked: AgendaRequest, zone: str) -> _Range:
    begin = now if asked.start is None else read_moment(asked.start, "start", now=now, timezone=zone)
    until = begin + _DEFAULT if asked.end is None else read_moment(asked.end, "end", now=now, timezone=zone)
    if not begin < until <= begin + _LONGEST:
        allowed = f"a time after {to_iso(begin)}, at most 366 days later"
        raise InvalidInput("end", to_iso(until), allowed, to_iso(begin + _DEFAULT))
    return _Range(to_ms(begin), to_ms(until))


def _resumed(cursor: str) -> _Range:
    """Return the range of the page that a cursor ends."""
    found = _CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    start_ms, end_ms = (int(found[1]), int(found[2])) if found else (0, 0)
    if found is None or not start_ms < end_ms <= min(start_ms + _LONGEST // timedelta(milliseconds=1), LAST_MS):
        raise InvalidInput("cursor", cursor, "the next_cursor of an agenda", None)
    return _Range(start_ms, end_ms, (int(found[3]), found[4]))


async def _beside(
    tasks: Sequence[ScheduledTask], wanted: _Range, zone: str, until: float
) -> tuple[list[tuple[int, str, AgendaEntry]], list[str]]:
    """Return the entries of *tasks* and the ids of those that cannot be read, worked out beside the event loop."""

    def work(is_late: Callable[[], bool]) -> tuple[list[tuple[int, str, AgendaEntry]], list[str]]:
        found: list[tuple[int, str, AgendaEntry]] = []
        broken: list[str] = []
        for task in tasks:
            if is_late():
                end = to_iso(from_ms(wanted.end_ms))
                raise InvalidInput("end", end, "a shorter range: this one takes too long", None)
            if task.unreadable is not None:  # it is shown, and never runs
                broken.append(task.task_id)
                continue
            try:
                found += [each for each in _entries(task, wanted, zone) if each[:2] > wanted.after]
            except UNREADABLE:
                broken.append(task.task_id)
        return found, broken

    return await _WORKER.run(work, until)


def _entries(task: ScheduledTask, wanted: _Range, zone: str) -> Iterator[tuple[int, str, AgendaEntry]]:
    clock, schedule = clock_of(zone), str(task.schedule)
    for span in _spans(task, wanted):
        at = from_ms(span.first_ms)
        last_at = from_ms(span.last_ms) if span.fires > 1 else None
        local = to_local_iso(at.astimezone(clock))
        entry = AgendaEntry(at, local, task.task_id, task.name, schedule, span.fires, last_at, span.paused)
        yield span.first_ms, task.task_id, entry


def _spans(task: ScheduledTask, wanted: _Range) -> Iterator[_Span]:
    """Yield the fires of a task in the range: those that its pause holds, its next run, and those after it."""
    run_ms, next_ms = run_without_pause_ms(task), task.next_run_ms
    if run_ms is None or task.question_id is not None:
        return
    if task.paused_at is not None:
        until_ms = wanted.end_ms if next_ms is None else min(wanted.end_ms, next_ms - 1)
        yield from _fires(task, run_ms, _Range(wanted.start_ms, until_ms), paused=True)
    if next_ms is not None:
        yield from _fires(task, next_ms, wanted, paused=False)


def _fires(task: ScheduledTask, run_ms: int, wanted: _Range, *, paused: bool) -> Iterator[_Span]:
    """Yield the run at *run_ms* and the fires after it, as far as they lie in the range."""
    first_ms, end_ms = max(wanted.start_ms, run_ms), wanted.end_ms
    if first_ms > end_ms:
        return
    schedule = firing_schedule(task)
    found = [] if task.is_single else schedule.between(first_ms, end_ms, MOST_OF_A_TASK + 1)
    if first_ms == run_ms and found[:1] != [run_ms] and is_run_apart(task, held=paused):
        yield _Span(run_ms, run_ms, 1, paused)
    if len(found) <= MOST_OF_A_TASK:
        yield from (_Span(each, each, 1, paused) for each in found)
        return
    count = schedule.count(first_ms, end_ms)
    yield _Span(found[0], schedule.last_ms(end_ms, 1), count, paused)
