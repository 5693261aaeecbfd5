"""The form of a crontab, and the reason for the decision: a user's own, the system's, or anacron's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Final

BLANKS: Final = " \t"
JOB: Final = re.compile(r"-?(?P<when>@\S+|(?:\S+[ \t]+){4}\S+)[ \t]+(?P<rest>\S.*)")
SETTING: Final = re.compile(r"""("[^"]+"|'[^']+'|[A-Za-z_]\w*)[ \t]*=[ \t]*(.*)""", re.ASCII)


class FormKind(StrEnum):
    """The forms of a crontab."""

    USER = "user"
    """Five time fields and a command."""
    SYSTEM = "system"
    """Five time fields, a user and a command."""
    ANACRON = "anacron"
    """A period in days, a delay, an id and a command: no times of day."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a file, and the reason for it."""

    kind: FormKind
    why: str


def form_of(lines: list[str], *, system: bool | None = None, name: str = "") -> Form:
    """Return the form of a crontab, by the caller's word, by the *name* of its file, and by all its lines together."""
    path = PurePath(name)
    jobs = [line for line in (each.strip(BLANKS) for each in lines) if line and not line.startswith("#")]
    jobs = [job for job in jobs if SETTING.fullmatch(job) is None]
    if path.name == "anacrontab" or (jobs and all(ANACRON.fullmatch(job) for job in jobs)):
        return Form(FormKind.ANACRON, "its lines hold a period, a delay, an id and a command")
    if system is not None:
        return Form(FormKind.SYSTEM if system else FormKind.USER, "it was said to be one")
    if path.parts[-2:] == ("etc", "crontab") or path.parts[-3:-1] == ("etc", "cron.d"):
        return Form(FormKind.SYSTEM, f"it is {path.name} of {path.parent}")
    if any(_HEADING.match(line) for line in lines):
        return Form(FormKind.SYSTEM, "its heading has a column for the user")
    if account := _account(jobs):
        return Form(FormKind.SYSTEM, f"its commands follow a user such as {account}")
    return Form(FormKind.USER, "no heading and no well-known user tells it from one; --system reads users")


def parted(rest: str) -> tuple[str, str]:
    """Return the first word and the rest, which may be empty."""
    user, *command = rest.split(maxsplit=1)
    return user, command[0] if command else ""


def _account(jobs: list[str]) -> str | None:
    """Return a well-known user that is the sixth word of lines, if most sixth words are like it."""
    tails = [parted(found["rest"]) for found in map(JOB.fullmatch, jobs) if found is not None]
    named = [user for user, command in tails if _may_be_user(user, command)]
    account = next((user for user in named if user in _ACCOUNTS), None)
    return account if 2 * len(named) > len(tails) else None


def _may_be_user(word: str, command: str) -> bool:
    """Return whether *word* has the form of a user's name, and a command can follow."""
    if _USER.fullmatch(word) is None or word in _PROGRAMS:
        return False
    return bool(command) and not command.startswith(("-", ">", "<", "|", "&", ";"))


ANACRON: Final = re.compile(
    r"(?:[0-9]+[ \t]+[0-9]+[ \t]+(?=\S*[A-Za-z])(?!(?:L|[0-9]+W)[ \t])|@[a-z]+[ \t]+[0-9]+[ \t]+)\S+[ \t]+\S.*"
)
"""A line of an anacrontab; where cron has the day of the month, it has an id."""
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}\$?")
_HEADING: Final = re.compile(
    r"#.*(?:\b(?:dow|wday|week|weekday)|\*)\s+(?:user(?:-?name)?|who)\s+command", re.IGNORECASE
)
"""The comment that the files of Debian, Red Hat and BSD have above the columns of the system form."""

_ACCOUNTS: Final = frozenset(
    ("root", "www-data", "apache", "nobody", "postgres", "logcheck", "munin", "daemon", "smmsp", "operator"),
)
"""Users of nearly every system that are not the names of programs."""

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
