"""Replicas that die, each at another place in the life of an execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faults
import pytest
from replica import Phase

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]


async def test_replicas_killed_in_every_phase_lose_and_double_nothing(neo4j_server: Server) -> None:
    aftermath = await faults.killed(neo4j_server, Phase.ALL)

    assert aftermath.wrong == []
    assert aftermath.account.lost_executions >= 3  # of all phases but the last
