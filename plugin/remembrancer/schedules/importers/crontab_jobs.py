"""Job lines of a crontab as tasks, each with its command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from remembrancer.model.plain_schedules import Cron
from remembrancer.schedules.importers.crontab import CrontabLine, LineKind, read_as
from remembrancer.schedules.importers.entries import Entry, Found, Source, key_of, request_of

if TYPE_CHECKING:
    from remembrancer.schedules.importers.crontab_format import Form


def crontab_entries(text: str, form: Form, zone: str) -> list[Entry]:
    """Return an entry for each line of a crontab; *zone* applies to lines whose file names none."""
    lines = read_as(text, form)
    return [_entry(line, zone, above) for above, line in zip([None, *lines], lines, strict=False)]


def mark_of(task_id: str, line: CrontabLine) -> str:
    """Return the end of a comment above a job line, by which the importer knows the task that the line was."""
    return f"(remembrancer: {task_id} {_digest(line)})"


def _digest(line: CrontabLine) -> str:
    """Return a text that differs for jobs that differ."""
    return key_of(Source.CRONTAB, _identity(line)).removeprefix(f"{Source.CRONTAB.value}_")


def _identity(line: CrontabLine) -> list[object]:
    return [line.user, line.expression, line.timezone, line.command or "", line.stdin]


def _entry(line: CrontabLine, zone: str, above: CrontabLine | None) -> Entry:
    place = f"line {line.number}"
    text = _legible(line.text)
    if line.kind is LineKind.JOB and (reason := _of_bytes(line)):
        return Entry(place, text, reason=reason, user=_legible(line.user or "") or None)
    if line.kind is LineKind.JOB:
        notes = [*([line.note] if line.note else []), *_notes(line)]
        is_marked = above is not None and above.kind is LineKind.COMMENT
        mark = _MARK.search(above.text.rstrip()) if above is not None and is_marked else None
        task_id = mark["task_id"] if mark and mark["digest"] == _digest(line) else None
        if mark and task_id is None:
            notes.append(f"it has changed since it was exported: it is another job than {mark['task_id']}")
        request = request_of(_found(line, zone, task_id))
        return Entry(place, line.text, request, notes=tuple(notes), user=line.user, task_id=task_id)
    if line.kind is LineKind.SKIPPED:
        return Entry(place, text, reason=_legible(line.reason or ""), user=_legible(line.user or "") or None)
    return Entry(place, text, reason=line.kind.value, is_task=False)


def _of_bytes(line: CrontabLine) -> str | None:
    """Return the reason for refusing a job line with bytes that are no text; None without any."""
    settings = [f"{name}={value}" for name, value in line.environment]
    for part, where in [(line.text, "it has"), *((each, "a setting above it has") for each in settings)]:
        if _legible(part) != part:
            return f"{where} bytes that are no UTF-8, which no task can keep unchanged: {_legible(part)}"
    return None


def _legible(text: str) -> str:
    """Return *text* with each byte that is no UTF-8 as an escape."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _found(line: CrontabLine, zone: str, task_id: str | None) -> Found:
    """Return a job line as a task; equal jobs, from any file, are the same task, but those of exported tasks.

    *zone* is not part of the identity: a second import with another zone changes nothing.
    """
    command = line.command or ""
    return Found(
        source=Source.CRONTAB,
        identity=_identity(line) if task_id is None else [task_id, *_identity(line)],
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
_MARK: Final = re.compile(r"\(remembrancer: (?P<task_id>task_[\w.-]{1,200}) (?P<digest>[0-9a-f]{32})\)$", re.ASCII)
