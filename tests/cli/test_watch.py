"""`remembrancer watch` in a process of its own: on a graph that is served, on one that nobody holds, on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neo4j_server import Server

    from conftest import Desk, Serve, Terminal, Until

COMMAND = [sys.executable, "-W", "error", "-m", "remembrancer"]
PATIENCE_SECONDS = 120.0


class Watch:
    """A `watch` under way, and what it has printed."""

    def __init__(self, terminal: Terminal, *words: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*COMMAND, "watch", *words],
            cwd=terminal.folder,
            env=terminal.surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def kinds(self) -> list[str]:
        return [json.loads(line)["kind"] for line in list(self.lines)]

    def close(self) -> None:
        self.process.kill()
        self._reading.join()
        self.process.communicate()

    def end(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        assert self.process.stderr
        return self.process.wait(PATIENCE_SECONDS), self.process.stderr.read()


@pytest.fixture
def watch(terminal: Terminal) -> Iterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def start(*words: str) -> Watch:
        started.append(Watch(terminal, *words))
        return started[-1]

    yield start
    for each in started:
        each.close()


def make(desk: Desk, name: str = "Tea", wait: str = "0s") -> str:
    return desk.json("schedule", name, "--in", wait, "--prompt", "Put the kettle on")["task_id"]


def test_watch_of_a_served_graph_prints_events_and_resumes(
    desk: Desk, serve: Serve, watch: Callable[..., Watch], until: Until
) -> None:
    serve("--no-bolt", "--no-rest")
    machine, person = watch("--json", "--after", "0"), watch("--after", "0")
    task_id = make(desk)
    until(lambda: len(machine.lines) == 4 and len(person.lines) == 4, "the task has run")
    events = [json.loads(line) for line in machine.lines]
    again = watch("--json", "--after", events[1]["cursor"])
    until(lambda: len(again.lines) == 2, "the rest was told again")

    assert machine.kinds() == ["task_created", "execution_started", "execution_completed", "task_ended"]
    assert again.lines == machine.lines[2:]
    assert all(f"Tea ({task_id})" in line for line in person.lines)
    assert [each.end() for each in (machine, person, again)] == [(0, "")] * 3


def test_a_graph_that_nobody_holds_is_watched_and_left_to_others(
    desk: Desk, serve: Serve, watch: Callable[..., Watch], until: Until
) -> None:
    make(desk, "Early", "1d")
    seen = watch("--json", "--after", "0")
    until(lambda: len(seen.lines) == 1, "what was there is told")
    make(desk, "Later", "1d")
    until(lambda: len(seen.lines) == 2, "what another command did is told")
    serve("--no-bolt", "--no-rest")
    make(desk, "Now")
    until(lambda: len(seen.lines) == 6, "what a scheduler did that came later is told")

    assert seen.kinds()[-1] == "task_ended"
    assert seen.end() == (0, "")


@pytest.mark.neo4j
def test_on_a_server_it_prints_what_any_scheduler_does(
    desk: Desk, watch: Callable[..., Watch], until: Until, neo4j_server: Server
) -> None:
    on_server = ("--graph", neo4j_server.graph)
    seen = watch("--json", "--after", "0", *on_server)
    task_id = desk.json("schedule", "Tea", "--in", "1d", "--prompt", "Kettle", *on_server)["task_id"]
    desk("run-now", task_id, *on_server)
    until(lambda: len(seen.lines) == 3, "the task has run")

    assert seen.kinds() == ["task_created", "execution_started", "execution_completed"]
    assert seen.end() == (0, "")


def test_on_a_terminal_it_draws_what_is_due_and_what_happened(terminal: Terminal, desk: Desk) -> None:
    make(desk, "Water the plants", "2h")
    ours, theirs = pty.openpty()
    surroundings: dict[str, Any] = {**terminal.surroundings, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    command = [*COMMAND, "watch", "--after", "0"]
    process = subprocess.Popen(command, cwd=terminal.folder, env=surroundings, stdout=theirs, stderr=theirs)
    terminal.begun.append(process)
    os.close(theirs)
    shown, give_up = "", time.monotonic() + PATIENCE_SECONDS
    screen = selectors.DefaultSelector()
    screen.register(ours, selectors.EVENT_READ)
    while "task created" not in shown and time.monotonic() < give_up:
        if screen.select(0.1):
            shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(ours, 65536).decode("utf-8", "ignore"))
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE_SECONDS)
    screen.close()
    os.close(ours)

    assert code == 0
    assert re.search(r"due\s+Water the plants\s+in [12] h\s+once", shown)
    assert re.search(r"task created\s+Water the plants\s+next run", shown)


def test_a_graph_that_is_not_there_is_an_error(desk: Desk) -> None:
    ran = desk("watch")

    assert ran.code == 4
    assert "There is no graph" in ran.err
