"""`--graph`: before the command or after it, and the same graph either way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Desk


def named(desk: Desk, *words: str) -> list[str]:
    ran = desk(*words, "--json")
    assert (ran.code, ran.err) == (0, ""), ran
    return [each["name"] for each in ran.json]


@pytest.mark.parametrize("option", ["-g", "--graph"])
def test_the_graph_may_stand_before_the_command(desk: Desk, option: str) -> None:
    other = str(desk.folder / "other")
    desk(option, other, "schedule", "There", "--in", "1h", "--prompt", "x")
    desk("schedule", "Here", "--in", "1h", "--prompt", "x")  # as the environment says

    assert named(desk, option, other, "list") == ["There"]
    assert named(desk, "list", option, other) == ["There"]
    assert named(desk, "list") == ["Here"]


def test_the_graph_after_the_command_counts(desk: Desk) -> None:
    one, two = str(desk.folder / "one"), str(desk.folder / "two")
    desk("schedule", "One", "--in", "1h", "--prompt", "x", "-g", one)
    desk("schedule", "Two", "--in", "1h", "--prompt", "x", "-g", two)

    assert named(desk, "-g", one, "list", "-g", two) == ["Two"]


def test_the_graph_may_stand_before_two_words(desk: Desk) -> None:
    other = str(desk.folder / "other")
    desk("-g", other, "token", "create", "--name", "mine")

    assert named(desk, "-g", other, "token", "list") == ["mine"]


@pytest.mark.parametrize("command", ["copy a b", "schema"])
def test_a_command_without_a_graph_refuses_one(desk: Desk, command: str) -> None:
    ran = desk("-g", "graph", *command.split())

    assert ran.code == 2
    assert "--graph" in ran.err


def test_the_help_says_that_both_places_do(desk: Desk) -> None:
    for words in ((), ("list",)):
        assert "--graph" in desk(*words, "--help").out
    assert "before the command or after it" in " ".join(desk("--help").out.split())
