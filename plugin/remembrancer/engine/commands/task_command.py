"""The command in a task's context: its arguments, environment, folder and input, read strictly."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, cast

from remembrancer.errors import InvalidInput

FIELDS: Final = ("command", "shell", "environment", "cwd", "stdin", "user")
"""The members of a context that say how a command runs."""


@dataclass(frozen=True, slots=True)
class TaskCommand:
    """A command.

    Args:
        argv: The arguments, the program first.
        environment: Variables beside those that every command gets.
        cwd: The folder that it runs in.
        stdin: Its input.
        user: The user that it was for; None: whichever runs the scheduler.
    """

    argv: tuple[str, ...]
    environment: dict[str, str]
    cwd: str
    stdin: str
    user: str | None

    def with_input(self, text: str) -> TaskCommand:
        """Return it with another input."""
        return replace(self, stdin=text)


def has_command(context: object) -> bool:
    """Return whether a task's context holds a command."""
    return isinstance(context, Mapping) and cast("Mapping[str, object]", context).get("command") is not None


def read_command(context: Mapping[str, object]) -> TaskCommand:
    """Return the command that a context holds. Raises InvalidInput: a member cannot be used."""
    environment = _environment(context.get("environment"))
    user = context.get("user")
    return TaskCommand(
        argv=_argv(context, environment),
        environment=environment,
        cwd=os.path.expanduser(_text(context, "cwd", "~") or "~"),  # noqa: PTH111 (the same text, if there is no home)
        stdin=_text(context, "stdin", "Dear Ada,") or "",
        user=user if isinstance(user, str) and user else None,
    )


def _argv(context: Mapping[str, object], environment: Mapping[str, str]) -> tuple[str, ...]:
    command, shell = context.get("command"), context.get("shell", False)
    if not isinstance(shell, bool):
        raise InvalidInput("context.shell", shell, "true or false", True)  # noqa: FBT003 (it is the example)
    if shell and isinstance(command, str) and command.strip() and "\0" not in command:
        return (environment.get("SHELL") or "/bin/sh", "-c", command)
    if not shell and isinstance(command, list | tuple):
        words = cast("list[object]", command)
        texts = [word for word in words if isinstance(word, str) and "\0" not in word]
        if texts and len(texts) == len(words) and texts[0]:
            return tuple(texts)
    allowed = "a list of arguments, the program first; or a text, beside shell: true"
    raise InvalidInput("context.command", context.get("command"), allowed, ["/usr/bin/backup", "--all"])


def _environment(given: object) -> dict[str, str]:
    if given is None:
        return {}
    allowed = "an object of texts, by names of letters, digits and _"
    if not isinstance(given, Mapping):
        raise InvalidInput("context.environment", given, allowed, _PATH)
    members = cast("Mapping[object, object]", given)
    for name, value in members.items():
        is_named = isinstance(name, str) and _NAME.fullmatch(name) is not None
        if not is_named or not isinstance(value, str) or "\0" in value:
            raise InvalidInput("context.environment", str(name), allowed, _PATH)
    return dict(cast("Mapping[str, str]", members))


def _text(context: Mapping[str, object], name: str, example: str) -> str | None:
    given = context.get(name)
    if given is not None and (not isinstance(given, str) or (name == "cwd" and "\0" in given)):
        raise InvalidInput(f"context.{name}", given, "text", example)
    return given


_PATH: Final = {"PATH": "/usr/bin:/bin"}
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
