"""The real command, as a person types it, on a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from remembrancer import TaskSchedulerService
from remembrancer.cli import app
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Sequence

COMMAND = [sys.executable, "-W", "error", "-m", "remembrancer"]
PATIENCE_SECONDS = 120.0
"""Nothing here takes so long, except on a machine that has no time for us."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Terminal:
    """Somewhere to type commands; all of them are about one graph."""

    folder: Path
    graph: Path | str
    begun: list[subprocess.Popen[str]] = field(default_factory=list)
    """What was left to itself."""

    @property
    def surroundings(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        logs = str(self.folder / "logs")
        return own | {"REMEMBRANCER_GRAPH": str(self.graph), "REMEMBRANCER_LOG_DIR": logs, "NO_COLOR": "1"}

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        """Run a command in the tests' own process: the same code, without the half second that a start costs."""
        own: dict[str, str | None] = {**self.surroundings, "COLUMNS": None}  # None takes away what a test runner set
        run = partial(CliRunner().invoke, app, list(words), stdin, own, catch_exceptions=False)
        if asyncio._get_running_loop() is None:
            ran = run()
        else:
            with ThreadPoolExecutor(1) as thread:  # a command has an event loop of its own
                ran = thread.submit(run).result()
        return Ran(ran.exit_code, ran.stdout, ran.stderr)

    def apart(self, *words: str, stdin: str = "") -> Ran:
        """Run a command in a process of its own, to its end."""
        ran = subprocess.run(
            [*COMMAND, *words],
            cwd=self.folder,
            env=self.surroundings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def typed(self, words: Sequence[str], answer: str) -> tuple[int, str]:
        """Run a command at a real terminal, and type an answer to its question; return its code, and what it shows."""
        ours, theirs = pty.openpty()
        streams: Any = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        process = subprocess.Popen([*COMMAND, *words], cwd=self.folder, env=self.surroundings, **streams)
        self.begun.append(process)
        os.close(theirs)
        # Not `select.select`: a process that has opened many graphs may have this file under a number beyond its reach.
        with selectors.DefaultSelector() as terminal:
            terminal.register(ours, selectors.EVENT_READ)
            seen = ""
            while terminal.select(PATIENCE_SECONDS):
                try:
                    read = os.read(ours, 1024).decode()
                except OSError:  # the last who had the terminal open has gone
                    break
                seen += read
                if answer and "[y/N]" in seen:
                    os.write(ours, f"{answer}\n".encode())
                    answer = ""
        os.close(ours)
        return process.wait(PATIENCE_SECONDS), seen

    def begin(self, *words: str, before: Sequence[str] = (), **surroundings: str) -> subprocess.Popen[str]:
        """Start a command, and leave it to itself; it is killed at the end."""
        process = subprocess.Popen(
            [*before, *COMMAND, *words],
            cwd=self.folder,
            env=self.surroundings | surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.begun.append(process)
        limit = threading.Timer(5 * PATIENCE_SECONDS, process.kill)  # who reads from it does not wait for ever
        limit.daemon = True
        limit.start()
        return process

    def leave(self) -> None:
        """Kill what is still there."""
        for process in self.begun:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()

    def json(self, *words: str, stdin: str = "") -> Any:
        """Return what a command prints with --json; it has to succeed."""
        ran = self(*words, "--json", stdin=stdin)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran.json


Desk = Terminal
"""A terminal at which nothing is begun."""


@dataclass(frozen=True)
class Serving:
    """A `remembrancer serve` that is up."""

    process: subprocess.Popen[str]
    beacon: dict[str, object]
    """What it lit in its folder; on a server, what it said first."""

    def end(self, number: signal.Signals) -> Ran:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return Ran(self.process.returncode, out, err)


Serve = Callable[..., Serving]
Until = Callable[[Callable[[], object], str], Any]


def eventually(look: Callable[[], object], what: str) -> Any:
    """Return the first answer of *look* that is true."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {PATIENCE_SECONDS:g} s")


def start_serving(terminal: Terminal, *words: str) -> Serving:
    process = terminal.begin("serve", "--json", *words)
    assert process.stdout is not None
    told: dict[str, object] = {}
    while told.get("event") != "serving":  # what was due, or left unfinished, may have begun before
        line = process.stdout.readline()
        if not line:
            _, err = process.communicate()
            pytest.fail(f"serve ended with {process.returncode}: {err}")
        told = json.loads(line) if line.startswith("{") else {}
    beacon = Path(terminal.graph) / "serve.json"
    return Serving(process, json.loads(beacon.read_text("utf-8")) if beacon.exists() else told)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path, tmp_path / "graph")
    yield made
    made.leave()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, tmp_path / "graph")


@pytest.fixture
def serve(terminal: Terminal) -> Serve:
    """Start `serve` in the terminal's folder; what is still up at the end is killed."""
    return lambda *words: start_serving(terminal, *words)


@pytest.fixture
def until() -> Until:
    return eventually


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Path]:
    """Make a graph of so many tasks that fired so many times, with a deferral and a cancel, closed in good order."""

    async def live(folder: Path, tasks: int, rounds: int) -> None:
        clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        service = TaskSchedulerService(folder, clock, handler=lambda _: "done")
        async with ManualScheduler(service, clock) as by_hand:
            for number in range(tasks):
                await service.schedule_task(f"Task {number}", "g", "p", "thought", schedule_cron="*/10 * * * *")
            for _ in range(rounds):
                await by_hand.tick(timedelta(minutes=10))
            first, second, *_ = await service.get_scheduled_tasks()
            await service.defer_task(first.task_id, clock.now() + timedelta(hours=3), "Busy", "thought_busy")
            await service.cancel_task(second.task_id)

    def made(tasks: int, rounds: int) -> Path:
        folder = tmp_path_factory.mktemp("sound") / "graph"
        asyncio.run(live(folder, tasks, rounds))
        return folder

    return made
