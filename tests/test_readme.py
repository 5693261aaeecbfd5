"""The README is run: its Python prints what it says, its commands answer what it shows.

A `python` block followed by a `text` block is a program and its output.
A `console` block holds commands after "$ " and what they print; all run in one shell, from top to bottom.
"..." in an expected output stands for anything.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(match[1], match[2]) for match in FENCE.finditer(README.read_text("utf-8"))]
PROGRAMS = [
    (first[1], second[1]) for first, second in pairwise(BLOCKS) if (first[0], second[0]) == ("python", "text")
]
COMMANDS = [
    (command, expected)
    for kind, text in BLOCKS
    if kind == "console"
    for command, expected in re.findall(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
]
END = "~~~ the command ended with"


def agrees(expected: str, actual: str) -> bool:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(expected, actual, flags)


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a person at a fresh terminal, 100 columns wide, with the command installed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("REMEMBRANCER_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
    return own | {"PATH": path, "HOME": str(folder), "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}


@pytest.mark.parametrize(("program", "expected"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_of_the_readme_prints_what_it_says(program: str, expected: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(
        command, cwd=tmp_path, env=surroundings(tmp_path), capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert agrees(expected, ran.stdout), f"expected:\n{expected}\nprinted:\n{ran.stdout}"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What each console command printed, and its exit code, all run one after the other in one folder."""
    folder = tmp_path_factory.mktemp("reader")
    script = "".join(f'{command}\nprintf "\\n{END} %s\\n" "$?"\n' for command, _ in COMMANDS)
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


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=[command for command, _ in COMMANDS])
def test_a_command_of_the_readme_answers_what_it_shows(number: int, session: list[tuple[str, str]]) -> None:
    (_, expected), (printed, code) = COMMANDS[number], session[number]

    assert agrees(expected, printed + "\n") or not expected.strip(), (
        f"expected:\n{expected}\nprinted:\n{printed}"
    )
    assert code == "0", printed


def test_the_readme_has_programs_and_commands_to_run() -> None:
    assert PROGRAMS
    assert COMMANDS
