"""Unit files of systemd: their sections, and the commands of a service as argument lists."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.schedules.importers.entries import Refused
from remembrancer.schedules.importers.systemd_times import read_span

if TYPE_CHECKING:
    from collections.abc import Mapping

Section = dict[str, list[str]]


def read_unit(text: str) -> dict[str, Section]:
    """Return the settings of a unit file, by section; an empty value clears those before it."""
    sections: dict[str, Section] = {}
    current: Section = {}
    for line in re.sub(r"\\\n", " ", text.removeprefix("\ufeff").replace("\r\n", "\n")).split("\n"):
        bare = line.strip()
        if bare.startswith("[") and bare.endswith("]"):
            current = sections.setdefault(bare[1:-1], {})
        elif bare and not bare.startswith(("#", ";")) and "=" in bare:
            name, _, value = bare.partition("=")
            values = current.setdefault(name.strip(), [])
            values.append(value.strip())
            if not value.strip():
                values.clear()
    return sections


@dataclass(frozen=True, slots=True)
class ServiceCommand:
    """The command of a service: fields of a task's context, policies, the user, and notes."""

    context: dict[str, object] = field(default_factory=dict[str, object])
    policies: dict[str, object] = field(default_factory=dict[str, object])
    notes: tuple[str, ...] = ()
    user: str | None = None


def read_service(text: str, unit: str) -> ServiceCommand:
    """Return the command that a service starts; a part that cannot be kept is in the notes."""
    service = read_unit(text).get("Service", {})
    notes = [f"{name} is not kept" for name in service if name not in _KEPT]
    if not service.get("ExecStart"):
        return ServiceCommand(notes=(f"{unit} has no ExecStart=: the task has no command",))
    context: dict[str, object] = {}
    try:
        environment = _environment(service, unit)
        commands = [_arguments(line, environment, unit, notes) for line in service["ExecStart"]]
    except Refused as reason:
        notes.append(f"the task has no command: {reason}")
    else:
        if len(commands) == 1:
            context["command"] = commands[0]
        else:
            context |= {"command": " && ".join(shlex.join(each) for each in commands), "shell": True}
        context |= {"environment": environment or None, "cwd": _directory(service, unit, notes)}
    user = _last(service, "User")
    policies: dict[str, object] = {}
    if limit := _limit(service, notes):
        policies["timeout_seconds"] = limit
    return ServiceCommand({**context, "user": user}, policies, tuple(notes), user)


def expanded(text: str, unit: str) -> str:
    """Replace the specifiers of a unit's own name. Raises Refused for another."""
    stem = unit.rsplit(".", 1)[0]
    prefix, _, instance = stem.partition("@")
    known = {"%": "%", "n": unit, "N": stem, "p": prefix, "i": instance, "I": instance.replace("-", "/")}

    def value(found: re.Match[str]) -> str:
        if (letter := found[1]) not in known:
            raise Refused(f"%{letter} in {text!r} is known to systemd alone")
        return known[letter]

    return re.sub(r"%(.|$)", value, text)


def _arguments(line: str, environment: Mapping[str, str], unit: str, notes: list[str]) -> list[str]:
    """Return the arguments of a command line. Raises Refused: they depend on what only systemd knows."""
    prefix = line[: len(line) - len(line.lstrip("@-:+!|"))]
    if "@" in prefix:
        raise Refused("its name differs from its program (@)")
    if "+" in prefix or "!" in prefix:
        notes.append("it is not run with other rights than the scheduler's (+ or ! before the command)")
    if "-" in prefix:
        notes.append("a failure of the command counts as one here (- before the command)")
    try:
        words = shlex.split(line[len(prefix) :])
    except ValueError as wrong:
        raise Refused(f"its quotes do not match: {wrong}") from None
    if not words or ";" in words:
        raise Refused("it is empty" if not words else "it joins commands with a semicolon")
    words = [expanded(word, unit) for word in words]
    return words if ":" in prefix else _with_variables(words, environment)


def _with_variables(words: list[str], environment: Mapping[str, str]) -> list[str]:
    """Replace variables as systemd does: `$X` as a word of its own is split at blanks, `${X}` is not."""
    found: list[str] = []
    for word in words:
        if alone := re.fullmatch(r"\$([A-Za-z_]\w*)", word):
            found += _variable(alone[1], environment).split()
        else:
            bare = re.sub(
                r"\$\$|\$\{([A-Za-z_]\w*)\}", lambda at: _variable(at[1], environment) if at[1] else "$", word
            )
            found.append(bare)
    return found


def _variable(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise Refused(f"${name} is set nowhere in the unit")
    return environment[name]


def _environment(service: Section, unit: str) -> dict[str, str]:
    if service.get("EnvironmentFile"):
        raise Refused("its environment is in another file (EnvironmentFile=)")
    found: dict[str, str] = {}
    for line in service.get("Environment", []):
        try:
            pairs = shlex.split(line)
        except ValueError as wrong:
            raise Refused(f"the quotes of Environment= do not match: {wrong}") from None
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if equals:
                found[name] = expanded(value, unit)
    return found


def _directory(service: Section, unit: str, notes: list[str]) -> str:
    """Return the working directory; systemd's own default is the root."""
    given = _last(service, "WorkingDirectory") or "/"
    try:
        given = expanded(given, unit)
    except Refused as reason:
        notes.append(f"it runs in /: {reason}")
        return "/"
    if given.startswith("/"):
        return given
    notes.append(f"it runs in /: the directory {given} is known to systemd alone")
    return "/"


def _limit(service: Section, notes: list[str]) -> float | None:
    given = _last(service, "RuntimeMaxSec") or _last(service, "TimeoutStartSec") or _last(service, "TimeoutSec")
    if given is None or given == "infinity":
        return None
    try:
        return min(float(read_span(given)), _DAY) or None
    except Refused as reason:
        notes.append(f"its time limit is not kept: {reason}")
        return None


def _last(section: Section, name: str) -> str | None:
    values = section.get(name)
    return values[-1] if values else None


_DAY: Final = 86_400.0
_LIMITS: Final = ("RuntimeMaxSec", "TimeoutStartSec", "TimeoutSec")
_KEPT: Final = frozenset(
    ("ExecStart", "Environment", "EnvironmentFile", "WorkingDirectory", "User", "Group", "Type", "Nice", *_LIMITS)
)
"""Settings of a service that are kept, or that change nothing of what it does."""
