"""A command runs in a process group of its own, and its end is the outcome of the run; nothing outlives the stop."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from real import GENEROUS, outcomes, schedule, until

from remembrancer import CommandHandler, Done, Execution, SchedulerOptions, TaskSchedulerService

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer import Firing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="THERE ARE NO PROCESS GROUPS HERE")]


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


async def ended(context: dict[str, Any], handler: CommandHandler | None = None, **choices: Any) -> Execution:
    """Return the execution of one task with this context."""
    async with TaskSchedulerService(handler=handler or CommandHandler()) as service:
        task_id = await schedule(service, context=context, **choices)
        return (await outcomes(service, 1))[task_id]


async def test_a_command_that_ends_with_zero_is_done() -> None:
    made = await ended({"command": python("import sys; print('out'); print('err', file=sys.stderr)")})

    assert (made.status, sorted((made.result or "").split())) == ("completed", ["err", "out"])


async def test_another_exit_code_has_failed_with_the_output() -> None:
    made = await ended({"command": "echo almost; exit 3", "shell": True})

    assert (made.status, made.reason_code) == ("failed", "handler_failed")
    assert made.reason == "The command ended with exit code 3: almost"


async def test_a_command_ended_by_a_signal_says_which() -> None:
    made = await ended({"command": "kill -KILL $$", "shell": True})

    assert made.reason == "The command was ended by SIGKILL, and printed nothing."


async def test_a_command_gets_its_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SCHEDULER", "hidden")
    context: dict[str, Any] = {
        "command": 'cat; echo "$GREETING ${SECRET_OF_THE_SCHEDULER-none}"; pwd',
        "shell": True,
        "stdin": "a line\n",
        "cwd": str(tmp_path),
        "environment": {"GREETING": "hello"},
        "user": getpass.getuser(),
    }
    made = await ended(context)

    assert made.result == f"a line\nhello none\n{tmp_path}"


async def test_the_shell_of_a_crontab_is_used(tmp_path: Path) -> None:
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\necho "mine: $2"\n')
    shell.chmod(0o755)
    made = await ended({"command": "date", "shell": True, "environment": {"SHELL": str(shell)}})

    assert made.result == "mine: date"


async def test_a_long_output_keeps_its_end_and_says_so() -> None:
    made = await ended({"command": python("for n in range(100000): print(n)")})
    result = made.result or ""

    assert result.startswith("[the last 9,800 characters of 588,890 bytes]")
    assert result.endswith("99998\n99999")
    assert len(result) <= 10_000


async def test_bytes_that_are_no_text_are_kept_as_marks() -> None:
    made = await ended({"command": python("import os; os.write(1, b'a\\xff\\x00b')")})

    assert made.result == "a\ufffd\ufffdb"


async def test_an_input_that_is_not_read_does_no_harm() -> None:
    made = await ended({"command": ["true"], "stdin": "x" * 60_000})

    assert made.status == "completed"


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({"command": "date"}, "shell: true"),
        ({"command": ["date"], "shell": True}, "shell: true"),
        ({"command": []}, "the program first"),
        ({"command": ["date", 5]}, "the program first"),
        ({"command": ["date"], "shell": "yes"}, "true or false"),
        ({"command": ["date"], "environment": {"A=B": "x"}}, "letters, digits"),
        ({"command": ["date"], "environment": {"A": 1}}, "letters, digits"),
        ({"command": ["date"], "cwd": 5}, "context.cwd"),
        ({"command": ["no-such-program-here"]}, "cannot be started"),
        ({"command": ["date"], "cwd": "/no/such/folder"}, "cannot be started"),
        ({"command": ["date"], "user": "another-user"}, "is for the user another-user"),
    ],
)
async def test_a_command_that_cannot_run_has_failed(context: dict[str, Any], reason: str) -> None:
    made = await ended(context)

    assert made.status == "failed"
    assert reason in (made.reason or "")


def stubborn(folder: Path, *, ignores: bool) -> dict[str, Any]:
    """Return a command that starts another, writes both process ids, and sleeps."""
    trap = "trap '' TERM; " if ignores else ""
    return {"command": f"{trap}sleep 300 & echo $$ $! > {folder}/pids; sleep 300", "shell": True}


async def pids(folder: Path) -> list[int]:
    file = folder / "pids"
    await until(lambda: file.exists() and len(file.read_text().split()) == 2)
    return [int(each) for each in file.read_text().split()]


def alive(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(numbers: list[int]) -> None:
    await until(lambda: not any(map(alive, numbers)))


@pytest.mark.parametrize("ignores", [False, True])
async def test_the_deadline_ends_the_whole_group(tmp_path: Path, *, ignores: bool) -> None:
    made = await ended(stubborn(tmp_path, ignores=ignores), timeout_seconds=0.5)

    assert (made.status, made.reason_code) == ("failed", "timed_out")
    await gone(await pids(tmp_path))


@pytest.mark.parametrize("ignores", [False, True])
async def test_a_cancelled_task_ends_its_command(tmp_path: Path, *, ignores: bool) -> None:
    async with TaskSchedulerService(handler=CommandHandler()) as service:
        task_id = await schedule(service, context=stubborn(tmp_path, ignores=ignores))
        numbers = await pids(tmp_path)
        await service.cancel_task(task_id)
        made = (await outcomes(service, 1))[task_id]
        await gone(numbers)

    assert (made.status, made.reason_code) == ("cancelled", "task_cancelled")


@pytest.mark.parametrize("ignores", [False, True])
async def test_no_command_outlives_the_stop(tmp_path: Path, *, ignores: bool) -> None:
    hasty = SchedulerOptions(shutdown_timeout_seconds=0.1)
    service = TaskSchedulerService(tmp_path / "graph", handler=CommandHandler(), options=hasty)
    await service.start()
    await schedule(service, context=stubborn(tmp_path, ignores=ignores))
    numbers = await pids(tmp_path)
    async with asyncio.timeout(GENEROUS):
        await service.stop()

    await gone(numbers)  # a killed process takes a moment to end


async def test_what_a_command_leaves_behind_is_ended(tmp_path: Path) -> None:
    made = await ended({"command": f"sleep 300 & echo $$ $! > {tmp_path}/pids", "shell": True})

    assert made.status == "completed"
    await gone(await pids(tmp_path))


async def test_many_commands_run_side_by_side() -> None:
    async with TaskSchedulerService(handler=CommandHandler()) as service:
        tasks = [await schedule(service, context={"command": ["echo", str(n)]}) for n in range(30)]
        made = await outcomes(service, len(tasks))

    assert [made[task].result for task in tasks] == [str(n) for n in range(30)]


async def test_a_task_without_a_command_goes_to_the_other_handler() -> None:
    async def answer(_: Firing) -> str:
        return "async"

    def plain(_: Firing) -> Done:
        time.sleep(0.01)
        return Done("plain")

    assert (await ended({"note": 1}, CommandHandler(answer))).result == "async"
    assert (await ended({"note": 1}, CommandHandler(plain))).result == "plain"
    assert (await ended({"command": ["echo", "ran"]}, CommandHandler(plain))).result == "ran"
    assert (await ended({"note": 1})).thought_id is not None


async def test_the_doctor_warns_of_commands_that_nothing_runs() -> None:
    context = {"command": ["true"]}
    later = datetime(2100, 1, 1, tzinfo=UTC).timestamp() - datetime.now(UTC).timestamp()
    async with TaskSchedulerService() as service:
        await schedule(service, seconds=later, context=context)
        (found,) = [each for each in await service.examine() if each.check == "integration"]
    async with TaskSchedulerService(handler=CommandHandler()) as service:
        await schedule(service, seconds=later, context=context)
        (none,) = [each for each in await service.examine() if each.check == "integration"]

    assert "1 of the next tasks have a command" in found.saw
    assert (found.health, none.health) == ("warn", "ok")
