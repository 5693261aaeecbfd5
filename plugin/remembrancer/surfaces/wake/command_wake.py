"""An agent that is a command: it reads the run from its input, and prints its answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from remembrancer.engine.commands.child_process import run_child
from remembrancer.engine.commands.command_handler import PASSED, command_result, not_started, passed_on
from remembrancer.engine.commands.task_command import read_command
from remembrancer.errors import InvalidInput
from remembrancer.surfaces.wake.agent_answer import QUESTION, answer_in, result_of
from remembrancer.surfaces.wake.run_message import message_in_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.engine.commands.child_process import CommandEnd
    from remembrancer.engine.commands.task_command import TaskCommand
    from remembrancer.model.handler_result import Ask, HandlerResult
    from remembrancer.ports.handler import Firing, Handler, HandlerReturn


def wake_command(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: str | None = None,
    passed: Sequence[str] = PASSED,
    question: Ask = QUESTION,
) -> Handler:
    """Return a handler that wakes an agent by a command, with the run as JSON in its input.

    If the last line of the output is a JSON object with a `status`, it is the answer. Otherwise the exit code says how
    the run ended, as in `CommandHandler`; any but 0 has failed. The command ends as there, with all that it started.

    Args:
        argv: The arguments, the program first.
        environment: Variables beside those that the command gets from the scheduler.
        cwd: The folder that it runs in; None: the home folder.
        passed: Names of variables that it gets from the environment of the scheduler.
        question: Those that are asked when the agent asks, and what no answer means, unless the agent says.

    Raises:
        InvalidInput: An argument cannot be used, or the system has no process groups.
    """
    if os.name != "posix":
        raise InvalidInput("argv", os.name, "a system with process groups, such as Linux or macOS", "posix")
    command = _command(argv, environment, cwd)

    async def wake(firing: Firing) -> HandlerReturn:
        given = command.with_input(message_in_json(firing) + "\n")
        try:
            ended = await run_child(given, passed_on(passed) | given.environment)
        except OSError as refused:
            return not_started(given, refused)
        return _result(ended, firing, question)

    return wake


def _command(argv: Sequence[str], environment: Mapping[str, str] | None, cwd: str | None) -> TaskCommand:
    try:
        return read_command({"command": argv, "environment": environment, "cwd": cwd})
    except InvalidInput as refused:
        field = refused.field.removeprefix("context.").replace("command", "argv")
        raise InvalidInput(field, refused.value, refused.allowed, refused.example) from refused


def _result(ended: CommandEnd, firing: Firing, question: Ask) -> HandlerResult:
    last = ended.output.decode("utf-8", "replace").rstrip().rpartition("\n")[2]
    answer = answer_in(last) if ended.code == 0 else None
    return command_result(ended) if answer is None else result_of(answer, firing, question)
