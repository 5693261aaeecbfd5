"""Migrations of a graph, with a second one as a next version would bring it; and graphs from before the first."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from remembrancer import TaskSchedulerService, check_graph, copy_graph
from remembrancer.bootstrap import open_store
from remembrancer.errors import GraphTooOld, GraphUnavailable
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.files.directory import close_folder, database_path, open_folder
from remembrancer_schema.catalog import migrations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.stores.embedded.arcadedb import Database

    AddMigration = Callable[[str, str], None]
    MakeTask = Callable[..., ScheduledTask]
    Reopen = Callable[[], Awaitable[Graph]]
    Run = Callable[[str], list[dict[str, Any]]]

SQL = (
    "CREATE PROPERTY thought.mood IF NOT EXISTS STRING;\n"
    "CREATE INDEX IF NOT EXISTS ON thought (mood) NOTUNIQUE NULL_STRATEGY SKIP;\n"
)
CYPHER = "CREATE INDEX remembrancer_mood IF NOT EXISTS FOR (n:thought) ON (n.mood);\n"
OLD_TYPES = (
    "CREATE VERTEX TYPE remembrancer_graph",
    "CREATE PROPERTY remembrancer_graph.marker STRING",
    "CREATE INDEX ON remembrancer_graph (marker) UNIQUE",
    "CREATE VERTEX TYPE scheduled_task",
    "CREATE PROPERTY scheduled_task.listing STRING",
    "CREATE INDEX ON scheduled_task (listing) NOTUNIQUE NULL_STRATEGY SKIP",
    "CREATE VERTEX TYPE scheduler_counter",
)
OLD_NODES = (
    "CREATE (:remembrancer_graph {{marker: 'remembrancer', graph_id: '{id}', version: {version}}}), "
    "(:scheduled_task {{task_id: 'task_1', status: 'PENDING', listing: 'PENDING|one_time|task_1', "
    "created_through: 'service'}}), (:scheduler_counter {{counter_id: 'embedded', tasks_created: 1}})"
)
ALL = "MATCH (n) WHERE NOT n:remembrancer_tests RETURN labels(n) AS labels, properties(n) AS properties ORDER BY labels"


@pytest.fixture
def old_graph(graph: str, request: pytest.FixtureRequest) -> Iterator[Run]:
    """Take the place of `graph`: give a function that runs a query on it while it is closed."""
    if "://" not in graph:
        yield lambda text: in_folder(Path(graph), text)
        return
    server: Server = request.getfixturevalue("neo4j_server")
    yield server.run  # pyright: ignore[reportArgumentType]
    server.run("MATCH (n:scheduler_counter) DELETE n")


@pytest.fixture(autouse=True)
def _no_index_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    server = request.getfixturevalue("neo4j_server") if request.node.get_closest_marker("neo4j") else None
    yield
    if server is not None:
        server.run("DROP INDEX remembrancer_mood IF EXISTS")


def in_folder(folder: Path, text: str) -> list[dict[str, Any]]:
    """Run a query on a folder that nobody has open; a new one gets the types of a graph from before the release."""
    is_new = not folder.exists()
    opened = open_folder(load_engine(), folder)
    database: Database = opened.database
    for statement in OLD_TYPES if is_new else ():
        database.command("sql", statement)
    with database.transaction():
        found = database.command("opencypher", text).to_list()
    close_folder(opened)
    return found


async def version_of(store: Graph) -> int:
    (row,) = await store.query("MATCH (g:remembrancer_graph) RETURN g.schema_version AS version")
    version = row["version"]
    assert isinstance(version, int)
    return version


async def missing_indexes(store: Graph) -> list[str]:
    return await store._connection.missing_indexes()  # pyright: ignore[reportAttributeAccessIssue]


async def test_a_graph_gets_the_migrations_that_it_lacks(
    reopen: Reopen, add_migration: AddMigration, a_task: MakeTask
) -> None:
    store = await reopen()
    await store.tasks.create([task := a_task()])
    before = await version_of(store)
    add_migration(SQL, CYPHER)
    lacking = await missing_indexes(store)
    store = await reopen()

    assert (before, await version_of(store)) == (1, 2)
    assert [name.endswith("thought.mood") for name in lacking] == [True]
    assert await missing_indexes(store) == []
    assert await store.tasks.get(task.task_id) == task


async def test_a_new_graph_gets_every_migration(reopen: Reopen, add_migration: AddMigration) -> None:
    add_migration(SQL, CYPHER)
    store = await reopen()

    assert (await version_of(store), await missing_indexes(store)) == (2, [])


async def test_a_migration_that_broke_off_is_applied_again(
    graph: str, reopen: Reopen, add_migration: AddMigration
) -> None:
    await (await open_store(graph)).close()
    add_migration(SQL + "CREATE INDEX ON nothing;\n", CYPHER + "CREATE INDEX ON nothing;\n")
    for _ in range(2):
        with pytest.raises(GraphUnavailable):
            await open_store(graph)
    add_migration(SQL, CYPHER)
    store = await reopen()

    assert (await version_of(store), await missing_indexes(store)) == (2, [])


async def test_a_creation_that_was_killed_is_completed(tmp_path: Path) -> None:
    engine, (first, *_) = load_engine(), migrations("embedded")
    database = engine.create_database(str(database_path(tmp_path / "begun")))
    database.begin()
    for statement in first.statements[:-10]:
        database.command("sql", statement)
    shutil.copytree(tmp_path / "begun", tmp_path / "killed")
    database.rollback()
    database.close()
    store = await open_store(tmp_path / "killed")

    assert (await version_of(store), await missing_indexes(store)) == (1, [])
    await store.close()
    assert list((await check_graph(tmp_path / "killed")).findings) == []


@pytest.mark.neo4j
async def test_several_schedulers_may_migrate_a_graph_at_once(
    neo4j_server: Server, add_migration: AddMigration
) -> None:
    await (await open_store(neo4j_server.graph)).close()
    add_migration(SQL, CYPHER)
    stores = await asyncio.gather(*(open_store(neo4j_server.graph) for _ in range(4)))
    versions = [await version_of(store) for store in stores]
    await asyncio.gather(*(store.close() for store in stores))

    assert versions == [2] * 4


@pytest.mark.parametrize("version", [1, 6])
async def test_a_graph_from_before_the_release_is_refused(
    graph: str, old_graph: Run, version: int, tmp_path: Path
) -> None:
    await asyncio.to_thread(old_graph, OLD_NODES.format(id=uuid4().hex, version=version))
    before = await asyncio.to_thread(old_graph, ALL)
    uses: dict[str, Callable[[], Awaitable[object]]] = {
        "work": lambda: open_store(graph),
        "serve": lambda: TaskSchedulerService(graph).open(),
        "copy from": lambda: copy_graph(graph, tmp_path / "target"),
        "copy to": lambda: copy_graph(tmp_path / "source", graph),
        "check": lambda: check_graph(graph),
    }
    await (await open_store(tmp_path / "source")).close()
    for use in uses.values():
        with pytest.raises(GraphTooOld, match=r"before the first release.*Nothing was changed.*list --all --json"):
            await use()

    assert await asyncio.to_thread(old_graph, ALL) == before
    assert len(before) >= 3  # a server keeps what other tests left
