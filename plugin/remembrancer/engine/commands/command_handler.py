"""The handler that runs the command of a task, and hands a task without one to another handler."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Final, cast

from remembrancer.engine.commands.child_process import KEPT_BYTES, CommandEnd, run_child
from remembrancer.engine.commands.task_command import TaskCommand, has_command, read_command
from remembrancer.engine.execution.default_handler import create_thought
from remembrancer.errors import InvalidInput
from remembrancer.model.handler_result import Done, Failed
from remembrancer.ports.handler import Firing, Handler, HandlerReturn

PASSED: Final = ("HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
"""Variables of the scheduler's own environment that every command gets."""


class CommandHandler:
    """Runs the command of a task as the user of the scheduler, and makes its exit code the outcome.

    A task has a command if `context.command` holds one: a list of arguments, or a text beside `shell: true`.
    `environment`, `cwd` and `stdin` of the context are its surroundings. Exit code 0 is done; any other has failed,
    with the end of the output as the reason. At the deadline of the task, when the task is cancelled, and when the
    scheduler stops, the process group gets SIGTERM, and SIGKILL half a second later.

    A caller that may schedule a task may run commands: give the scheduler a user that may do no more than it must.

    Args:
        otherwise: The handler of tasks without a command; None makes a thought of the prompt.
        passed: Names of variables that commands get from the environment of the scheduler.

    Raises:
        InvalidInput: The system has no process groups.
    """

    def __init__(self, otherwise: Handler | None = None, *, passed: Sequence[str] = PASSED) -> None:
        if os.name != "posix":
            raise InvalidInput("handler", os.name, "a system with process groups, such as Linux or macOS", "posix")
        self._otherwise = otherwise or create_thought
        self._passed = tuple(passed)

    async def __call__(self, firing: Firing) -> HandlerReturn:
        """Run the command, or call the other handler; a plain one runs on a thread."""
        if not has_command(firing.task.context):
            return await self._other(firing)
        try:
            command = read_command(cast("Mapping[str, object]", firing.task.context))
        except InvalidInput as refused:
            return Failed(f"The command cannot be run. {refused}")
        if reason := _other_user(command.user):
            return Failed(reason)
        try:
            return command_result(await run_child(command, passed_on(self._passed) | command.environment))
        except OSError as refused:
            return not_started(command, refused)

    async def _other(self, firing: Firing) -> HandlerReturn:
        called = getattr(self._otherwise, "__call__", None)  # noqa: B004 (an object may be a handler)
        if inspect.iscoroutinefunction(self._otherwise) or inspect.iscoroutinefunction(called):
            return await cast("CommandHandler", self._otherwise)(firing)
        answer = await asyncio.to_thread(self._otherwise, firing)
        return await answer if inspect.isawaitable(answer) else answer


def _other_user(user: str | None) -> str | None:
    """Return why a command is not run as the user it was for; None if it is."""
    if user is None:
        return None
    import pwd  # noqa: PLC0415 (not on every system)

    try:
        own = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        own = str(os.geteuid())
    if user == own:
        return None
    return f"The command is for the user {user}; this scheduler runs as {own}. Change context.user to have it run."


def passed_on(names: Sequence[str]) -> dict[str, str]:
    """Return those variables of the scheduler's own environment that are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def not_started(command: TaskCommand, fault: OSError) -> Failed:
    """Return the failure of a command that cannot be started."""
    return Failed(f"The command {command.argv[0]} cannot be started: {fault.strerror or fault}.")


def command_result(ended: CommandEnd) -> Done | Failed:
    """Return the result that the exit code of a command says."""
    output = _shown(ended)
    if ended.code == 0:
        return Done(output or None)
    how = f"was ended by {_signal_name(-ended.code)}" if ended.code < 0 else f"ended with exit code {ended.code}"
    return Failed(f"The command {how}{f': {output}' if output else ', and printed nothing.'}"[:LONGEST])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _shown(ended: CommandEnd) -> str:
    """Return the end of the output as text, and how much came before it."""
    text = ended.output.decode("utf-8", "replace").replace("\0", "\ufffd").rstrip("\n")
    kept = text[-_KEPT:]
    if ended.size <= KEPT_BYTES and len(kept) == len(text):
        return kept
    return f"[the last {len(kept):,} characters of {ended.size:,} bytes]\n{kept}"


LONGEST: Final = 10_000
"""So many characters of a result or a reason are stored."""
_KEPT: Final = 9_800
