"""How `serve` and the short commands end: by signals, beside handlers that hang, and when their reader goes."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from conftest import Serve, Serving, Terminal, Until

pytestmark = pytest.mark.slow
HOUR = 3600
WELL_BEFORE = 120.0
"""Far more than an end takes, and far less than what it must not wait for."""
HANDLERS = """
import asyncio, os, sys, threading, time

def hang(firing):
    print("under way", flush=True)
    time.sleep(3600)

async def block(firing):
    while not os.path.exists("all_else_is_done"):
        await asyncio.sleep(0.05)
    print("under way", flush=True)
    time.sleep(3600)

async def wait(firing):
    print("under way", flush=True)
    await asyncio.sleep(3600)

async def swallow(firing):
    print("under way", flush=True)
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def spawn(firing):
    threading.Thread(target=time.sleep, args=(3600,)).start()
    print("under way", flush=True)

class Unspeakable:
    def __str__(self):
        raise ValueError("there are no words")

async def answer(firing):
    from remembrancer import Failed
    return Failed(Unspeakable() if firing.trigger_prompt == "unspeakable" else ValueError("as an error"))

async def leave(firing):
    if firing.trigger_prompt == "exit":
        sys.exit(0)
    if firing.trigger_prompt == "interrupt":
        raise KeyboardInterrupt

def leave_thread(firing):
    if firing.trigger_prompt == "exit":
        sys.exit(0)
    if firing.trigger_prompt == "interrupt":
        raise KeyboardInterrupt
"""
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def busy(terminal: Terminal, serve: Serve, handler: str, *words: str, on_lost: str = "fail") -> Serving:
    """A `serve` with one handler under way."""
    (terminal.folder / "agent.py").write_text(HANDLERS)
    serving = serve("--handler", f"agent:{handler}", *words)
    terminal.json("schedule", "Long", "--in", "0s", "--prompt", "long", "--on-lost", on_lost)
    (terminal.folder / "all_else_is_done").touch()
    heard(serving, "under way")
    return serving


def heard(serving: Serving, what: str) -> None:
    """Read what it prints, up to *what*."""
    assert serving.process.stdout
    for line in serving.process.stdout:
        if what in line:
            return
    pytest.fail(f"it ended with {serving.process.wait()} before it said {what!r}: {serving.process.stderr}")


def ended(serving: Serving) -> tuple[int, str]:
    """Return the exit code, what stood on stderr."""
    _, err = serving.process.communicate(timeout=WELL_BEFORE)
    return serving.process.returncode, err


def outcomes(terminal: Terminal) -> list[tuple[str, str | None]]:
    """What became of each execution, the newest first."""
    return [(each["status"], each["reason_code"]) for each in terminal.json("history")]


@pytest.mark.parametrize(
    ("handler", "number"),
    [
        ("wait", signal.SIGINT),
        ("wait", signal.SIGTERM),
        ("hang", signal.SIGHUP),
        ("swallow", signal.SIGINT),
        ("spawn", signal.SIGTERM),
    ],
)
def test_a_first_signal_is_an_orderly_end(
    terminal: Terminal, serve: Serve, handler: str, number: signal.Signals
) -> None:
    serving = busy(terminal, serve, handler, "--no-bolt", "--shutdown-timeout", "0.5")

    serving.process.send_signal(number)
    code, err = ended(serving)

    assert (code, "Traceback" in err) == (0, False), err
    assert outcomes(terminal) == [("completed", None) if handler == "spawn" else ("failed", "shutdown")]


@pytest.mark.parametrize(
    ("handler", "number"),
    [
        ("wait", signal.SIGINT),
        ("hang", signal.SIGTERM),
        ("swallow", signal.SIGHUP),
        ("block", signal.SIGTERM),  # two of a kind at once would be one: it does not say when it has heard the first
    ],
)
def test_a_second_signal_ends_at_once(
    terminal: Terminal, serve: Serve, handler: str, number: signal.Signals, until: Until
) -> None:
    serving = busy(terminal, serve, handler, "--shutdown-timeout", str(HOUR), on_lost="retry")

    serving.process.send_signal(signal.SIGINT)
    if handler != "block":  # which hangs the loop: it says nothing any more
        heard(serving, '"event": "stopping"')
    serving.process.send_signal(number)
    code, err = ended(serving)

    # Of two signals sent at once, the system may deliver either first.
    assert code in {ENDS[number], *([130] if handler == "block" else [])}, err
    assert (err.count("\n"), "Ended at once." in err) == (1, True), err
    serve("--no-bolt")
    until(lambda: len(outcomes(terminal)) == 2, "it is tried again by the next start")
    both = {("completed", None), ("failed", "lease_expired")}
    until(lambda: set(outcomes(terminal)) == both, "and done")  # of one nominal time, so in any order


def test_a_loop_that_hangs_does_not_hold_the_end_up(terminal: Terminal, serve: Serve) -> None:
    serving = busy(terminal, serve, "block", "--no-bolt", "--shutdown-timeout", "0")

    serving.process.send_signal(signal.SIGTERM)
    code, err = ended(serving)

    assert (code, "took longer than" in err) == (1, True), err
    serve("--no-bolt")
    assert outcomes(terminal) == [("failed", "lease_expired")]


def test_what_it_waits_for_is_told(terminal: Terminal, serve: Serve) -> None:
    (terminal.folder / "agent.py").write_text(HANDLERS)
    process = terminal.begin("serve", "--handler", "agent:wait", "--no-bolt", "--shutdown-timeout", "0.5")
    assert process.stdout
    assert process.stdout.readline().startswith("Serving ")
    terminal.json("schedule", "Long", "--in", "0s", "--prompt", "long")
    while "under way" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=WELL_BEFORE)

    assert process.returncode == 0
    assert "Stopping: waiting up to 0.5 s for 1 handler; press Ctrl-C again to end at once." in told
    assert told.splitlines()[-1] == "Stopped."


def test_a_signal_during_the_start_holds(terminal: Terminal) -> None:
    (terminal.folder / "agent.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nhandle = print")
    ran = terminal.apart("serve", "--handler", "agent:handle")

    assert (ran.code, ran.err, ran.out.splitlines()[-1:]) == (0, "", ["Stopped."])


def test_a_process_that_ignores_hangups_goes_on(terminal: Terminal, serve: Serve, until: Until) -> None:
    process = terminal.begin("serve", "--no-bolt", before=["nohup"])
    assert process.stdout
    assert process.stdout.readline().startswith("Serving ")
    process.send_signal(signal.SIGHUP)
    terminal.json("schedule", "Tea", "--in", "0s", "--prompt", "tea")
    until(lambda: outcomes(terminal) == [("completed", None)], "the task's completion")
    process.send_signal(signal.SIGTERM)

    assert process.wait(WELL_BEFORE) == 0
    process.communicate()


@pytest.mark.parametrize("handler", ["leave", "leave_thread"])
@pytest.mark.parametrize("prompt", ["exit", "interrupt"])
def test_a_handler_that_asks_for_the_end_is_a_failed_one(
    terminal: Terminal, serve: Serve, until: Until, handler: str, prompt: str
) -> None:
    (terminal.folder / "agent.py").write_text(HANDLERS)
    serving = serve("--handler", f"agent:{handler}", "--no-bolt")

    terminal.json("schedule", "Exit", "--in", "0s", "--prompt", prompt)
    until(lambda: outcomes(terminal) == [("failed", "handler_raised")], "the handler's failure")
    terminal.json("schedule", "Next", "--in", "0s", "--prompt", "go on")
    until(lambda: outcomes(terminal)[0] == ("completed", None), "the next task's completion")

    assert serving.end(signal.SIGINT).code == 0


@pytest.mark.parametrize(("prompt", "reason"), [("unspeakable", None), ("an error", "as an error")])
def test_what_cannot_be_told_is_told_otherwise(
    terminal: Terminal, serve: Serve, until: Until, prompt: str, reason: str | None
) -> None:
    (terminal.folder / "agent.py").write_text(HANDLERS)
    serve("--handler", "agent:answer", "--no-bolt")

    terminal.json("schedule", "☕", "--in", "0s", "--prompt", prompt)
    until(lambda: [status for status, _ in outcomes(terminal)] == ["failed"], "the handler's failure")

    if reason:  # the answer counts, whatever it looks like in a line
        assert [each["reason"] for each in terminal.json("history")] == [reason]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_work_goes_on_when_nobody_reads(terminal: Terminal, until: Until, encoding: str) -> None:
    process = terminal.begin("serve", "--no-bolt", PYTHONIOENCODING=encoding)
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith("Serving ")
    if encoding == "utf-8":
        process.stdout.close()
    for number in range(1, 4):
        terminal.json("schedule", "Tea ☕", "--in", "0s", "--prompt", "tea")
        until(lambda number=number: outcomes(terminal) == [("completed", None)] * number, "the task's completion")
    process.send_signal(signal.SIGTERM)
    err = process.stderr.read()

    assert process.wait(WELL_BEFORE) == 0
    assert err.count("\n") == (1 if encoding == "utf-8" else 0), err
    process.stdout.close()
    process.stderr.close()


def test_a_short_command_that_is_interrupted_says_so(terminal: Terminal, serve: Serve) -> None:
    terminal.json("schedule", "Tea", "--in", "1h", "--prompt", "tea")
    holder = serve("--no-bolt")
    holder.process.send_signal(signal.SIGSTOP)  # it answers nobody: the command waits for it
    try:
        for number, code in ENDS.items():
            for command in (["list"], ["schedule", "Tea", "--in", "1h", "--prompt", "tea"], ["status", "--json"]):
                ran, err = interrupted(terminal, command, number)
                assert (ran, err.count("\n"), "Interrupted." in err) == (code, 1, True), err
    finally:
        holder.process.send_signal(signal.SIGCONT)


def interrupted(terminal: Terminal, command: list[str], *numbers: int) -> tuple[int, str]:
    """Run a command that waits, send it signals; return the exit code and what stood on stderr."""
    process = terminal.begin(*command)
    connected(process.pid)
    for number in numbers:
        process.send_signal(number)
    _, err = process.communicate(timeout=WELL_BEFORE)
    return process.returncode, err


def connected(pid: int) -> None:
    """Wait until a process has a connection beside the two sockets of its event loop, and so is inside its work."""
    give_up = time.monotonic() + WELL_BEFORE
    while len(psutil.Process(pid).net_connections("unix")) <= 2:
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_a_watch_ends_in_order_at_any_signal(terminal: Terminal, serve: Serve) -> None:
    serving = serve("--no-bolt")
    watching = terminal.begin("watch")
    connected(watching.pid)
    watching.send_signal(signal.SIGTERM)

    assert (watching.wait(WELL_BEFORE), watching.communicate()[1]) == (0, "")
    assert serving.end(signal.SIGTERM).code == 0


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["list", "--json"],
        ["history"],
        ["preview", "* * * * *"],
        ["cypher", "MATCH (t:scheduled_task) RETURN t.name"],
    ],
)
def test_a_reader_that_goes_is_no_error(terminal: Terminal, command: list[str]) -> None:
    for _ in range(2):
        terminal.json("schedule", "Tea", "--in", "1h", "--prompt", "tea")
    process = terminal.begin(*command)
    assert process.stdout
    process.stdout.close()  # long before it prints anything
    _, err = process.communicate(timeout=WELL_BEFORE)

    assert (process.returncode, err) == (141, "")


def test_help_says_what_exit_codes_mean(terminal: Terminal) -> None:
    told: Any = " ".join(terminal.apart("serve", "--help").out.split())

    assert "130, 143, 129" in told
