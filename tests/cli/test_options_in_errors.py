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
    "a template": (("--in", "10m", "--overlap", "skip", "--overlap-key", "k-{nme}"), ["--overlap-key"]),
}


@pytest.mark.parametrize(("typed", "options"), WRONG.values(), ids=WRONG)
def test_an_error_of_schedule_names_the_option(desk: Desk, typed: tuple[str, ...], options: list[str]) -> None:
    wrong = ("schedule", "Tea", "--prompt", "Make tea", *typed)

    assert f"  option   {', '.join(options)}\n" in desk(*wrong).err
    assert json.loads(desk(*wrong, "--json").err)["error"]["options"] == options


def test_an_error_about_an_argument_names_no_option(desk: Desk) -> None:
    assert "  option" not in desk("schedule", "", "--in", "10m", "--prompt", "Make tea").err


def test_a_limit_goes_with_the_same_key_in_capitals(desk: Desk) -> None:
    desk("schedule", "Tea", "--prompt", "Make tea", "--in", "10m", "--limit", "db=3", "--concurrency-key", "DB")

    assert [task["concurrency_key"] for task in desk.json("list")] == ["db"]
