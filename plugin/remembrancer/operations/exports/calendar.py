"""Fires and executions as events of a calendar, one each, under ids that stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.operations.ahead.next_fires import is_run_apart
from remembrancer.operations.exports.calendar_text import calendar_text, text_value, time_value
from remembrancer.schedules.kinds import firing_schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.operations.exports.calendar_text import Property

MOST_EVENTS: Final = 5000
"""A calendar holds so many events of what comes, the first ones, and as many of what happened, the last ones."""


@dataclass(frozen=True, slots=True)
class Span:
    """The span of a calendar: from a time on, up to another, and the time at which it is made."""

    start: datetime
    until: datetime
    now: datetime


def calendar_of(tasks: Sequence[ScheduledTask], history: Sequence[Execution], span: Span) -> str:
    """Return the calendar of the fires ahead of *tasks* within a span, and of *history*."""
    fires = [_ahead(task, span) for task in tasks]
    coming = list(islice(merge(*fires, key=lambda pair: pair[0]), MOST_EVENTS + 1))
    named = {task.task_id: task for task in tasks}
    events = [_event_of_fire(named[task_id], from_ms(at), span.now) for at, task_id in coming[:MOST_EVENTS]]
    seen = {dict(event)["UID"] for event in events}
    for each in history:
        event = _event_of_execution(each, named.get(each.task_id), span.now)
        if dict(event)["UID"] not in seen:
            events.append(event)
    properties = [("PRODID", "-//Remembrancer//Tasks//EN"), ("CALSCALE", "GREGORIAN"), ("X-WR-CALNAME", "Remembrancer")]
    if len(coming) > MOST_EVENTS:
        last = time_value(from_ms(coming[MOST_EVENTS - 1][0]))
        properties.append(("X-WR-CALDESC", text_value(f"The first {MOST_EVENTS:,} fires, up to {last}; more follow.")))
    return calendar_text(properties, events)


def _ahead(task: ScheduledTask, span: Span) -> Iterator[tuple[int, str]]:
    """Yield the fires of a task within a span, in order: its armed run, and the occurrences after it."""
    if task.next_run_ms is None or task.question_id is not None:
        return
    begin, end = to_ms(span.start), to_ms(span.until)
    run_ms = task.next_run_ms
    is_extra = is_run_apart(task)
    if is_extra and begin <= run_ms <= end:
        yield run_ms, task.task_id
    if task.is_single:
        return
    try:
        schedule = firing_schedule(task)
        at = schedule.next_after(max(begin, run_ms + is_extra) - 1)
        while at is not None and at <= end:
            yield at, task.task_id
            at = schedule.next_after(at)
    except InvalidInput:  # a schedule that cannot be read fires no more; `doctor` tells of it
        return


def _event_of_fire(task: ScheduledTask, at: datetime, now: datetime) -> list[Property]:
    return [
        ("UID", _uid(task.task_id, at)),
        ("DTSTAMP", time_value(now)),
        ("DTSTART", time_value(at)),
        ("SUMMARY", text_value(task.name)),
        ("DESCRIPTION", text_value(_described(task, ()))),
        ("STATUS", "CONFIRMED"),
        ("TRANSP", "TRANSPARENT"),
        ("X-REMEMBRANCER-TASK", text_value(task.task_id)),
    ]


def _event_of_execution(each: Execution, task: ScheduledTask | None, now: datetime) -> list[Property]:
    """Return the event of what happened; it replaces the one that announced it, as it has its id."""
    first = each.attempt == 1 and each.execution_type is not ExecutionType.MANUAL
    uid = _uid(each.task_id, each.nominal_at) if first else f"{each.execution_id}@remembrancer"
    name = task.name if task else each.task_id
    words = [f"Status: {each.status.value}", f"Execution: {each.execution_id}"]
    words += [f"Reason: {each.reason}"] if each.reason else []
    words += [f"Result: {each.result}"] if each.result else []
    words += (
        [f"Occurrences: {each.occurrences}, up to {time_value(each.last_nominal_at)}"] if each.last_nominal_at else []
    )
    ran = each.completed_at is not None and each.completed_at >= each.triggered_at
    start = each.triggered_at if each.duration_seconds is not None else each.nominal_at
    event = [
        ("UID", uid),
        ("DTSTAMP", time_value(now)),
        ("DTSTART", time_value(start)),
        ("SUMMARY", text_value(f"{name} ({each.status.value})")),
        ("DESCRIPTION", text_value(_described(task, words))),
        ("STATUS", "CONFIRMED" if each.status in _RAN else "CANCELLED"),
        ("CATEGORIES", text_value(each.status.value)),
        ("TRANSP", "TRANSPARENT"),
        ("X-REMEMBRANCER-TASK", text_value(each.task_id)),
    ]
    if ran and each.duration_seconds is not None and each.completed_at:
        # An end must be later than the start: a run within a second ends in the next one.
        event.insert(3, ("DTEND", time_value(max(each.completed_at, start + timedelta(seconds=1)))))
    return event


def _uid(task_id: str, at: datetime) -> str:
    """Return the id of an event; occurrences that were added within one second differ by their milliseconds."""
    within = f"-{at:%f}"[:4] if at.microsecond else ""
    return f"{task_id}-{time_value(at)}{within}@remembrancer"


def _described(task: ScheduledTask | None, words: Iterable[str]) -> str:
    """Return the description of an event: what happened, the purpose, the prompt."""
    lines = [*words]
    if task is not None:
        lines += [task.goal_description, *([task.trigger_prompt] if task.trigger_prompt else []), task.task_id]
    return "\n".join(lines)[:_LONGEST]


_RAN: Final = frozenset((ExecutionStatus.RUNNING, ExecutionStatus.COMPLETED, ExecutionStatus.FAILED))
_LONGEST: Final = 500
