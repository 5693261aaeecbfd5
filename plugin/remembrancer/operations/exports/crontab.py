"""Recurring tasks as lines of a crontab; a task that cron cannot do is a comment with the reason.

Each job is read back by the importer before it is written: a line that would mean anything else is not written.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import visible
from remembrancer.model.plain_schedules import Cron, Every
from remembrancer.schedules.every import ElapsedSchedule, every_schedule
from remembrancer.schedules.importers.crontab import LineKind, read_crontab
from remembrancer.schedules.importers.crontab_jobs import mark_of
from remembrancer.schedules.kinds import schedule_of
from remembrancer.schedules.value_fields import names_days_only

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.importers.crontab import CrontabLine


class _Unsayable(Exception):
    """Cron cannot do this; the text is the reason."""


@dataclass(frozen=True, slots=True)
class _CronJob:
    """A task that cron can do."""

    task: ScheduledTask
    line: CrontabLine
    """Its line, as the importer reads it in the zone of the task."""
    zone: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def crontab_of(tasks: Sequence[ScheduledTask], now: datetime, *, system: bool) -> str:
    """Return a crontab of *tasks*; with *system*, each line names its user.

    Cron knows neither misfires, retries nor deadlines, and answers to clock changes in its own way.
    """
    jobs: list[_CronJob] = []
    others: list[tuple[ScheduledTask, str]] = []
    for task in tasks:
        try:
            jobs.append(_job(task, now, system=system))
        except _Unsayable as reason:
            others.append((task, str(reason)))
    # A setting holds for every line below it: the tasks with the fewest come first.
    jobs.sort(key=lambda job: (len(job.environment), job.zone, sorted(job.environment.items()), job.task.task_id))
    lines: list[str] = []
    settings: dict[str, str] = {}
    for job in jobs:
        leaked = settings.keys() - job.environment.keys() - {"CRON_TZ"}
        if leaked:
            others.append((job.task, f"{min(leaked)}, set for another task, would reach it"))
            continue
        lines += _settings(job, settings)
        lines += [f"# {_line(job.task.name)} {mark_of(job.task.task_id, job.line)}", job.line.text]
    head = f"# Tasks of Remembrancer: {len(tasks) - len(others)} jobs, {len(others)} that cron cannot do."
    lines = [head, *lines]
    lines += [f"# not in cron: {_line(task.name)} ({task.task_id}): {_line(reason)}" for task, reason in others]
    return "".join(f"{line}\n" for line in lines)


def _job(task: ScheduledTask, now: datetime, *, system: bool) -> _CronJob:
    """Return a task as a job. Raises _Unsayable."""
    if task.is_paused(now):
        raise _Unsayable("it is paused")
    when, zone = _when(task)
    context = task.context or {}
    command = _command(context)
    stdin = context.get("stdin")
    rest = command.replace("%", r"\%")
    if isinstance(stdin, str) and stdin:
        rest += "".join(f"%{line}" for line in stdin.replace("%", r"\%").split("\n"))
    user = context.get("user")
    if system and not isinstance(user, str):
        raise _Unsayable("it names no user for the system's crontab")
    if not system and user is not None:
        raise _Unsayable(f"it is for the user {user}, whom the system's crontab alone can name")
    rest = f"{user} {rest}" if system else rest
    environment = _environment(context)
    text = f"CRON_TZ={zone}\n{when} {rest}\n"
    line = _read_back(text, command, stdin if isinstance(stdin, str) and stdin else None, when, system=system)
    return _CronJob(task, line, zone, environment)


def _when(task: ScheduledTask) -> tuple[str, str]:
    """Return the time fields and the zone of a task's schedule. Raises _Unsayable."""
    value = task.schedule
    if isinstance(value, Every):
        return _interval(value), "UTC"
    if not isinstance(value, Cron):
        raise _Unsayable("it fires once" if not value.recurring else f"its schedule is of kind {value.kind}")
    if value.seconds_field is not None or value.expression.count(" ") > 4:  # noqa: PLR2004 (five fields)
        raise _Unsayable("its schedule has seconds")
    try:
        schedule_of(task)
    except InvalidInput as unreadable:
        raise _Unsayable(f"its schedule cannot be read: {unreadable}") from None
    expression = " ".join(value.expression.split())
    foreign = [] if expression.startswith("@") else _FOREIGN.findall(_NAMES.sub("", expression.upper()))
    if foreign:
        raise _Unsayable(f"cron knows no {foreign[0]}")
    return expression, value.timezone


def _interval(value: Every) -> str:
    """Return an elapsed interval that divides an hour or a day, in UTC. Raises _Unsayable."""
    if value.at or names_days_only(value.every):
        raise _Unsayable("its interval is counted in days")
    schedule = every_schedule(value, "")
    if not isinstance(schedule, ElapsedSchedule) or schedule.step % 60 or 24 * _HOUR % schedule.step:
        raise _Unsayable("its interval divides neither an hour nor a day")
    if schedule.offset % 60:
        raise _Unsayable("its interval is counted from a second that is no whole minute")
    minute, minutes = schedule.offset // 60, schedule.step // 60
    if _HOUR % schedule.step == 0:
        return f"{_stepped(minute, minutes, 60)} * * * *"
    if schedule.step % _HOUR:
        raise _Unsayable("its interval divides neither an hour nor a day")
    return f"{minute % 60} {_stepped(minute // 60, minutes // 60, 24)} * * *"


def _stepped(first: int, step: int, size: int) -> str:
    """Return a field that begins at *first* and goes on in steps, which divide its *size*."""
    if step == 1:
        return "*"
    if step == size:
        return str(first)
    return f"*/{step}" if first == 0 else ",".join(map(str, range(first, size, step)))


def _command(context: Mapping[str, object]) -> str:
    """Return the command as text for a shell. Raises _Unsayable: there is none."""
    command = context.get("command")
    if command is None:
        raise _Unsayable("it has no command: its prompt is for a handler")
    if isinstance(command, str) and context.get("shell") is True:
        text = command
    elif isinstance(command, list) and all(isinstance(each, str) for each in cast("list[object]", command)):
        text = shlex.join(cast("list[str]", command))
    else:
        raise _Unsayable("its command cannot be run")
    cwd = context.get("cwd")
    if not isinstance(cwd, str) or cwd in {"~", _environment(context).get("HOME")}:
        return text
    return f"cd {shlex.quote(cwd)} && {text}"


def _environment(context: Mapping[str, object]) -> dict[str, str]:
    """Return the settings that a task needs; CRON_TZ is that of its schedule."""
    given = context.get("environment")
    if not isinstance(given, Mapping):
        return {}
    members = cast("Mapping[object, object]", given)
    return {str(name): str(value) for name, value in members.items() if name != "CRON_TZ"}


def _read_back(text: str, command: str, stdin: str | None, when: str, *, system: bool) -> CrontabLine:
    """Return a line as it is read back, below its zone. Raises _Unsayable: it would mean something else."""
    _, *read = read_crontab(text, system=system)
    is_same = len(read) == 1 and read[0].kind is LineKind.JOB and read[0].command == command
    if not is_same or (read[0].stdin or None) != stdin or read[0].expression != when:
        raise _Unsayable("its command or its times cannot be written in a crontab")
    return read[0]


def _settings(job: _CronJob, settings: dict[str, str]) -> list[str]:
    """Return the lines that set what a job needs and what differs from the settings before it; *settings* grows."""
    wanted = {**job.environment, "CRON_TZ": job.zone}
    changed = {name: value for name, value in wanted.items() if settings.get(name) != value}
    settings.update(changed)
    return [f"{name}={_quoted(value)}" for name, value in changed.items()]


def _quoted(value: str) -> str:
    """Return a value as cron reads it back: quotes keep blanks at its ends."""
    value = _line(value)
    is_bare = value == value.strip() and value[:1] not in {"'", '"'} and value
    return value if is_bare else f'"{value}"'


def _line(text: str) -> str:
    return visible(" ".join(text.split("\n")))


_HOUR: Final = 3600
_FOREIGN: Final = re.compile(r"[LW#?H]")
_NAMES: Final = re.compile("MON|TUE|WED|THU|FRI|SAT|SUN|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC")
