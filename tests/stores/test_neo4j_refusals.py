"""What a server refuses is told with what is in the way and the way out; and it stops nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, LiteralString

import pytest
from bolt_proxy import BoltProxy
from planned import plan

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.errors import ForeignConstraint, GraphUnavailable, GraphUnreachable, ServerTooOld
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.filters import TaskFilter
from remembrancer.ports.writes import Lease, Settlement
from remembrancer_schema.catalog import migrations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.graph.bundle import ConnectedGraph

    MakeTask = Callable[..., ScheduledTask]

pytestmark = pytest.mark.neo4j
LIMIT = 60


@pytest.fixture
async def store(neo4j_server: Server) -> AsyncIterator[ConnectedGraph]:
    store = await open_store(neo4j_server.graph)
    yield store
    await store.close()


@contextlib.contextmanager
def foreign_constraint(server: Server, label: LiteralString, key: LiteralString) -> Iterator[None]:
    """A constraint that somebody else has declared."""
    server.run(f"CREATE CONSTRAINT theirs FOR (n:{label}) REQUIRE n.{key} IS UNIQUE")
    try:
        yield
    finally:
        server.run("DROP CONSTRAINT theirs")


@pytest.fixture
def bare(neo4j_server: Server) -> Iterator[Server]:
    """A server without our schema, which gets it back afterwards."""

    def strip() -> None:
        neo4j_server.wipe()
        for row in neo4j_server.run("SHOW CONSTRAINTS YIELD name"):
            neo4j_server.run(f"DROP CONSTRAINT `{row['name']}`")
        for row in neo4j_server.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'"):
            neo4j_server.run(f"DROP INDEX `{row['name']}`")

    strip()
    yield neo4j_server
    strip()
    for step in migrations("neo4j"):
        for statement in step.statements:
            neo4j_server.run(statement)


async def test_a_foreign_constraint_on_tasks_is_named_at_once(neo4j_server: Server) -> None:
    asked = ScheduleRequest("Twin", "goal", "prompt", "thought_1", "2099-01-01T00:00:00Z")
    service = TaskSchedulerService(neo4j_server.graph)
    await service.open()
    with foreign_constraint(neo4j_server, "scheduled_task", "name"):
        await service.schedule_tasks([asked])
        with pytest.raises(ForeignConstraint, match=r"name of scheduled_task.*'Twin'.*Drop the constraint") as refused:
            await asyncio.wait_for(service.schedule_tasks([asked]), LIMIT)
    await service.close()

    assert "holds" not in str(refused.value)
    assert neo4j_server.run("MATCH (t:scheduled_task) RETURN count(t) AS n") == [{"n": 1}]


async def test_what_a_foreign_constraint_refuses_is_left_alone(
    store: ConnectedGraph, neo4j_server: Server, a_task: MakeTask, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = [a_task(trigger_prompt=f"prompt {place}") for place in range(12)]
    await store.tasks.create(tasks)
    with foreign_constraint(neo4j_server, "task_execution", "task_id"):
        taken = tasks[5].task_id
        neo4j_server.run("CREATE (:task_execution {execution_id: 'theirs', task_id: $id})", id=taken)
        claims = [plan(task, to_ms(now), "replica_a") for task in tasks]
        won = await asyncio.wait_for(store.queue.claim(claims, Lease("lease_a", "replica_a", now)), LIMIT)
        assert {each.task_id for each in won} == {task.task_id for task in tasks} - {taken}
        assert "task_id of task_execution" in caplog.text
        assert taken in caplog.text
        again = await asyncio.wait_for(store.queue.claim([claims[5]], Lease("lease_b", "replica_a", now)), LIMIT)
        assert again == []


async def test_an_outcome_against_a_foreign_constraint_fails_alone(
    store: ConnectedGraph, neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    tasks = [a_task() for _ in range(6)]
    await store.tasks.create(tasks)
    won = await store.queue.claim(
        [plan(task, to_ms(now), "replica_a") for task in tasks], Lease("lease_a", "replica_a", now)
    )
    outcomes = [
        Settlement(each, ExecutionStatus.COMPLETED, now, 1.0, result=f"result {place % 5}")
        for place, each in enumerate(won)
    ]
    with foreign_constraint(neo4j_server, "task_execution", "result"):
        with pytest.raises(ForeignConstraint, match=r"result of task_execution"):
            await asyncio.wait_for(store.queue.settle(outcomes), LIMIT)
        ended = [each for each in await store.tasks.history(None, 10) if each.status is ExecutionStatus.COMPLETED]
        assert len(ended) == 5
    assert await store.queue.settle(outcomes) == [True] * 6


async def test_a_server_that_is_too_old_is_left_as_it_is(bare: Server) -> None:
    async with BoltProxy(bare.graph) as proxy:
        agent = _agent(bare)
        proxy.rewritten = (agent, re.sub(rb"/.{4}", b"/5.20", agent))
        with pytest.raises(ServerTooOld, match=r"Neo4j/5\.20.* needs Neo4j 5\.26 or newer"):
            await open_store(proxy.graph)

    assert bare.run("SHOW CONSTRAINTS YIELD name") == []
    assert bare.run("MATCH (n:remembrancer_graph) RETURN n") == []


def _agent(server: Server) -> bytes:
    with server.driver.session(database=server.database) as session:
        return session.run("RETURN 1").consume().server.agent.encode()


async def test_an_index_where_a_constraint_has_to_be_is_named(bare: Server) -> None:
    bare.run("CREATE INDEX theirs FOR (n:scheduled_task) ON (n.task_id)")
    with pytest.raises(
        GraphUnavailable, match=r"\(:scheduled_task \{task_id\}\).*drop that one, and start again"
    ) as told:
        await open_store(bare.graph)

    assert "does not answer" not in str(told.value)
    bare.run("DROP INDEX theirs")
    await (await open_store(bare.graph)).close()


async def test_a_name_of_ours_that_is_taken_is_named(bare: Server) -> None:
    """The server says nothing of it: IF NOT EXISTS asks for the name as well."""
    bare.run("CREATE CONSTRAINT remembrancer_dedup_key FOR (n:Invoice) REQUIRE n.number IS UNIQUE")
    with pytest.raises(GraphUnavailable, match=r"`remembrancer_dedup_key`.*scheduled_task\.dedup_key.*start again"):
        await open_store(bare.graph)
    bare.run("DROP CONSTRAINT remembrancer_dedup_key")
    bare.run("CREATE INDEX remembrancer_dedup_key FOR (n:Invoice) ON (n.number)")
    with pytest.raises(GraphUnavailable, match=r"remembrancer_dedup_key.*has a name that remembrancer needs"):
        await open_store(bare.graph)
    bare.run("DROP INDEX remembrancer_dedup_key")
    await (await open_store(bare.graph)).close()


async def test_nodes_that_are_against_a_constraint_are_named(bare: Server) -> None:
    bare.run("CREATE (:scheduled_task {task_id: 'twin'}), (:scheduled_task {task_id: 'twin'})")
    with pytest.raises(GraphUnavailable, match=r"(?s)'twin'.*change or delete them, and start again"):
        await open_store(bare.graph)


async def test_a_constraint_of_another_name_is_as_good(bare: Server, a_task: MakeTask) -> None:
    bare.run("CREATE CONSTRAINT theirs FOR (n:scheduled_task) REQUIRE n.task_id IS UNIQUE")
    store = await open_store(bare.graph)
    await store.tasks.create([task := a_task()])
    assert await store.tasks.get(task.task_id) == task
    await store.close()


async def test_a_server_without_tls_is_told_from_one_that_is_away(neo4j_server: Server) -> None:
    with pytest.raises(GraphUnavailable, match=r"No encrypted connection.*bolt:// or neo4j://") as told:
        await open_store(neo4j_server.graph.replace("bolt://", "bolt+s://"))

    assert not isinstance(told.value, GraphUnreachable)


async def test_serve_waits_for_a_server_that_is_not_there_yet(neo4j_server: Server, tmp_path: Path) -> None:
    async with BoltProxy(neo4j_server.graph) as proxy:
        await proxy.down()
        serving = await _serve(proxy.graph, tmp_path)
        await _until(serving.stderr, b"does not answer")
        await proxy.up()
        await _until(serving.stdout, b"Serving")
        serving.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(serving.wait(), LIMIT) == 0
    store = await open_store(neo4j_server.graph)
    assert await store.tasks.find(TaskFilter()) == []
    await store.close()


async def test_serve_does_not_wait_for_a_password_to_become_right(neo4j_server: Server, tmp_path: Path) -> None:
    wrong = neo4j_server.graph.replace(neo4j_server.password, "wrong")
    serving = await _serve(wrong, tmp_path)

    _, told = await asyncio.wait_for(serving.communicate(), LIMIT)
    assert serving.returncode != 0
    assert b"does not let in" in told


async def _serve(graph: str, folder: Path) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "remembrancer", "serve", "--graph", graph, "--no-rest"]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=pipe, env=os.environ)


async def _until(stream: asyncio.StreamReader | None, words: bytes) -> None:
    assert stream
    async with asyncio.timeout(LIMIT):
        while words not in await stream.readline():
            assert not stream.at_eof()
