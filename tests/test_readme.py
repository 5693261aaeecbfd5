"""The README is run: its Python prints what it says, its commands answer what it shows.

A `python` block followed by a `text` block is a program and its output.
A `console` block holds commands after "$ " and what they print.
All of it runs in one shell and one fresh folder, from top to bottom.
Ids, durations, moments with milliseconds and moments told by their distance differ from run to run and are
not compared; "..." stands for anything.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
BLOCKS = [(match[1], match[2]) for match in FENCE.finditer(README.read_text("utf-8"))]
PASSING = {
    "id": r"\b(?:task|exec)_\d+\.\d+_\w+",
    "moment": r"\d{4}-\d\d-\d\dT[\d:]+(?:\.\d+Z|Z (?=\())(?: ?\((?:now|in [^)]+|[^)]+ ago)\))?",
    "duration": r"\b\d+\.\d{3} s\b",
}
END = "~~~ it ended with"


def steps() -> list[tuple[str, str]]:
    """Return what the README has run, in its order: a shell command, and what it shall print."""
    found: list[tuple[str, str]] = []
    for (kind, text), (next_kind, next_text) in pairwise([*BLOCKS, ("", "")]):
        if kind == "python" and next_kind == "text":
            found.append((f"python -W error -c {shlex.quote(text)}", next_text))
        elif kind == "console":
            found += COMMAND.findall(text)
    return found


STEPS = steps()


def settled(text: str) -> str:
    """Return *text* with what differs from run to run replaced by its name."""
    for name, pattern in PASSING.items():
        text = re.sub(pattern, f"<{name}>", text)
    return text


def agrees(expected: str, actual: str) -> bool:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(settled(expected), settled(actual), flags)


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a person at a fresh terminal, with the command installed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("REMEMBRANCER_", "COLUMNS"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
    return own | {"PATH": path, "HOME": str(folder), "NO_COLOR": "1", "TERM": "dumb"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Return what each step printed, and its exit code; all run one after the other in one folder."""
    folder = tmp_path_factory.mktemp("reader")
    script = "".join(f'{command}\nprintf "\\n{END} %s\\n" "$?"\n' for command, _ in STEPS)
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=surroundings(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return re.findall(rf"(.*?)\n{END} (\d+)\n", ran.stdout, re.DOTALL)


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[command.split("\n")[0][:60] for command, _ in STEPS])
def test_the_readme_shows_what_really_happens(number: int, session: list[tuple[str, str]]) -> None:
    (_, expected), (printed, code) = STEPS[number], session[number]

    assert (agrees(expected, f"{printed}\n"), code) == (True, "0"), f"shown:\n{expected}\nprinted:\n{printed}"


def test_the_readme_has_programs_and_commands_to_run() -> None:
    kinds = {command.startswith("python ") for command, _ in STEPS}

    assert kinds == {True, False}
