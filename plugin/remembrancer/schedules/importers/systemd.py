"""Timers of systemd: each is one task, whose command is that of its service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.plain_schedules import Every
from remembrancer.model.policy import Misfire
from remembrancer.model.schedule import Bounded
from remembrancer.schedules.importers.calendar_fields import any_of
from remembrancer.schedules.importers.entries import Entry, Found, Refused, Source, refused, request_of
from remembrancer.schedules.importers.systemd_times import read_calendar, read_span
from remembrancer.schedules.importers.systemd_units import Section, ServiceCommand, read_service, read_unit

if TYPE_CHECKING:
    from remembrancer.model.schedule import ScheduleValue


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A unit file: its name, its text, and that of the service beside it, by name."""

    name: str
    text: str
    beside: dict[str, str]
    has_drop_ins: bool = False


def timer_entry(unit: UnitFile, zone: str) -> Entry:
    """Return the entry of one timer."""
    sections = read_unit(unit.text)
    timer = sections.get("Timer", {})
    text = "; ".join(f"{name}={value}" for name, values in timer.items() for value in values)
    stem = PurePath(unit.name).stem
    if stem.endswith("@"):
        return refused(unit.name, text, "it is a template: only an instance of it runs")
    notes: list[str] = []
    try:
        schedule = _schedule(timer, zone, notes)
        policies = _policies(timer, notes)
    except Refused as reason:
        return refused(unit.name, text, str(reason))
    started = _started(timer, stem)
    service = _service(unit, started)
    if unit.has_drop_ins:
        notes.append(f"the folder {unit.name}.d beside it is not read")
    description = " ".join(sections.get("Unit", {}).get("Description", []))
    found = Found(
        source=Source.SYSTEMD,
        identity=[unit.name, str(schedule), service.context.get("command"), service.user],
        name=stem,
        goal=description or f"Run by the timer {unit.name}",
        prompt=_prompt(service.context.get("command")) or f"Start {started}",
        schedule=schedule,
        context={**service.context, "unit": unit.name, "timer": text},
        policies={**policies, **service.policies},
    )
    return Entry(unit.name, text, request_of(found), notes=(*notes, *service.notes), user=service.user)


def _prompt(command: object) -> str:
    return " ".join(cast("list[str]", command)) if isinstance(command, list) else str(command or "")


def _started(timer: Section, stem: str) -> str:
    return (timer.get("Unit") or [f"{stem}.service"])[-1]


def _service(unit: UnitFile, started: str) -> ServiceCommand:
    """Return the command of the service that a timer starts; without its file, systemctl starts it."""
    text = unit.beside.get(started)
    if text is None and "@" in started:
        text = unit.beside.get(f"{started.partition('@')[0]}@.service")
    if text is not None:
        return read_service(text, started)
    note = f"{started} is not beside it: the command has systemd start that unit"
    return ServiceCommand({"command": ["systemctl", "start", started]}, notes=(note,))


def _schedule(timer: Section, zone: str, notes: list[str]) -> ScheduleValue:
    """Return the schedule of a timer. Raises Refused."""
    parts: list[ScheduleValue] = [read_calendar(each, zone).schedule() for each in timer.get("OnCalendar", [])]
    parts += [_every(each) for each in timer.get("OnUnitActiveSec", [])]
    if timer.get("OnUnitActiveSec"):
        notes.append("the interval is counted from 1970, not from the last start of the unit")
    if timer.get("OnUnitInactiveSec"):
        raise Refused("OnUnitInactiveSec counts from the end of the last run: give it OnUnitActiveSec or OnCalendar")
    monotonic = [name for name in _AT_START if timer.get(name)]
    if not parts and monotonic:
        raise Refused(f"{', '.join(monotonic)} names no time: it runs after the machine or the timer starts")
    if not parts:
        raise Refused("it has no OnCalendar= and no OnUnitActiveSec=")
    notes += [f"{name} is left out: it runs after the machine or the timer starts" for name in monotonic]
    notes += [f"{name} is left out" for name in timer if name not in _READ]
    together = any_of(parts)
    if "*" in str(together) and any("*:" in each or each.lower() in _INTERVALS for each in timer.get("OnCalendar", [])):
        notes.append("in an hour that a clock change repeats, it fires both times; systemd fires once")
    return _spread(timer, together, notes)


def _spread(timer: Section, schedule: ScheduleValue, notes: list[str]) -> ScheduleValue:
    """Return the schedule with the delays of the timer; each stays before the next time."""
    jitter = _longest(timer, "RandomizedDelaySec")
    offset = _longest(timer, "RandomizedOffsetSec")
    if _is_true(timer, "FixedRandomDelay"):
        jitter, offset = 0, offset or jitter
    if not jitter and not offset:
        return schedule
    if not schedule.recurring:
        notes.append("the random delay of a single time is left out")
        return schedule
    return Bounded(schedule, jitter=f"{jitter}s" if jitter else None, spread=f"{offset}s" if offset else None)


def _every(span: str) -> Every:
    seconds = read_span(span)
    if seconds < 1:
        raise Refused(f"OnUnitActiveSec={span} is no interval")
    return Every(f"{seconds}s")


def _policies(timer: Section, notes: list[str]) -> dict[str, object]:
    """Return the misfire policy: a persistent timer makes up for what it missed, once."""
    if accuracy := timer.get("AccuracySec"):
        notes.append(f"AccuracySec={accuracy[-1]} is not needed: it fires at its time")
    return {"misfire": (Misfire.RUN_ONCE if _is_true(timer, "Persistent") else Misfire.SKIP).value}


def _longest(timer: Section, name: str) -> int:
    values = timer.get(name)
    return read_span(values[-1]) if values else 0


def _is_true(timer: Section, name: str) -> bool:
    values = timer.get(name)
    return bool(values) and values[-1].lower() in {"1", "yes", "true", "on", "y", "t"}


_AT_START: Final = ("OnActiveSec", "OnBootSec", "OnStartupSec")
_INTERVALS: Final = frozenset(("minutely", "hourly"))
_READ: Final = frozenset(
    (
        *("OnCalendar", "OnUnitActiveSec", "RandomizedDelaySec", "RandomizedOffsetSec", "FixedRandomDelay"),
        *("Persistent", "AccuracySec", "Unit", *_AT_START),
    )
)
"""Settings of a timer that are kept, or mentioned in a note of their own."""
