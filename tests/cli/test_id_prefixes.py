"""Ids of tasks by their beginning: one task is found, several are named, none is not found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Desk

FAR = ["--at", "2090-01-01T00:00:00Z", "--prompt", "p"]


@pytest.fixture
def ids(desk: Desk) -> list[str]:
    return [desk.json("schedule", name, *FAR)["task_id"] for name in ("Tea", "Coffee")]


def shared(ids: list[str]) -> str:
    """Return the beginning that both ids have."""
    first, second = ids
    return first[: next(place for place, letter in enumerate(first) if letter != second[place])]


def beginning(ids: list[str]) -> str:
    """Return the shortest beginning of the second id that the first does not have."""
    return ids[1][: len(shared(ids)) + 1]


@pytest.mark.parametrize(
    "words",
    [
        ["show"],
        ["history"],
        ["skip"],
        ["defer", "--until", "2090-02-01T00:00:00Z", "--reason", "r"],
        ["add-fire"],
        ["update", "--prompt", "q"],
        ["pause"],
        ["resume"],
        ["cancel"],
        ["run-now"],
        ["audit", "export", "--task"],
        ["schedule", "After", "--prompt", "p", "--by", "15m", "--follow"],
        ["update", "--clear", "context"],
    ],
    ids=" ".join,
)
def test_a_command_takes_the_beginning_of_an_id(desk: Desk, ids: list[str], words: list[str]) -> None:
    if words == ["resume"]:
        desk("pause", ids[1])
    ran = desk(*words, beginning(ids))

    assert (ran.code, ran.err if "run" not in words[0] else "") == (0, "")
    assert ids[0] not in ran.out


def test_an_ambiguous_beginning_names_the_tasks(desk: Desk, ids: list[str]) -> None:
    refused = desk("cancel", shared(ids))

    assert refused.code == 2
    assert all(f"{task_id} ({name})" in refused.err for task_id, name in zip(ids, ("Tea", "Coffee"), strict=True))
    assert {task["status"] for task in desk.json("list")} == {"PENDING"}


def test_many_tasks_of_a_beginning_are_not_all_named(desk: Desk, ids: list[str]) -> None:
    for number in range(5):
        desk("schedule", f"More {number}", *FAR)
    refused = desk("show", "task_")

    assert refused.code == 2
    assert "and more" in refused.err
    assert "More 4" not in refused.err


@pytest.mark.parametrize("typed", ["task_9999999999", "task", "nothing", "task_1723644600.123_9f3k2a", "'\"\\$", ""])
def test_an_unknown_beginning_is_not_found(desk: Desk, typed: str) -> None:
    desk("schedule", "Tea", *FAR)
    code = desk("show", typed).code

    assert code == (0 if typed in {"task", ""} else 3)
