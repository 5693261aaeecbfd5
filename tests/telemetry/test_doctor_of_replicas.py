"""The doctor where no scheduler runs here, and where the graph cannot be written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import neo4j_jars
import pytest

from remembrancer import TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.engine.clock import SystemTime
from remembrancer.model.replica import Replica
from remembrancer.operations.diagnostics.checks import Severity
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neo4j_server import Server

    from remembrancer.operations.diagnostics.checks import CheckResult


async def said(service: TaskSchedulerService, check: str) -> CheckResult:
    return {each.check: each for each in await service.examine()}[check]


async def test_a_task_that_is_due_with_no_scheduler_is_critical(clock: VirtualClock) -> None:
    service = TaskSchedulerService(":memory:", clock)
    async with ManualScheduler(service, clock):
        await service.schedule_task("One", "g", "p", "thought", clock.now() + timedelta(seconds=1))
        assert (await said(service, "service")).health is Severity.WARN
        clock.advance(timedelta(seconds=2))
        told = await said(service, "service")

    assert (told.health, told.saw) == (Severity.CRITICAL, "due tasks: 1; no scheduler is running")


@pytest.mark.neo4j
async def test_whether_a_scheduler_elsewhere_is_alive_is_told(neo4j_server: Server) -> None:
    service = TaskSchedulerService(neo4j_server.graph, SystemTime())
    await service.open()
    nothing_due = await said(service, "service")
    await service.schedule_task("One", "g", "p", "thought", datetime.now(UTC) + timedelta(seconds=-1))
    deserted = await said(service, "service")
    store = await open_store(neo4j_server.graph)
    now = datetime.now(UTC)
    other = Replica(replica_id="other", started_at=now, heartbeat_at=now, host="host", pid=7, version="1")
    await store.replicas.heartbeat(other)
    served = await said(service, "service")
    await store.replicas.heartbeat(other.model_copy(update={"heartbeat_at": now - timedelta(minutes=5)}))
    gone = await said(service, "service")
    await store.close()
    await service.close()

    assert nothing_due.health is Severity.WARN
    assert [each.health for each in (deserted, served, gone)] == [Severity.CRITICAL, Severity.OK, Severity.CRITICAL]
    assert "no scheduler is running" in deserted.saw
    assert "last heartbeat" in served.saw


@pytest.fixture
def own_server() -> Iterator[neo4j_jars.JarServer]:
    """A server of its own, whose configuration may be changed."""
    try:
        server = neo4j_jars.begin(lambda _: None)
    except neo4j_jars.CannotStart as cannot:
        pytest.skip(f"NOT TESTED: no Neo4j of its own can be had: {cannot}")
    yield server
    server.remove()


@pytest.mark.neo4j
async def test_a_database_that_cannot_be_written_is_critical(own_server: neo4j_jars.JarServer) -> None:
    graph = f"bolt://{own_server.user}:{own_server.password}@{own_server.uri.partition('://')[2]}/neo4j"
    async with TaskSchedulerService(graph) as service:
        assert (await said(service, "database")).numbers["writable"] == 1
    own_server.stop()
    with (own_server.folder / "conf" / "neo4j.conf").open("a", encoding="utf-8") as configuration:
        configuration.write("server.databases.default_to_read_only=true\n")
    own_server.start()
    service = TaskSchedulerService(graph)
    await service.open()
    told = await said(service, "database")
    await service.close()

    assert told.health is Severity.CRITICAL
    assert "the graph cannot be written" in told.saw
    assert told.numbers["writable"] == 0
