"""Replicas that come and go in good order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faults
import pytest

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]


async def test_from_one_replica_to_three_each_replaced_and_back_to_one_nothing_is_lost(neo4j_server: Server) -> None:
    assert (await faults.scaled(neo4j_server, 3)).wrong == []
