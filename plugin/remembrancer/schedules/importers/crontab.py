"""Crontab files, read line by line: the kind of each line, and the reason why a job cannot be imported.

Both forms are read: a user's own (`crontab -l`) and the system's (`/etc/crontab`, `/etc/cron.d`), whose job lines
name the user before the command. A note tells what was guessed, or runs differently than in cron.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from remembrancer.schedules.importers.crontab_format import (
    ANACRON,
    BLANKS,
    JOB,
    SETTING,
    Form,
    FormKind,
    form_of,
    parted,
)
from remembrancer.schedules.importers.crontab_times import accepted


class LineKind(StrEnum):
    """The kind of a line."""

    JOB = "job"
    COMMENT = "comment"
    BLANK = "blank"
    ENVIRONMENT = "environment"
    SKIPPED = "skipped"
    """Looks like a job, but cannot be one here; the reason is with it."""


@dataclass(frozen=True, slots=True)
class CrontabLine:
    """One physical line of a crontab.

    `expression` is one that `parse_cron` accepts whenever `kind` is a job. `command` is what the shell gets,
    `stdin` its input (both after cron's treatment of `%`). `user` is set in the system form only.
    `timezone` (from CRON_TZ: TZ is for the command alone) and `environment` are those in force at this line. `note`
    says what was guessed, and what differs from cron.
    """

    number: int
    text: str
    kind: LineKind
    expression: str | None = None
    user: str | None = None
    command: str | None = None
    stdin: str | None = None
    reason: str | None = None
    note: str | None = None
    timezone: str | None = None
    environment: tuple[tuple[str, str], ...] = ()


def read_crontab(text: str, *, system: bool | None = None, name: str = "") -> list[CrontabLine]:
    """Return one `CrontabLine` for each physical line of *text*, in order; a bad one is skipped.

    Args:
        text: The file's content.
        system: Whether job lines name a user; None to decide by all lines together.
        name: The file's name, which helps to decide.
    """
    return read_as(text, judged(text, system=system, name=name))


def judged(text: str, *, system: bool | None = None, name: str = "") -> Form:
    """Return the form that a crontab is read in; see `read_crontab`."""
    return form_of(_physical(text), system=system, name=name)


def read_as(text: str, form: Form) -> list[CrontabLine]:
    """Return the lines of a crontab of this form."""
    environment: dict[str, str] = {}
    return [_read_line(number, line, environment, form.kind) for number, line in enumerate(_physical(text), start=1)]


def _physical(text: str) -> list[str]:
    """Split at newlines only, as cron does; drop a byte order mark and carriage returns."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def _read_line(number: int, line: str, environment: dict[str, str], form: FormKind) -> CrontabLine:
    """Read one line; a setting is added to *environment*."""
    bare = line.strip(BLANKS)
    setting = None if "\0" in bare else _setting(bare)
    if setting is not None:
        environment[setting[0]] = setting[1]
    zone = environment.get("CRON_TZ", "").removeprefix(":") or None
    place = CrontabLine(number, line, LineKind.ENVIRONMENT, timezone=zone, environment=tuple(environment.items()))
    if setting is not None:
        return place
    if not bare or bare.startswith("#"):
        return replace(place, kind=LineKind.COMMENT if bare else LineKind.BLANK)
    if reason := _no_job(bare, form):
        return replace(place, kind=LineKind.SKIPPED, reason=reason)
    return _read_job(place, bare, system=form is FormKind.SYSTEM)


def _no_job(bare: str, form: FormKind) -> str | None:
    """Return why a line cannot be a job, regardless of its times."""
    if "\0" in bare:
        return "it holds a NUL character, which ends a line for cron"
    if form is FormKind.ANACRON or ANACRON.fullmatch(bare):
        return "a line of an anacrontab: it says every how many days, and no time of day; give it one in a crontab"
    if JOB.fullmatch(bare) is None:
        return "neither a job (five time fields and a command) nor a setting nor a comment"
    return None


def _setting(line: str) -> tuple[str, str] | None:
    found = SETTING.fullmatch(line)
    if found is None:
        return None
    name, value = (_unquoted(part) for part in found.groups())
    return name, value


def _unquoted(word: str) -> str:
    is_quoted = len(word) > 1 and word[0] in "'\"" and word[-1] == word[0]
    return word[1:-1] if is_quoted else word


def _read_job(place: CrontabLine, bare: str, *, system: bool) -> CrontabLine:
    """Return *place*, a line that is neither setting nor comment, as a job."""
    found = JOB.fullmatch(bare)
    assert found is not None  # noqa: S101 (others were skipped before)
    user, rest = parted(found["rest"]) if system else (None, found["rest"])
    command, stdin = _percent(rest)
    expression, reason, notes = accepted(" ".join(found["when"].split()), place.timezone)
    if not command:
        reason = "no command" + (f" after the user {user}" if system else "")
    elif command.startswith("-"):
        reason = f"the command begins with {command.split()[0]}, flags of another cron, which no shell knows"
    notes += _notes(place, bare, rest)
    return replace(
        place,
        kind=LineKind.JOB if reason is None else LineKind.SKIPPED,
        expression=expression,
        user=user,
        command=command or None,
        stdin=stdin,
        reason=reason,
        note="; ".join(notes) or None,
    )


def _notes(place: CrontabLine, bare: str, rest: str) -> list[str]:
    """Return the notes on a job apart from its times."""
    notes: list[str] = []
    if place.timezone is None and any(name == "TZ" for name, _ in place.environment):
        notes.append("TZ reaches the command only: cron reads times in the zone of the machine, and so they are here")
    if bare.startswith("-"):
        notes.append("the leading '-', which keeps cron from logging it, is left out")
    if "\\\\" in rest:
        notes.append("both of two backslashes are kept; some cron hand on one of them")
    return notes


def _percent(rest: str) -> tuple[str, str | None]:
    r"""Apply cron's rule for `%`: the first one starts the input, others end its lines; `\%` is a `%`.

    A backslash after a backslash escapes nothing.
    """
    parts, escaped = [""], False
    for letter in rest:
        if letter == "%" and not escaped:
            parts.append("")
        elif letter == "%":
            parts[-1] = f"{parts[-1][:-1]}%"
        else:
            parts[-1] += letter
        # In the input, cron takes each backslash for one that escapes.
        escaped = letter == "\\" and (len(parts) > 1 or not escaped)
    return parts[0].rstrip(BLANKS), "\n".join(parts[1:]) if len(parts) > 1 else None
