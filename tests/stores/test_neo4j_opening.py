"""A graph on a server: what stands in the way is said in one clear error, and what is there is left alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from remembrancer.bootstrap import open_store
from remembrancer.errors import GraphAccessDenied, GraphNotFound, GraphTooNew, GraphUnavailable, GraphUnreachable
from remembrancer_schema.catalog import migrations

if TYPE_CHECKING:
    from collections.abc import Callable

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask

    MakeTask = Callable[..., ScheduledTask]

pytestmark = pytest.mark.neo4j


@pytest.fixture
def place(neo4j_server: Server) -> str:
    """Host and port."""
    return neo4j_server.uri.partition("://")[2]


async def test_a_wrong_password_is_not_let_in(place: str) -> None:
    with pytest.raises(
        GraphAccessDenied, match=r"does not let in the user 'ada'.*REMEMBRANCER_NEO4J_PASSWORD"
    ) as refused:
        await open_store(f"bolt://ada:hunter2@{place}")

    assert "hunter2" not in str(refused.value)


async def test_a_server_that_wants_a_password_says_where_to_give_it(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NEO4J_USER", "NEO4J_USERNAME", "NEO4J_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(GraphAccessDenied, match="anybody without a user and password"):
        await open_store(f"bolt://{place}")


async def test_a_database_that_is_not_there_is_missing(neo4j_server: Server) -> None:
    with pytest.raises(GraphNotFound, match=r"\(database nowhere\) has no such database"):
        await open_store(neo4j_server.graph.removesuffix(neo4j_server.database) + "nowhere")


@pytest.mark.parametrize("scheme", ["bolt", "neo4j", "bolt+s", "neo4j+ssc"])
async def test_a_server_that_does_not_answer_is_unreachable(scheme: str, unused_tcp_port: int) -> None:
    with pytest.raises(GraphUnreachable, match=f"{unused_tcp_port} does not answer"):
        await open_store(f"{scheme}://ada:hunter2@127.0.0.1:{unused_tcp_port}")


async def test_what_speaks_no_bolt_is_unreachable(unused_tcp_port: int) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", unused_tcp_port):
        with pytest.raises(GraphUnreachable, match="looks like HTTP"):
            await open_store(f"bolt://127.0.0.1:{unused_tcp_port}")


async def test_every_way_to_name_the_database_opens_it(
    neo4j_server: Server, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEMBRANCER_NEO4J_USER", neo4j_server.user)
    monkeypatch.setenv("REMEMBRANCER_NEO4J_PASSWORD", neo4j_server.password)
    database = neo4j_server.database
    for graph in (f"neo4j://{place}", f"bolt://{place}/{database}", f"neo4j://{place}?database={database}"):
        store = await open_store(graph)
        assert await store.query("RETURN 1 AS one") == [{"one": 1}]
        await store.close()


def test_without_the_driver_its_error_names_the_extra() -> None:
    program = """
import asyncio, sys
sys.modules["neo4j"] = None  # as if it were not installed
from remembrancer import TaskSchedulerService
async def main():
    async with TaskSchedulerService(":memory:") as service:
        assert await service.is_healthy()
    await TaskSchedulerService("bolt://ada:hunter2@127.0.0.1:1/memory").start()
asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)

    last = ran.stderr.splitlines()[-1]
    assert "DriverNotInstalled" in last
    assert "pip install 'remembrancer[neo4j]'" in last
    assert "hunter2" not in ran.stderr


async def test_a_graph_of_a_newer_version_is_refused_and_left_alone(neo4j_server: Server, a_task: MakeTask) -> None:
    store = await open_store(neo4j_server.graph)
    await store.tasks.create([task := a_task()])
    await store.close()
    neo4j_server.run("MATCH (g:remembrancer_graph) SET g.schema_version = 9999")
    for _ in range(2):
        with pytest.raises(GraphTooNew, match="9999") as refused:
            await open_store(neo4j_server.graph)
        assert neo4j_server.password not in str(refused.value)
    neo4j_server.run("MATCH (g:remembrancer_graph) SET g.schema_version = 1")
    store = await open_store(neo4j_server.graph)
    assert await store.tasks.get(task.task_id) == task
    await store.close()


@pytest.mark.parametrize("_round", range(2))
async def test_a_new_graph_gets_its_schema_from_schedulers_at_once(neo4j_server: Server, _round: int) -> None:
    for row in neo4j_server.run("SHOW CONSTRAINTS YIELD name"):
        neo4j_server.run(f"DROP CONSTRAINT `{row['name']}`")
    for row in neo4j_server.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'"):
        neo4j_server.run(f"DROP INDEX `{row['name']}`")
    stores = await asyncio.gather(*(open_store(neo4j_server.graph) for _ in range(4)))
    await asyncio.gather(*(store.close() for store in stores))

    made = neo4j_server.run("SHOW INDEXES YIELD name, type, state WHERE type <> 'LOOKUP'")
    steps = migrations("neo4j")
    assert len(made) == sum(text.startswith("CREATE") for step in steps for text in step.statements)
    assert {row["state"] for row in made} == {"ONLINE"}
    assert [row["name"] for row in made if not row["name"].startswith("remembrancer_")] == []
    assert neo4j_server.run("MATCH (g:remembrancer_graph) RETURN g.schema_version AS version") == [
        {"version": steps[-1].version}
    ]


async def test_a_closed_graph_leaves_one_sum_of_its_counters(neo4j_server: Server, a_task: MakeTask) -> None:
    for _ in range(3):
        store = await open_store(neo4j_server.graph)
        await store.tasks.create([a_task()])
        await store.close()

    counters = neo4j_server.run("MATCH (c:lifetime_statistics) RETURN c.counter_id AS id, c.tasks_created AS made")
    assert counters == [{"id": "ended", "made": 3}]


async def test_what_a_server_refuses_for_its_own_reasons_is_told(neo4j_server: Server) -> None:
    neo4j_server.run("CREATE (:scheduled_task {task_id: 'twin'})")
    neo4j_server.run("DROP CONSTRAINT remembrancer_task_id IF EXISTS")
    neo4j_server.run("CREATE (:scheduled_task {task_id: 'twin'})")
    try:
        with pytest.raises(GraphUnavailable, match="twin"):
            await open_store(neo4j_server.graph)
    finally:
        neo4j_server.wipe()
        await (await open_store(neo4j_server.graph)).close()
