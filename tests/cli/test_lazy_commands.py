"""The table of commands: its lines are those of the modules, which help does not import."""

from __future__ import annotations

import subprocess
import sys
from inspect import cleandoc
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from remembrancer.cli import app
from remembrancer.cli.app import COMMANDS
from remembrancer.cli.lazy_group import CommandEntry

ENTRIES = {
    words: entry
    for name, each in COMMANDS.items()
    for words, entry in (
        {name: each}
        if isinstance(each, CommandEntry)
        else {f"{name} {inner}": entry for inner, entry in each.entries.items()}
    ).items()
}
IMPORTED = """
import sys
from typer.testing import CliRunner
from remembrancer.cli import app
print(CliRunner().invoke(app, sys.argv[1:]).exit_code)
print(*sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("remembrancer.cli.commands.")))
"""


def imported(*words: str) -> list[str]:
    """Return the exit code of a command in a process of its own, and the modules of commands that it imports."""
    ran = subprocess.run([sys.executable, "-c", IMPORTED, *words], capture_output=True, text=True, check=True)
    return ran.stdout.split()


@pytest.mark.parametrize("words", ENTRIES)
def test_the_table_has_the_first_lines_of_a_command(words: str) -> None:
    entry = ENTRIES[words]
    command = entry.load(words.rpartition(" ")[2])

    assert entry.help == " ".join(cleandoc(command.help).split("\n\n")[0].split())
    assert command.hidden == entry.hidden


def test_help_imports_no_command() -> None:
    assert imported("--help") == ["0"]
    assert imported("token", "--help") == ["0"]


def test_a_command_imports_no_other_command() -> None:
    assert imported("cancel", "--help") == ["0", "cancel"]


def test_a_misspelt_command_gets_a_suggestion() -> None:
    ran = CliRunner().invoke(app, ["cancle"])

    assert ran.exit_code == 2
    assert "'cancel'" in ran.output


def test_a_command_is_loaded_once() -> None:
    commands: Any = vars(typer.main.get_command(app))["commands"]

    assert commands["cancel"] is commands["cancel"]
