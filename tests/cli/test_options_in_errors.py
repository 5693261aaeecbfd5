"""Errors of commands: the options that belong to the fields that an error names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Desk

WRONG = {
    "no time": ((), ["--at", "--cron"]),
    "a wrong time": (("--at", "nonsense"), ["--at"]),
    "a wrong expression": (("--cron", "x"), ["--cron"]),
    "the limit of another key": (("--in", "10m", "--limit", "db=3", "--concurrency-key", "mail"), ["--limit"]),
    "a wrong zone": (("--cron", "0 9 * * *", "-z", "Mars/X"), ["--timezone"]),
    "a deadline": (("--in", "10m", "--deadline", "-1"), ["--deadline"]),
    "a timeout": (("--in", "10m", "--timeout", "2d"), ["--timeout"]),
    "a prompt": (("--in", "10m", "--prompt", ""), ["--prompt"]),
    "a template": (("--in", "10m", "--overlap", "skip", "--overlap-key", "k-{nme}"), ["--overlap-key"]),
}


@pytest.mark.parametrize(("typed", "options"), WRONG.values(), ids=WRONG)
def test_an_error_of_schedule_names_the_option(desk: Desk, typed: tuple[str, ...], options: list[str]) -> None:
    wrong = ("schedule", "Tea", "--prompt", "Make tea", *typed)

    assert f"  option   {', '.join(options)}\n" in desk(*wrong).err
    assert json.loads(desk(*wrong, "--json").err)["error"]["options"] == options


def test_an_error_about_an_argument_names_no_option(desk: Desk) -> None:
    assert "  option" not in desk("schedule", "", "--in", "10m", "--prompt", "Make tea").err


def test_an_example_of_an_object_is_json(desk: Desk) -> None:
    wrong = desk("schedule", "Tea", "--prompt", "Make tea", "--in", "10m", "--retry", "often").err

    said = next(line for line in wrong.splitlines() if line.startswith("  example"))
    assert json.loads(said.removeprefix("  example"))["backoff"] == "exponential"


def test_seconds_may_have_a_unit(desk: Desk) -> None:
    typed = ("--deadline", "1h30m", "--misfire-age", "1d", "--timeout", "2.5")
    desk("schedule", "Tea", "--prompt", "Make tea", "--in", "10m", *typed)

    (task,) = desk.json("list")
    assert [task[name] for name in ("deadline_seconds", "misfire_age_seconds", "timeout_seconds")] == [5400, 86400, 2.5]
    assert "neither a number of seconds" in desk("schedule", "Tea", "--timeout", "1h30").err


def test_one_limit_and_one_circuit_are_shown(desk: Desk) -> None:
    desk("limit", "database", "3")
    desk("limit", "mail", "1")
    desk("circuit", "github", "--opens-after", "3")

    assert [each["key"] for each in desk.json("limit")] == ["key:database", "key:mail"]
    assert desk.json("limit", "database")["slots"] == 3
    assert desk.json("circuit", "github")["circuit"]["opens_after"] == 3
    assert "No such limit" in desk("limit", "nothing").out
    assert "No such circuit" in desk("circuit", "nothing").out


def test_a_limit_goes_with_the_same_key_in_capitals(desk: Desk) -> None:
    desk("schedule", "Tea", "--prompt", "Make tea", "--in", "10m", "--limit", "db=3", "--concurrency-key", "DB")

    assert [task["concurrency_key"] for task in desk.json("list")] == ["db"]
