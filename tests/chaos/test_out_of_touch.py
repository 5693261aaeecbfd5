"""Replicas that are not dead, but so long out of touch that others have to take them for dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faults
import pytest

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]


async def test_a_late_outcome_of_a_cut_off_replica_is_not_written(neo4j_server: Server) -> None:
    assert (await faults.cut_off(neo4j_server)).wrong == []
