"""A server that dies under load and comes back: what was acknowledged is there, once, and ran once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import neo4j_jars
import pytest

from remembrancer import Firing, TaskSchedulerService
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neo4j_jars import JarServer

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]


@pytest.fixture
def own_server() -> Iterator[JarServer]:
    """A server that this test may kill."""
    try:
        server = neo4j_jars.begin(lambda _: None)
    except neo4j_jars.CannotStart as cannot:
        pytest.skip(f"NOT TESTED: {cannot}")
    yield server
    server.remove()


async def test_a_killed_server_costs_time_and_nothing_else(own_server: JarServer) -> None:
    graph = f"bolt://{own_server.user}:{quote(own_server.password, safe='')}@127.0.0.1:{own_server.port}/neo4j"
    ran: Counter[str] = Counter()
    kept: list[str] = []
    over = asyncio.Event()

    async def handle(firing: Firing) -> None:
        ran[firing.task.task_id] += 1

    async def load(service: TaskSchedulerService, place: int) -> None:
        while not over.is_set():
            moment = datetime.now(UTC) + timedelta(seconds=0.1)
            try:
                kept.append((await service.schedule_task("T", "g", "p", f"thought_{place}", moment)).task_id)
            except GraphUnavailable:
                await asyncio.sleep(0.1)

    async with TaskSchedulerService(graph, check_interval_seconds=1, handler=handle) as service:
        loads = [asyncio.ensure_future(load(service, place)) for place in range(6)]
        await until(lambda: len(kept) > 50)
        await asyncio.to_thread(own_server.kill)
        await asyncio.to_thread(own_server.start)
        before = len(kept)
        await until(lambda: len(kept) > before + 50)
        over.set()
        await asyncio.gather(*loads)
        await until(lambda: len(ran) >= len(kept))
        await service.idle()

        rows = await service.cypher(
            "MATCH (t:scheduled_task) OPTIONAL MATCH (e:task_execution)-[:EXECUTION_OF]->(t) "
            "RETURN t.task_id AS id, collect(e.status) AS outcomes"
        )
        outcomes = {row["id"]: row["outcomes"] for row in rows}
        assert set(kept) <= set(outcomes)
        assert {task_id: each for task_id, each in outcomes.items() if each != ["completed"]} == {}
        assert {task_id: times for task_id, times in ran.items() if times != 1} == {}
        assert await service.is_healthy()


async def until(condition: Callable[[], bool]) -> None:
    """Return when *condition()* holds; a busy machine may take its time."""
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 (what it looks at is not ours to announce)
            await asyncio.sleep(0.05)
