"""A query of this package that fails: the graph is said to be at fault, and no caller's input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.errors import GraphUnavailable, InvalidInput, QueryFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from neo4j_server import Server

FAILING = (
    "RETURN 1/0 AS n",
    "RETURN $missing AS n",
    "RETURN date('x') AS n",
    "MATCH (n RETURN n",
    "CREATE (n) RETURN n",
)


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TaskSchedulerService]:
    is_embedded = request.param == "embedded"
    graph = str(tmp_path / "graph") if is_embedded else request.getfixturevalue("neo4j_server").graph
    async with TaskSchedulerService(graph, check_interval_seconds=3600) as service:
        yield service


@pytest.mark.parametrize("text", FAILING)
async def test_a_failed_query_of_the_scheduler_is_the_graphs_fault(service: TaskSchedulerService, text: str) -> None:
    with pytest.raises(GraphUnavailable) as failed:
        await service._graph()._connection.read(text, {})

    assert not isinstance(failed.value, ValueError)


@pytest.mark.parametrize("text", FAILING)
async def test_the_same_query_of_a_user_is_the_users_fault(service: TaskSchedulerService, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await service.cypher(text)

    assert refused.value.field == "query"


@pytest.mark.neo4j
async def test_a_parameter_that_no_driver_sends_is_no_input(neo4j_server: Server) -> None:
    async with TaskSchedulerService(neo4j_server.graph) as service:
        with pytest.raises(QueryFailed, match="remembrancer check"):
            await service._graph()._connection.read("RETURN $n AS n", {"n": 2**70})
