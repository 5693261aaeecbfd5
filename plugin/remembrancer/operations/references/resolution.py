"""References of a schedule's value, replaced by their content as it is in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput, TaskNotFound, TaskUnreadable
from remembrancer.model.constraints import read_id
from remembrancer.model.plain_schedules import Calendar, Dates, Once
from remembrancer.model.policy import Fold
from remembrancer.model.schedule import TaskTimes
from remembrancer.model.suggestions import nearest
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.operations.references.cues import tried_cue
from remembrancer.operations.requested_schedule import value_given
from remembrancer.policies.occurrences import held_ms
from remembrancer.schedules.references import Content, content_in, references_in, resolved
from remembrancer.schedules.zone_offsets import clock_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.calendar import NamedCalendar
    from remembrancer.model.reacting_schedules import After
    from remembrancer.model.schedule import ScheduleValue
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

_KINDS: Final = ("calendar", "task_times", "workdays", "offset", "any_of", "all_of", "except", "bounded")
"""The kinds of values that may have references."""


def may_refer(given: object) -> bool:
    """Return whether a schedule is of a kind that may refer to other tasks."""
    return (kind := _kind_of(given)) in _KINDS or kind == "after"


async def resolved_schedule(store: Graph, given: object, local: Mapping[str, ScheduledTask] | None = None) -> object:
    """Return the schedule that a request gives with the content of its references; one without any, as it is.

    Args:
        store: The graph.
        given: A value, or a JSON object.
        local: The tasks of the same call to which it refers, by the words that name them there.

    Raises:
        InvalidInput: There is no such calendar or task.
    """
    kind = _kind_of(given)
    if kind == "cue":
        return await tried_cue(store, value_given(given))
    if kind == "after" and local:
        after = cast("After", value_given(given))
        return replace(after, task_id=local[after.task_id].task_id)
    if kind not in _KINDS:
        return given
    value = value_given(given)
    references = references_in(value)
    if not references.are_any:
        return value
    calendars = await _calendars(store, list(references.calendars))
    here = local or {}
    tasks = {
        other: times_of(_open(here[other]) if other in here else await _followed(store, other))
        for other in references.tasks
    }
    return resolved(value, Content(calendars, tasks))


async def resolved_fields(store: Graph, fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return fields of a task with the content of the references of their schedule. Raises InvalidInput."""
    if fields.get("schedule") is None:
        return fields
    return {**fields, "schedule": await resolved_schedule(store, fields["schedule"])}


async def current_schedule(store: Graph, value: ScheduleValue, now: datetime) -> ScheduleValue:
    """Return a kept value with the content that its references have now: a task that has ended goes on no longer."""
    references = references_in(value)
    known = await store.calendars.named(sorted(references.calendars))
    calendars = {name: calendar_value(each) for name, each in known.items()}
    former = content_in(value)
    tasks: dict[str, TaskTimes] = {}
    for other in references.tasks:
        before = former.tasks[other]
        try:
            tasks[other] = _continued(before, await store.tasks.get(other), now)
        except (TaskNotFound, TaskUnreadable):
            tasks[other] = before
    return resolved(value, Content({**former.calendars, **calendars}, tasks))


def times_of(task: ScheduledTask) -> TaskTimes:
    """Return the times of a task, with its schedule as it is."""
    value = task.schedule
    if isinstance(value, Once):
        moved_ms = task.next_run_ms if task.deferral_id is not None and task.paused_at is None else None
        at = from_ms(moved_ms if moved_ms is not None else to_ms(cast("datetime", value.at)))
        local = at.astimezone(clock_of(task.timezone))
        fold = Fold.LAST if local.fold else Fold.FIRST
        text = local.replace(tzinfo=None, microsecond=0).isoformat()
        return TaskTimes(task.task_id, Dates((text,), timezone=task.timezone, fold=fold))
    return TaskTimes(task.task_id, value, to_iso(from_ms(max(held_ms(task), to_ms(task.created_at)))))


def calendar_value(calendar: NamedCalendar) -> Calendar:
    """Return the value that stands for a calendar as it is."""
    return Calendar(
        calendar.name,
        timezone=calendar.timezone,
        version=calendar.version,
        dates=tuple(calendar.dates),
        last=calendar.last,
    )


def _kind_of(given: object) -> object:
    if isinstance(given, Mapping):
        return cast("Mapping[str, object]", given).get("kind")
    return getattr(given, "kind", None)


async def _calendars(store: Graph, names: Sequence[str]) -> dict[str, Calendar]:
    found: Mapping[str, NamedCalendar] = await store.calendars.named(names) if names else {}
    for name in names:
        if name not in found:
            known = [each.name for each in await store.calendars.all()]
            there = f"; there are {', '.join(known)}" if known else "; there are none"
            raise InvalidInput("calendar", name, f"a calendar of the graph{there}", nearest(name, known) or "de")
    return {name: calendar_value(each) for name, each in found.items()}


async def _followed(store: Graph, task_id: str) -> ScheduledTask:
    try:
        task = await store.tasks.get(read_id("task_id", task_id))
    except TaskNotFound:
        raise InvalidInput(
            "task_id", task_id, "the id of a task of the graph", "as `remembrancer list` shows it"
        ) from None
    return _open(task)


def _open(task: ScheduledTask) -> ScheduledTask:
    if not task.is_open:
        raise InvalidInput("task_id", task.task_id, f"a task that is open; this one is {task.status}", "another task")
    return task


def _continued(before: TaskTimes, task: ScheduledTask, now: datetime) -> TaskTimes:
    """Return the times of a task that was followed before."""
    if task.is_open:
        return times_of(task) if task.nominal_ms is not None or task.deferral_id is not None else before
    if task.status is TaskStatus.COMPLETE or before.end is not None:
        return before  # it ended by what its schedule says
    return replace(before, end=to_iso(now))
