"""The real command, run as a person runs it: in a process of its own, on a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from remembrancer.cli import app

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator

COMMAND = [sys.executable, "-W", "error", "-m", "remembrancer"]
PATIENCE_SECONDS = 20.0


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

    @property
    def surroundings(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        logs = str(self.folder / "logs")
        return own | {"REMEMBRANCER_GRAPH": str(self.graph), "REMEMBRANCER_LOG_DIR": logs, "NO_COLOR": "1"}

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        ran = subprocess.run(
            [*COMMAND, *words],
            cwd=self.folder,
            env=self.surroundings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def json(self, *words: str, stdin: str = "") -> Any:
        """Return what a command prints with --json; it has to succeed."""
        ran = self(*words, "--json", stdin=stdin)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran.json


class Desk(Terminal):
    """A terminal whose commands run in the tests' own process: the same code, faster."""

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        ran = CliRunner().invoke(app, list(words), env=self.surroundings, input=stdin, catch_exceptions=False)
        return Ran(ran.exit_code, ran.stdout, ran.stderr)


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
    process = subprocess.Popen(
        [*COMMAND, "serve", "--json", *words],
        cwd=terminal.folder,
        env=terminal.surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    if not first:
        _, err = process.communicate()
        pytest.fail(f"serve ended with {process.returncode}: {err}")
    assert json.loads(first)["event"] == "serving"
    beacon = Path(terminal.graph) / "serve.json"
    return Serving(process, json.loads(beacon.read_text("utf-8")) if beacon.exists() else json.loads(first))


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, tmp_path / "graph")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, tmp_path / "graph")


@pytest.fixture
def serve(terminal: Terminal) -> Iterator[Serve]:
    """Start `serve` in the terminal's folder; what is still up at the end is killed."""
    started: list[Serving] = []

    def start(*words: str) -> Serving:
        started.append(start_serving(terminal, *words))
        return started[-1]

    yield start
    for serving in started:
        serving.process.kill()
        serving.process.communicate()


@pytest.fixture
def until() -> Until:
    return eventually
