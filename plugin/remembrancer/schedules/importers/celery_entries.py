"""Entries of a Celery beat schedule as tasks: a crontab, or an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, cast

from remembrancer.model.plain_schedules import Every, Once
from remembrancer.model.schedule import Bounded, ScheduleValue
from remembrancer.schedules.importers.celery_crontab import FIELDS, crontab_fields
from remembrancer.schedules.importers.entries import Entry, Found, Refused, Source, refused, request_of
from remembrancer.schedules.importers.plain_values import plain, shown_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatEntry:
    """An entry of a beat schedule, as plain values.

    Args:
        place: The line or the row.
        name: The name of the entry.
        task: The name of the Celery task.
        schedule: Seconds, a `timedelta`, the fields of a crontab, an interval with its period, or a `Refused`.
        args: The positional arguments.
        kwargs: The named arguments.
        options: Options of the message, such as the queue.
        goal: The purpose.
        bounds: Fields of `Bounded`.
        notes: Differences from the source.
    """

    place: str
    name: str
    task: str
    schedule: object
    args: object = None
    kwargs: object = None
    options: object = None
    goal: str = ""
    bounds: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()


def beat_task(beat: BeatEntry, zone: str) -> Entry:
    """Return the entry as a task, or with the reason for which it is none."""
    try:
        return _task(beat, zone)
    except Refused as reason:
        return refused(beat.place, f"{beat.name}: {beat.task}", str(reason))


def _task(beat: BeatEntry, zone: str) -> Entry:
    schedule = _bounded(schedule_of_beat(beat.schedule, zone), beat.bounds)
    args, kwargs = plain(beat.args), plain(beat.kwargs)
    call = {"celery_task": beat.task, "args": args, "kwargs": kwargs, "options": plain(beat.options)}
    found = Found(
        source=Source.CELERY,
        identity=[beat.name, str(schedule), call],
        name=beat.name,
        goal=beat.goal or f"Sent by Celery beat: {beat.name}",
        prompt=f"Call {beat.task}({shown_arguments(args, kwargs)})",
        schedule=schedule,
        context=call,
        policies={},
    )
    return Entry(beat.place, f"{beat.name}: {beat.task}", request_of(found), notes=beat.notes)


def schedule_of_beat(given: object, zone: str) -> ScheduleValue:
    """Return the schedule that an entry gives. Raises Refused."""
    match given:
        case Refused():
            raise given
        case timedelta():
            return _every(given)
        case bool():
            raise Refused("its schedule is a truth value")
        case int() | float():
            return _every(timedelta(seconds=min(float(given), _LONGEST)))
        case Mapping():
            return _of_mapping(cast("Mapping[str, object]", given), zone)
        case Once():
            return given
        case str() if len(given.split()) == len(FIELDS):
            minute, hour, day, month, weekday = given.split()  # as cron orders them
            fields = {"minute": minute, "hour": hour, "day_of_month": day, "month_of_year": month}
            return crontab_fields({**fields, "day_of_week": weekday}, zone).schedule()
        case _:
            raise Refused("its schedule is neither seconds nor a crontab")


def _of_mapping(given: Mapping[str, object], zone: str) -> ScheduleValue:
    if {"every", "period"} <= given.keys():
        every, period = given["every"], given["period"]
        if period not in _PERIODS or not isinstance(every, int) or isinstance(every, bool):
            raise Refused(f"its interval {every} {period} is not understood: a whole number of {', '.join(_PERIODS)}")
        return _every(timedelta(**{str(period): min(every, int(_LONGEST))}))
    if isinstance(inner := given.get("crontab"), Mapping):
        return crontab_fields(cast("Mapping[str, object]", inner), zone).schedule()
    if "solar" in given or {"event", "lat", "lon"} & given.keys():
        raise Refused(SOLAR)
    fields = {name: value for name, value in given.items() if name != "timezone"}
    return crontab_fields(fields, str(given.get("timezone") or zone)).schedule()


def _every(interval: timedelta) -> Every:
    if interval < timedelta(seconds=1) or interval.microseconds:
        raise Refused("its interval is no whole number of seconds")
    return Every(f"{interval // timedelta(seconds=1)}s")


def _bounded(schedule: ScheduleValue, bounds: dict[str, Any]) -> ScheduleValue:
    if isinstance(schedule, Every) and "count" in bounds:  # the start itself, which is past, is no run of it
        schedule = replace(schedule, anchor="1970-01-01")
    return Bounded(schedule, **bounds) if bounds and schedule.recurring else schedule


SOLAR: Final = "it follows the sun, which no schedule here does"
_PERIODS: Final = ("days", "hours", "minutes", "seconds")
_LONGEST: Final = 86_400.0 * 36_500
