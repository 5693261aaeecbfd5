"""Jobs of APScheduler 3, from the table in which its SQLAlchemy job store keeps them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.model.plain_schedules import Every, Once
from remembrancer.model.policy import Misfire
from remembrancer.model.schedule import Bounded
from remembrancer.schedules.importers.apscheduler_fields import fields_of
from remembrancer.schedules.importers.apscheduler_state import StandIn, read_state
from remembrancer.schedules.importers.calendar_fields import any_of
from remembrancer.schedules.importers.entries import Entry, Found, Refused, Source, refused, request_of
from remembrancer.schedules.importers.plain_values import plain, shown_arguments

if TYPE_CHECKING:
    from remembrancer.model.schedule import ScheduleValue


def job_entry(job_id: str, next_run_time: float | None, data: bytes) -> Entry:
    """Return the entry of one row of a job store."""
    place = f"job {job_id}"
    try:
        state = read_state(data)
    except Refused as reason:
        return refused(place, job_id, str(reason))
    func = str(state.get("func"))
    if next_run_time is None:
        return refused(place, func, "it is paused there: it has no next run time")
    try:
        return _entry(place, job_id, func, state)
    except Refused as reason:
        return refused(place, func, str(reason))


def _entry(place: str, job_id: str, func: str, state: dict[str, Any]) -> Entry:
    notes: list[str] = []
    schedule = _schedule(state.get("trigger"), notes)
    call = {"func": func, "args": plain(state.get("args")), "kwargs": plain(state.get("kwargs"))}
    name = str(state.get("name") or job_id)
    found = Found(
        source=Source.APSCHEDULER,
        identity=[job_id, func, str(schedule), call],
        name=name,
        goal=f"The job {job_id} of APScheduler",
        prompt=_prompt(call),
        schedule=schedule,
        context={**call, "job_id": job_id, "executor": state.get("executor")},
        policies=_policies(state, notes),
    )
    return Entry(place, f"{func} {schedule}", request_of(found), notes=tuple(notes))


def _prompt(call: dict[str, Any]) -> str:
    return f"Call {call['func']}({shown_arguments(call['args'], call['kwargs'])})"


def _schedule(trigger: object, notes: list[str]) -> ScheduleValue:
    """Return the schedule of a trigger. Raises Refused."""
    if not isinstance(trigger, StandIn):
        raise Refused("it has no trigger of APScheduler's own")
    match trigger.kind:
        case "DateTrigger":
            return _once(trigger.fields.get("run_date"))
        case "CronTrigger":
            return _bounded(trigger, fields_of(trigger).schedule(), notes, starts=True)
        case "IntervalTrigger":
            return _interval(trigger, notes)
        case "OrTrigger":
            inner = [_inner(each) for each in cast("list[object]", trigger.fields.get("triggers") or [])]
            if not inner:
                raise Refused("its OrTrigger holds no trigger")
            return _bounded(trigger, any_of([_schedule(each, notes) for each in inner]), notes, starts=False)
        case _:
            raise Refused(f"its trigger is a {trigger.kind}: a cron, interval, date or or-trigger is read")


def _inner(given: object) -> object:
    """Return a trigger inside another, which is pickled as the name of its class and its state."""
    if isinstance(given, tuple) and len(pair := cast("tuple[object, ...]", given)) == 2:  # noqa: PLR2004 (a pair)
        name = str(pair[0])
        if name.startswith("apscheduler.triggers."):
            made = StandIn(name.rpartition(":")[2])
            made.__setstate__(pair[1])
            return made
    return cast("object", given)


def _once(at: object) -> Once:
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise Refused("its trigger has no date with a zone")
    return Once(at.isoformat())


def _interval(trigger: StandIn, notes: list[str]) -> ScheduleValue:
    interval, start = trigger.fields.get("interval"), trigger.fields.get("start_date")
    if not isinstance(interval, timedelta) or interval < timedelta(seconds=1):
        raise Refused("its interval is no length of time of a second or more")
    if interval.microseconds:
        raise Refused("its interval is no whole number of seconds")
    anchor = start.replace(microsecond=0).isoformat() if isinstance(start, datetime) else None
    every = Every(f"{interval // timedelta(seconds=1)}s", anchor=anchor)
    return _bounded(trigger, every, notes, starts=True)


def _bounded(trigger: StandIn, schedule: ScheduleValue, notes: list[str], *, starts: bool) -> ScheduleValue:
    """Return a schedule within the dates of its trigger, and with its jitter."""
    start = trigger.fields.get("start_date") if starts else None
    end, jitter = trigger.fields.get("end_date"), trigger.fields.get("jitter")
    bounds: dict[str, Any] = {
        name: at.replace(microsecond=0).isoformat()
        for name, at in (("start", start), ("end", end))
        if isinstance(at, datetime)
    }
    if isinstance(jitter, int | float) and jitter >= 1:
        bounds["jitter"] = f"{int(jitter)}s"
    if not bounds:
        return schedule
    if not schedule.recurring:
        notes.append("the bounds of a single time are left out")
        return schedule
    return Bounded(schedule, **bounds)


def _policies(state: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return the misfire policy: a run later than the grace is missed; without a grace, none is ever too late."""
    grace, instances = state.get("misfire_grace_time"), state.get("max_instances")
    if isinstance(instances, int) and instances > 1:
        notes.append(f"max_instances={instances} is not kept: its runs do not overlap here")
    if isinstance(grace, int | float) and grace > 0:
        longest = float(min(grace, _LONGEST_GRACE))
        return {"misfire": Misfire.SKIP.value, "misfire_grace_seconds": longest}
    return {"misfire": (Misfire.RUN_ONCE if state.get("coalesce", True) else Misfire.RUN_ALL).value}


_LONGEST_GRACE: Final = 366 * 86_400
