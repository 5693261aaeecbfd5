"""A server that dies under load, and a database that somebody empties; `make chaos` has the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faults
import pytest
from neo4j_jars import CannotStart

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]


async def test_a_killed_server_costs_time_and_nothing_else() -> None:
    try:
        async with faults.outages() as outages:
            await outages.killed()
            aftermath = await outages.ended()
    except CannotStart as cannot:
        pytest.skip(f"NOT TESTED: no server that may be killed: {cannot}")

    assert aftermath.wrong == []


async def test_a_database_that_somebody_emptied_is_filled_again(neo4j_server: Server) -> None:
    aftermath = await faults.wiped(neo4j_server)

    assert aftermath.wrong == []
    assert aftermath.figures["taken by a wipe or restore"] > 0
