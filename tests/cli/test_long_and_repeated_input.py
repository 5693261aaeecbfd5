"""Refusals of the command: they quote a part of what was given, and take no JSON that readers differ about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Desk

TEA = ("schedule", "Tea", "--prompt", "x", "--cron", "0 9 * * *")


def test_a_long_context_is_quoted_in_part(desk: Desk) -> None:
    for words in ((), ("--json",)):
        refused = desk(*TEA, "--context", "\x1b]52;c;\x07" + "x" * 100_000, *words)

        assert refused.code == 2
        assert len(refused.out + refused.err) < 2000
        assert "xxx" in refused.err
        assert "\x1b" not in refused.err
        assert "\x07" not in refused.err


def test_a_key_that_stands_twice_is_refused(desk: Desk) -> None:
    assert desk(*TEA).code == 0
    refused = desk(*TEA, "--context", '{"room": 1, "deep": {"hall": 1, "hall": 2}}', "--json")
    asked = desk("cypher", "RETURN $x AS x", "--param", 'x={"a": 1, "a": 2}', "--json")

    assert (refused.code, asked.code) == (2, 2)
    assert "'hall' is repeated" in json.loads(refused.err)["error"]["allowed"]
    assert "'a' is repeated" in json.loads(asked.err)["error"]["allowed"]
    assert len(desk.json("list")) == 1
