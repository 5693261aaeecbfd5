"""A guest in somebody's database: what is not ours stays as it is, and no more rights are needed than are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from remembrancer import TaskSchedulerService, copy_graph
from remembrancer.bootstrap import open_store
from remembrancer.stores.neo4j.migrations import neo4j_schema
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from neo4j_server import Server

    from conftest import Life

pytestmark = pytest.mark.neo4j

THEIRS = (
    "MATCH (n:Entity|Episodic|Community|Invoice) OPTIONAL MATCH (n)-[r]-(m) "
    "RETURN labels(n) AS labels, properties(n) AS node, elementId(n) AS id, type(r) AS kind, properties(r) AS edge, "
    "elementId(r) AS edge_id, elementId(m) AS other ORDER BY id, edge_id"
)
SCHEMA = "SHOW CONSTRAINTS YIELD name, type RETURN name, type ORDER BY name"
INDEXES = "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name ORDER BY name"


@pytest.fixture
def somebodys(neo4j_server: Server) -> Iterator[Server]:
    """A database with a memory as Graphiti keeps it, an application's nodes, and a constraint of theirs."""
    neo4j_server.run("CREATE CONSTRAINT invoice_number IF NOT EXISTS FOR (n:Invoice) REQUIRE n.number IS UNIQUE")
    neo4j_server.run(
        "CREATE (a:Entity {uuid: 'a', name: 'Ada', group_id: 'g', created_at: datetime(), status: 'PENDING', "
        "next_run_ms: 0, due_key: 0, task_id: 'task_theirs', name_embedding: [0.1, 0.2]}), "
        "(b:Entity {uuid: 'b', name: 'Bob', execution_id: 'exec_1.000_aaaaaa'}), "
        "(a)-[:RELATES_TO {uuid: 'r', fact: 'knows', valid_at: datetime(), episodes: ['c']}]->(b), "
        "(c:Episodic {uuid: 'c', content: 'They met', valid_at: datetime()})-[:MENTIONS]->(a), "
        "(:Community {uuid: 'd'})-[:HAS_MEMBER]->(a), (c)-[:CREATED_BY]->(a), (c)-[:EXECUTION_OF]->(b), "
        "(:Invoice {number: 7, recorded_by: 'remembrancer', thought_id: 'thought_1', total: 12.50})-[:RETRY_OF]->(b)"
    )
    yield neo4j_server
    neo4j_server.run("MATCH (n:Entity|Episodic|Community|Invoice) DETACH DELETE n")
    neo4j_server.run("DROP CONSTRAINT invoice_number")


async def test_what_others_keep_in_the_database_stays_as_it_is(
    somebodys: Server, life: type[Life], tmp_path: Path
) -> None:
    before = somebodys.run(THEIRS)
    assert len(before) > 10
    lived = life(somebodys.graph, 2)
    await lived.live(2)
    assert somebodys.run(THEIRS) == before

    await copy_graph(somebodys.graph, tmp_path / "copy")
    service = TaskSchedulerService(somebodys.graph, lived.clock)
    async with ManualScheduler(service, lived.clock):
        assert (await service.prune(0.5)).executions > 0
    assert somebodys.run(THEIRS) == before

    somebodys.wipe()
    await copy_graph(tmp_path / "copy", somebodys.graph)
    assert somebodys.run(THEIRS) == before
    somebodys.wipe()
    assert somebodys.run(THEIRS) == before


async def test_what_is_declared_is_named_as_ours_and_constrains_nothing_but_uniqueness(somebodys: Server) -> None:
    await (await open_store(somebodys.graph)).close()
    ours = [row for row in somebodys.run(SCHEMA) if row["name"] != "invoice_number"]

    assert {row["name"].partition("_")[0] for row in [*ours, *somebodys.run(INDEXES)]} == {"remembrancer", "invoice"}
    assert {row["type"] for row in ours} == {"UNIQUENESS"}


@pytest.fixture
def guest(neo4j_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A user of our own, who is no administrator in name, with the password in a file: the URI to come in by."""
    secret = tmp_path / "secret"
    secret.write_text("a secret/of @ours\n", "utf-8")
    with neo4j_server.driver.session(database="system") as system:
        system.run(
            "CREATE USER remembrancer_guest IF NOT EXISTS SET PASSWORD $secret CHANGE NOT REQUIRED",
            {"secret": secret.read_text("utf-8").strip()},
        ).consume()
    monkeypatch.setenv("REMEMBRANCER_NEO4J_PASSWORD_FILE", str(secret))
    monkeypatch.delenv("REMEMBRANCER_NEO4J_PASSWORD", raising=False)
    yield f"bolt://{quote('remembrancer_guest')}@{neo4j_server.uri.partition('://')[2]}/{neo4j_server.database}"
    with neo4j_server.driver.session(database="system") as system:
        system.run("DROP USER remembrancer_guest IF EXISTS").consume()


def system_of(server: Server) -> list[dict[str, Any]]:
    """Users and databases, as the server keeps them."""
    with server.driver.session(database="system") as system:
        users = system.run("SHOW USERS YIELD user, passwordChangeRequired, suspended RETURN *").data()
        return users + system.run("SHOW DATABASES YIELD name, currentStatus RETURN *").data()


async def test_a_user_of_its_own_with_its_password_in_a_file_does_everything_in_its_database_alone(
    neo4j_server: Server, guest: str, life: type[Life]
) -> None:
    before = system_of(neo4j_server)
    lived = life(guest, 4)
    await lived.live(1)
    service = TaskSchedulerService(guest, lived.clock)
    async with ManualScheduler(service, lived.clock):
        assert (await service.prune(0)).executions > 0

    assert system_of(neo4j_server) == before


async def test_a_schema_that_somebody_else_has_made_is_taken_as_it_is(neo4j_server: Server, guest: str) -> None:
    for statement in neo4j_schema():
        neo4j_server.run(statement)
    neo4j_server.run("DROP INDEX remembrancer_deferred_task_id")
    declared = neo4j_server.run(INDEXES)
    try:
        async with TaskSchedulerService(guest) as service:
            await service.schedule_task("A", "b", "p", "t", schedule_cron="0 0 * * *")
        assert neo4j_server.run(INDEXES) == declared
    finally:
        for statement in neo4j_schema():
            neo4j_server.run(statement)
    assert len(neo4j_server.run(INDEXES)) == len(declared) + 1
