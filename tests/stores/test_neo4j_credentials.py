"""A password that is changed while schedulers are at work: it is read again, and no old one locks the right one out."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import neo4j
import pytest
from bolt_proxy import BoltProxy
from neo4j.exceptions import Neo4jError

from remembrancer.bootstrap import open_store
from remembrancer.errors import GraphAccessDenied
from remembrancer.stores.neo4j import credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

    MakeTask = Callable[..., ScheduledTask]

pytestmark = pytest.mark.neo4j
LIMIT = 60
USER = "rotating"
OLD, NEW = "the-old-password", "the-new-password"


class Rotation:
    """A user of its own, whose password is in a file."""

    def __init__(self, server: Server, file: Path) -> None:
        self.server = server
        self.file = file
        self.change(OLD)
        self.file.write_text(OLD, "utf-8")

    def change(self, password: str) -> None:
        """Give the user another password, on the server."""
        with self.server.driver.session(database="system") as session:
            create = "CREATE OR REPLACE USER rotating SET PLAINTEXT PASSWORD $password CHANGE NOT REQUIRED"
            session.run(create, password=password).consume()

    def works(self, password: str) -> bool:
        """Whether somebody else gets in by it just now."""
        with neo4j.GraphDatabase.driver(self.server.uri, auth=(USER, password)) as driver:
            try:
                driver.verify_connectivity()
            except Neo4jError:
                return False
            return True


@pytest.fixture
def rotation(neo4j_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rotation]:
    file = tmp_path / "password"
    monkeypatch.setenv("REMEMBRANCER_NEO4J_USER", USER)
    monkeypatch.setenv("REMEMBRANCER_NEO4J_PASSWORD_FILE", str(file))
    monkeypatch.delenv("NEO4J_PASSWORD", raising=False)
    yield Rotation(neo4j_server, file)
    with neo4j_server.driver.session(database="system") as session:
        session.run("DROP USER rotating IF EXISTS").consume()


@pytest.fixture
async def proxy(rotation: Rotation) -> AsyncIterator[BoltProxy]:
    async with BoltProxy(f"{rotation.server.uri}/{rotation.server.database}") as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: BoltProxy) -> AsyncIterator[Graph]:
    store = await open_store(proxy.graph.replace("bolt://@", "bolt://"))
    yield store
    await store.close()


async def reconnect(proxy: BoltProxy) -> None:
    """Break all connections: those that come must log in."""
    await proxy.down()
    await proxy.up()


async def test_a_changed_password_is_read_from_its_file_again(
    store: Graph, proxy: BoltProxy, rotation: Rotation, a_task: MakeTask
) -> None:
    await store.tasks.create([task := a_task()])
    await asyncio.to_thread(rotation.change, NEW)
    rotation.file.write_text(f"{NEW}\n", "utf-8")
    await reconnect(proxy)

    await asyncio.wait_for(store.tasks.create([a_task()]), LIMIT)
    assert await asyncio.wait_for(store.tasks.get(task.task_id), LIMIT) == task


async def test_an_old_password_locks_nobody_out(
    store: Graph, proxy: BoltProxy, rotation: Rotation, a_task: MakeTask
) -> None:
    await store.tasks.create([task := a_task()])
    await asyncio.to_thread(rotation.change, NEW)
    await reconnect(proxy)
    let_in: list[bool] = []
    refused: set[type] = set()
    give_up_at = time.monotonic() + 2.5 * credentials._TRY_EVERY_SECONDS
    while time.monotonic() < give_up_at or len(let_in) <= 3:
        asked = [store.tasks.get(task.task_id) for _ in range(10)] + [store.query("RETURN 1")]
        answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), LIMIT)
        refused |= {type(each) for each in answers}
        let_in.append(await asyncio.to_thread(rotation.works, NEW))
        await asyncio.sleep(0.2)

    assert refused == {GraphAccessDenied}
    assert all(let_in)
    rotation.file.write_text(NEW, "utf-8")
    assert await asyncio.wait_for(store.tasks.get(task.task_id), LIMIT) == task


async def test_a_password_that_the_server_takes_again_is_used_again(
    store: Graph, proxy: BoltProxy, rotation: Rotation, a_task: MakeTask
) -> None:
    await store.tasks.create([task := a_task()])
    await asyncio.to_thread(rotation.change, NEW)
    await reconnect(proxy)
    with pytest.raises(GraphAccessDenied):
        await store.tasks.get(task.task_id)
    await asyncio.to_thread(rotation.change, OLD)

    async def until_all_are_let_in() -> None:
        while True:
            asked = [store.query("RETURN 1 AS one") for _ in range(5)]
            if await asyncio.gather(*asked, return_exceptions=True) == [[{"one": 1}]] * 5:
                return
            await asyncio.sleep(0.5)

    await asyncio.wait_for(until_all_are_let_in(), LIMIT)
    assert await store.tasks.get(task.task_id) == task


async def test_old_connections_stay_in_use_while_new_ones_are_refused(
    store: Graph, rotation: Rotation, a_task: MakeTask
) -> None:
    await store.tasks.create([task := a_task()])
    await asyncio.to_thread(rotation.change, NEW)
    asked = [store.query("RETURN 1") for _ in range(5)]
    answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), LIMIT)

    assert GraphAccessDenied in {type(each) for each in answers}, "some of them need a new one"
    assert await store.tasks.get(task.task_id) == task
