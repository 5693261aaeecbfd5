"""Job lines of a crontab as tasks, each with its command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from remembrancer.model.plain_schedules import Cron
from remembrancer.schedules.importers.crontab import CrontabLine, LineKind, read_as
from remembrancer.schedules.importers.entries import Entry, Found, Source, request_of

if TYPE_CHECKING:
    from remembrancer.schedules.importers.crontab_format import Form


def crontab_entries(text: str, form: Form, zone: str) -> list[Entry]:
    """Return an entry for each line of a crontab; *zone* applies to lines whose file names none."""
    return [_entry(line, zone) for line in read_as(text, form)]


def _entry(line: CrontabLine, zone: str) -> Entry:
    place = f"line {line.number}"
    if line.kind is LineKind.JOB:
        notes = [*([line.note] if line.note else []), *_notes(line)]
        return Entry(place, line.text, request_of(_found(line, zone)), notes=tuple(notes), user=line.user)
    if line.kind is LineKind.SKIPPED:
        return Entry(place, line.text, reason=line.reason, user=line.user)
    return Entry(place, line.text, reason=line.kind.value, is_task=False)


def _found(line: CrontabLine, zone: str) -> Found:
    """Return a job line as a task; equal jobs, from any file, are the same task.

    *zone* is not part of the identity: a second import with another zone changes nothing.
    """
    command = line.command or ""
    return Found(
        source=Source.CRONTAB,
        identity=[line.user, line.expression, line.timezone, command, line.stdin],
        name=" ".join(command.split()[:_NAME_WORDS]),
        goal=f"Run by cron: {line.text.strip()}",
        prompt=command,
        schedule=Cron(line.expression or "", line.timezone or zone),
        context=_context(line, command),
        policies={},
    )


def _context(line: CrontabLine, command: str) -> dict[str, object]:
    """Return the command as cron runs it: by the shell, in the home folder, with the settings before the line."""
    environment = {name: value for name, value in line.environment if _NAME.fullmatch(name)}
    return {
        "command": command,
        "shell": True,
        "user": line.user,
        "cwd": environment.get("HOME", "~"),
        "environment": environment,
        "stdin": line.stdin,
        "line": line.text,
    }


def _notes(line: CrontabLine) -> list[str]:
    """Return what differs from cron for the command of a line."""
    notes: list[str] = []
    named = dict(line.environment)
    if named.get("MAILTO"):
        notes.append("its output is kept with the execution, not sent to MAILTO")
    notes += [f"the setting {name} is no name of a variable" for name in named if not _NAME.fullmatch(name)]
    return notes


_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAME_WORDS: Final = 4
