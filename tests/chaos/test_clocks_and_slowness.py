"""Replicas that do not agree on the time, and answers that take theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faults
import pytest

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]


async def test_clocks_that_are_minutes_off_make_nothing_early_and_take_nothing_away(neo4j_server: Server) -> None:
    assert (await faults.wrong_clocks(neo4j_server)).wrong == []


async def test_slow_answers_and_long_locks_cost_time_and_nothing_else(neo4j_server: Server) -> None:
    assert (await faults.slow(neo4j_server)).wrong == []
