"""The schedule that a request asks for: its spelling in the specification's fields, and its first run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import Cron, Once
from remembrancer.model.policy import Fold
from remembrancer.model.reacting_schedules import After, Paced
from remembrancer.model.schedule import VALUES, text_of, value_of
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.composed.anchors import anchored, has_open_interval
from remembrancer.schedules.composed.single_times import with_dates
from remembrancer.schedules.kinds import KINDS, remaining_schedule
from remembrancer.schedules.parsing import read_moment, read_zone
from remembrancer.schedules.relative.settled import settled

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.schedule import ScheduleValue
    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.timestamps import Moment

_OWN: Final = {"timezone": None, "gap": None, "fold": Fold.FIRST, "seconds_field": None}
"""Fields of a request that complete `schedule_cron`, with their defaults."""
_EXAMPLE: Final = {"kind": "cron", "expression": "0 9 * * 1-5"}


def spelled(request: ScheduleRequest, now: datetime) -> tuple[ScheduleRequest, str | None]:
    """Return *request* with its `schedule` in the specification's fields, and as text if they cannot spell its kind.

    Raises:
        InvalidInput: `schedule` is no schedule, or another field says when the task runs.
    """
    if request.schedule is None:
        return _with_zone(request), None
    if request.schedule_cron is not None:
        raise InvalidInput("schedule", request.schedule, "schedule or schedule_cron, not both", None)
    for name, default in _OWN.items():
        if (given := getattr(request, name)) != default:
            raise InvalidInput(name, given, "no value beside schedule, which has a field of its own for it", default)
    value = requested(request.schedule, now, request.defer_until)
    if isinstance(value, Once):
        if request.defer_until is not None:
            raise InvalidInput("schedule", request.schedule, "a time in schedule or defer_until, not both", None)
        zone = None if value.timezone == "UTC" else value.timezone  # as a request: a time without an offset is refused
        return replace(
            request, schedule=None, defer_until=value.at, timezone=zone, fold=value.fold, gap=value.gap
        ), None
    if isinstance(value, Cron):  # pyright: ignore[reportUnnecessaryIsInstance]  one of the kinds to come is neither
        return replace(
            request,
            schedule=None,
            schedule_cron=value.expression,
            timezone=value.timezone,
            gap=value.gap,
            fold=value.fold,
            seconds_field=value.seconds_field,
        ), None
    return replace(request, timezone=KINDS[value.kind](value, "").timezone), text_of(value)


def watched(value: ScheduleValue | None, now_ms: int) -> dict[str, object]:
    """Return what a task keeps whose schedule names no occurrences; an agent-paced one has its first check now."""
    if isinstance(value, Paced):
        return {"next_check_ms": now_ms}
    if value is None or not getattr(value, "reacts", False):
        return {}
    return {"check_at_ms": now_ms, "runs_after_id": followed_in(value)}


def followed_in(value: ScheduleValue) -> str | None:
    """Return the task that a task with this schedule follows; None for a schedule of another kind."""
    return value.task_id if isinstance(value, After) else None


def first_run(task: ScheduledTask, now_ms: int, late_by_ms: int) -> tuple[int | None, int | None]:
    """Return (nominal_ms, next_run_ms) of a new task; None for one that waits for something to happen.

    A recurring task begins at its first occurrence after now, and not before `defer_until`. A one-time task whose
    time passed more than *late_by_ms* ago runs *late_by_ms* from now, leaving time to cancel a mistake.
    """
    if task.reacts:  # an agent-paced task has its first check ahead
        return task.next_check_ms, task.next_check_ms
    schedule = remaining_schedule(task)
    if task.task_type is TaskType.RECURRING:
        first_ms = schedule.next_ms(max(now_ms, to_ms(task.defer_until) - 1) if task.defer_until else now_ms)
        return first_ms, first_ms
    only_ms = schedule.next_ms(-1)
    return only_ms, now_ms + late_by_ms if now_ms - only_ms >= late_by_ms else only_ms


def _with_zone(request: ScheduleRequest) -> ScheduleRequest:
    """Return *request* with the zone that its cron expression names as its timezone.

    Raises InvalidInput: it is no zone, or `timezone` says another.
    """
    text = request.schedule_cron
    if not isinstance(text, str) or "=" not in text:
        return request
    named = Cron(text)
    if named.expression == text:
        return request
    if request.timezone not in {None, named.timezone}:
        allowed = f"the zone in timezone or before the fields, not two; timezone is {request.timezone!r}"
        raise InvalidInput("schedule_cron", text, allowed, named.expression)
    try:
        read_zone(named.timezone)
    except InvalidInput as wrong:
        allowed = f"before the fields {wrong.allowed}, such as {wrong.example}"
        raise InvalidInput("schedule_cron", text, allowed, named.expression) from None
    return replace(request, schedule_cron=named.expression, timezone=named.timezone)


def requested(given: object, now: datetime, begin: Moment | None = None) -> ScheduleValue:
    """Return the value that a request gives, or one read from its fields, with its times exact.

    An interval without an anchor is counted from *now*, or from when the task is to *begin*. Raises InvalidInput.
    """
    value = with_dates(settled(value_given(given), now), now)
    if not has_open_interval(value):
        return value
    if begin is not None:
        now = read_moment(begin, "defer_until", now=now, timezone=_zone_of(value))
    return anchored(value, to_ms(now), _zone_of)


def _zone_of(value: ScheduleValue) -> str:
    return KINDS[value.kind](value, "").timezone


def value_given(given: object) -> ScheduleValue:
    """Return a value as it is, or read one from its fields. Raises InvalidInput."""
    if type(given) in VALUES.values():
        return cast("ScheduleValue", given)
    try:
        return value_of(cast("Mapping[str, object]", given) if isinstance(given, Mapping) else {})  # pyright: ignore[reportUnknownArgumentType]
    except ValueError as wrong:
        raise InvalidInput("schedule", cast("object", given), f"a JSON object: {wrong}", _EXAMPLE) from None
