"""Crontab files, read line by line: what each line is, and why a job cannot be taken over if it cannot.

Both forms are known: a user's own (`crontab -l`) and the system's (`/etc/crontab`, `/etc/cron.d`), whose job
lines name the user before the command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from remembrancer.errors import InvalidInput
from remembrancer.timing.cron import parse_cron
from remembrancer.timing.fields import DAY, PLACES, WEEKDAY, Place


class LineKind(StrEnum):
    """What a line of a crontab is."""

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
    `stdin` what it reads (both after cron's treatment of `%`). `user` is set in the system form only.
    `timezone` (from CRON_TZ, else TZ) and `environment` are those in force at this line.
    """

    number: int
    text: str
    kind: LineKind
    expression: str | None = None
    user: str | None = None
    command: str | None = None
    stdin: str | None = None
    reason: str | None = None
    timezone: str | None = None
    environment: tuple[tuple[str, str], ...] = ()


def read_crontab(text: str, *, system: bool | None = None) -> list[CrontabLine]:
    """Return one `CrontabLine` for each physical line of *text*, in order; a bad one is skipped.

    Args:
        text: The file's content.
        system: Whether job lines name a user; None to guess, from all of them together.
    """
    lines = _physical(text)
    named = _looks_like_system(lines) if system is None else system
    environment: dict[str, str] = {}
    return [_read_line(number, line, environment, system=named) for number, line in enumerate(lines, start=1)]


def _looks_like_system(lines: list[str]) -> bool:
    """Tell whether the job lines name a user before the command, judging by all of them together."""
    jobs = [_JOB.fullmatch(line.strip(_BLANKS)) for line in lines if not line.lstrip(_BLANKS).startswith("#")]
    tails = [_parted(job["rest"]) for job in jobs if job is not None]
    named = [(user, command) for user, command in tails if _may_be_user(user, command)]
    if any(_HEADING.match(line) for line in lines):
        return True
    if any(user in _ACCOUNTS for user, _ in named):
        return 2 * len(named) > len(tails)
    is_all = 0 < len(named) == len(tails)
    return is_all and all(command.startswith("/") or _first_word(command) in _PROGRAMS for _, command in named)


def _physical(text: str) -> list[str]:
    """Split at newlines only, as cron does, and forgive the carriage returns of other systems."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def _may_be_user(word: str, command: str) -> bool:
    """Tell whether *word* has the form of a user's name, and what follows can be a command."""
    if _USER.fullmatch(word) is None or word in _PROGRAMS:
        return False
    return bool(command) and not command.startswith(("-", ">", "<", "|", "&", ";"))


def _first_word(command: str) -> str:
    return command.split(maxsplit=1)[0]


def _read_line(number: int, line: str, environment: dict[str, str], *, system: bool) -> CrontabLine:
    """Read one line; a setting is added to *environment*."""
    bare = line.strip(_BLANKS)
    setting = _setting(bare)
    if setting is not None:
        environment[setting[0]] = setting[1]
    place = CrontabLine(
        number,
        line,
        LineKind.ENVIRONMENT,
        timezone=_zone(environment),
        environment=tuple(environment.items()),
    )
    if setting is not None:
        return place
    if not bare or bare.startswith("#"):
        return replace(place, kind=LineKind.COMMENT if bare else LineKind.BLANK)
    return _read_job(place, bare, system=system)


def _zone(environment: dict[str, str]) -> str | None:
    return (environment.get("CRON_TZ") or environment.get("TZ") or "").removeprefix(":") or None


def _setting(line: str) -> tuple[str, str] | None:
    found = _SETTING.fullmatch(line)
    if found is None:
        return None
    name, value = (_unquoted(part) for part in found.groups())
    return name, value


def _unquoted(word: str) -> str:
    is_quoted = len(word) > 1 and word[0] in "'\"" and word[-1] == word[0]
    return word[1:-1] if is_quoted else word


def _read_job(place: CrontabLine, bare: str, *, system: bool) -> CrontabLine:
    """Fill in what *place*, a line that is neither setting nor comment, says as a job."""
    found = _JOB.fullmatch(bare)
    if found is None:
        reason = "neither a job (five time fields and a command) nor a setting nor a comment"
        return replace(place, kind=LineKind.SKIPPED, reason=reason)
    user, rest = _parted(found["rest"]) if system else (None, found["rest"])
    command, stdin = _percent(rest)
    expression, reason = _accepted(" ".join(found["when"].split()), place.timezone)
    if not command:
        reason = "no command" + (f" after the user {user}" if system else "")
    return replace(
        place,
        kind=LineKind.JOB if reason is None else LineKind.SKIPPED,
        expression=expression,
        user=user,
        command=command or None,
        stdin=stdin,
        reason=reason,
    )


def _parted(rest: str) -> tuple[str, str]:
    """Return the first word and what follows it, which may be nothing."""
    user, *command = rest.split(maxsplit=1)
    return user, command[0] if command else ""


def _percent(rest: str) -> tuple[str, str | None]:
    r"""Apply cron's rule for `%`: the first one starts the input, others end its lines."""
    parts = [part.replace("\\%", "%") for part in _PERCENT.split(rest)]
    return parts[0].rstrip(_BLANKS), "\n".join(parts[1:]) if len(parts) > 1 else None


def _accepted(expression: str, zone: str | None) -> tuple[str, str | None]:
    """Return the expression as `parse_cron` takes it, and the reason if it takes none."""
    if expression.lower() == "@reboot":
        return expression, "@reboot names no time: it runs when the machine starts"
    translated = expression if expression.startswith("@") else _translated(expression)
    try:
        parse_cron(translated, timezone=zone or "UTC")
    except InvalidInput as refusal:
        return expression, str(refusal)
    return translated, None


def _translated(expression: str) -> str:
    """Spell what cron certainly reads as one value as that value; our guard refuses it as a range."""
    fields = expression.split()
    return " ".join(
        ",".join(_one_value(place, item) for item in text.split(","))
        for place, text in zip(PLACES, fields, strict=False)
    )


def _one_value(place: Place, item: str) -> str:
    """Return `5` for `5-5`, `10` for `10-20/30` and `0` for `*/60`; any other item as it is."""
    if (every := _EVERY.fullmatch(item)) and place not in {DAY, WEEKDAY}:
        # In the day fields the leading '*' also says how the two are combined: it cannot be replaced.
        return str(place.low) if int(every["step"]) > place.high - place.low else item
    found = _RANGE.fullmatch(item)
    if found is None:
        return item
    low, high = found["low"], found["high"]
    if low.lower() == high.lower():
        return low
    is_one = low.isdigit() and high.isdigit() and int(found["step"] or 1) > int(high) - int(low) > 0
    return low if is_one else item


_BLANKS: Final = " \t"
_JOB: Final = re.compile(r"-?(?P<when>@\S+|(?:\S+[ \t]+){4}\S+)[ \t]+(?P<rest>\S.*)")
_SETTING: Final = re.compile(r"""("[^"]+"|'[^']+'|[A-Za-z_]\w*)[ \t]*=[ \t]*(.*)""", re.ASCII)
_PERCENT: Final = re.compile(r"(?<!\\)%")
_RANGE: Final = re.compile(r"(?P<low>[0-9]+|[A-Za-z]{3})-(?P<high>[0-9]+|[A-Za-z]{3})(?:/(?P<step>[0-9]+))?")
_EVERY: Final = re.compile(r"\*/(?P<step>[0-9]+)")
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}\$?")
_HEADING: Final = re.compile(r"#.*\b(?:dow|\*)\s+user(?:-?name)?\s+command", re.IGNORECASE)
"""The comment that Debian's files and their kin put above the columns of the system form."""

_ACCOUNTS: Final = frozenset(("root", "www-data", "nobody", "postgres", "logcheck", "munin", "daemon"))
"""Users of nearly every system, which are no programs."""

_PROGRAMS: Final = frozenset(
    (
        *(
            "test",
            "[",
            "cd",
            "echo",
            "true",
            "sleep",
            "env",
            "nice",
            "ionice",
            "sudo",
            "su",
            "flock",
            "timeout",
            "exec",
        ),
        *(
            "sh",
            "bash",
            "zsh",
            "python",
            "python3",
            "perl",
            "php",
            "ruby",
            "node",
            "java",
            "make",
            "git",
            "docker",
        ),
        *(
            "curl",
            "wget",
            "rsync",
            "ssh",
            "scp",
            "find",
            "cp",
            "mv",
            "rm",
            "tar",
            "gzip",
            "cat",
            "touch",
            "date",
        ),
        *(
            "logger",
            "mail",
            "systemctl",
            "service",
            "certbot",
            "command",
            "chronic",
            "if",
            "for",
            "while",
            "run-parts",
        ),
    )
)
"""Words that begin commands: as the sixth word of a line they are no user."""
