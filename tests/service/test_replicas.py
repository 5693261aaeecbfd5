"""Several schedulers on one graph, each with its share; and what becomes of them when the graph is not what it was."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

import pytest
from bolt_proxy import BoltProxy

from remembrancer import Firing, ScheduleRequest, SchedulerOptions, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.engine.clock import SystemTime
from remembrancer.model.ids import shard_of
from remembrancer.model.replica import Replica
from remembrancer.stores.neo4j import connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from neo4j_server import Server

GENEROUS = 120.0
"""Seconds that a busy machine may take; shorter than INTERVAL, in which the checker by itself finds nothing here."""
INTERVAL = 3600.0
HEARD = 8.0
"""Seconds ahead at which a task is left to whose share it is in, however long a busy machine takes to schedule it."""
NO_HELP = SchedulerOptions(work_stealing_delay_seconds=3600)

on_neo4j = pytest.mark.neo4j


async def until(condition: Callable[[], object]) -> None:
    """Return when *condition()* holds."""
    async with asyncio.timeout(GENEROUS):
        while not condition():  # noqa: ASYNC110 (what it looks at is not ours to announce)
            await asyncio.sleep(0.02)


def seen(service: TaskSchedulerService) -> int:
    """How many replicas the service knows to be alive."""
    return len(service.get_status().replication.replicas)


async def started(
    stack: AsyncExitStack, graph: str, count: int, options: SchedulerOptions
) -> list[TaskSchedulerService]:
    """Start services that know one another."""
    services = [
        await stack.enter_async_context(TaskSchedulerService(graph, None, INTERVAL, lambda _: None, options=options))
        for _ in range(count)
    ]
    await until(lambda: all(seen(each) == count for each in services))
    return services


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def many(count: int, moment: datetime) -> list[ScheduleRequest]:
    return [ScheduleRequest(f"task {place}", "goal", "prompt", "thought", moment) for place in range(count)]


async def all_ran(service: TaskSchedulerService, count: int) -> dict[str, str]:
    """Wait until so many tasks have completed; return which replica ran each."""
    async with asyncio.timeout(GENEROUS):
        while True:
            history = [each for each in await service.history(limit=1000) if each.status == "completed"]
            if len(history) >= count:
                return {each.task_id: each.replica_id for each in history}
            await asyncio.sleep(0.05)


@on_neo4j
async def test_each_replica_serves_its_share_of_what_others_schedule(
    neo4j_server: Server,
) -> None:
    async with AsyncExitStack() as stack:
        services = await started(stack, neo4j_server.graph, 2, NO_HELP)
        replies = await services[0].schedule_tasks(many(20, soon(HEARD)))
        ran = await all_ran(services[0], 20)

        owner = {
            shard: service.get_status().replication.replica_id
            for service in services
            for shard in service._process.scheduler.membership.assignments[0].shards or ()  # pyright: ignore[reportOptionalMemberAccess]
        }
        assert ran == {reply.task_id: owner[shard_of(reply.task_id)] for reply in replies}
        assert len(set(ran.values())) == 2
        assert [each.get_status().replication.claims_lost for each in services] == [0, 0]


@on_neo4j
async def test_a_task_due_at_once_is_served_where_it_was_scheduled(neo4j_server: Server) -> None:
    async with AsyncExitStack() as stack:
        services = await started(stack, neo4j_server.graph, 2, NO_HELP)
        for service in services:
            replies = await service.schedule_tasks(many(10, soon(0)))
            ran = await all_ran(service, 10 if service is services[0] else 20)
            assert {ran[reply.task_id] for reply in replies} == {service.get_status().replication.replica_id}


@on_neo4j
async def test_a_task_of_a_late_replica_is_served_by_another(neo4j_server: Server) -> None:
    store = await open_store(neo4j_server.graph)
    now = datetime.now(UTC)
    frozen = Replica(replica_id="replica_frozen", started_at=now, heartbeat_at=now, host="host", pid=1, version="0.1.0")
    await store.replicas.heartbeat(frozen)
    await store.close()
    delay = timedelta(seconds=0.5)
    options = SchedulerOptions(work_stealing_delay_seconds=delay.total_seconds())
    async with TaskSchedulerService(neo4j_server.graph, None, INTERVAL, lambda _: None, options=options) as service:
        assert seen(service) == 2
        replies = await service.schedule_tasks(many(20, soon(HEARD)))
        await all_ran(service, 20)
        mine = service._process.scheduler.membership.assignments[0].shards  # pyright: ignore[reportOptionalMemberAccess]
        assert mine
        late = {each.task_id: each.triggered_at - each.nominal_at for each in await service.history()}
        others = [reply.task_id for reply in replies if shard_of(reply.task_id) not in mine]
        assert others
        assert all(late[task_id] >= delay for task_id in others)
        assert service._process.scheduler.ticks < 1000  # pyright: ignore[reportOptionalMemberAccess]


async def test_who_stops_signs_off_and_who_died_long_ago_is_forgotten(graph: str) -> None:
    store = await open_store(graph)
    then = datetime(2026, 1, 1, tzinfo=UTC)
    dead = Replica(replica_id="replica_dead", started_at=then, heartbeat_at=then, host="host", pid=1, version="0.1.0")
    await store.replicas.heartbeat(dead)
    await store.close()
    async with TaskSchedulerService(graph) as service:
        told = service.get_status().replication
        assert [each.replica_id for each in told.replicas] == [told.replica_id]
        rows = await service.cypher("MATCH (p:scheduler_replica) RETURN p.replica_id AS id, p.pid AS pid")
        assert rows == [{"id": told.replica_id, "pid": told.replicas[0].pid}]
    store = await open_store(graph)
    assert (await store.replicas.snapshot()).replicas == ()
    await store.close()


@on_neo4j
async def test_a_replica_with_a_wrong_clock_goes_by_the_servers(neo4j_server: Server) -> None:
    """Five minutes ahead it fires nothing early and takes no live lease; five behind it loses none of its own."""
    begun, finish = asyncio.Event(), asyncio.Event()
    fired: list[tuple[datetime, datetime]] = []

    async def handle(firing: Firing) -> None:
        fired.append((firing.execution.nominal_at, datetime.now(UTC)))
        begun.set()
        await finish.wait()

    def wrong(minutes: float) -> TaskSchedulerService:
        clock = SystemTime(lambda: datetime.now(UTC) + timedelta(minutes=minutes))
        return TaskSchedulerService(neo4j_server.graph, clock, INTERVAL, handle)

    async with wrong(5) as ahead, wrong(-5) as behind:
        offsets = [each.get_status().replication.clock_offset_seconds for each in (ahead, behind)]
        assert offsets == [pytest.approx(-300, abs=30), pytest.approx(300, abs=30)]
        await asyncio.gather(*(each.schedule_tasks(many(1, soon(1.5))) for each in (ahead, behind)))
        await until(lambda: len(fired) == 2)
        assert all(real >= nominal - timedelta(seconds=30) for nominal, real in fired)
        assert await ahead.recover() == 0
        await until(lambda: seen(ahead) == seen(behind) == 2)
        finish.set()
        await all_ran(ahead, 2)
        assert [each.attempt for each in await ahead.history()] == [1, 1]


SPOILED: dict[str, tuple[LiteralString, str]] = {
    "wiped": ("", "has been wiped"),
    "another": ("MATCH (g:remembrancer_graph) SET g.graph_id = 'of another'", "Another graph"),
    "set back": (
        "MATCH (p:scheduler_replica) SET p.heartbeat_at = p.heartbeat_at - duration('PT1H')",
        "set back to an earlier state",
    ),
    "set back to before its start": ("MATCH (p:scheduler_replica) DELETE p", "set back to an earlier state"),
}


@on_neo4j
@pytest.mark.parametrize("what", SPOILED)
async def test_a_replaced_graph_is_reported_and_the_scheduler_goes_on(
    neo4j_server: Server, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoil, told = SPOILED[what]
    async with TaskSchedulerService(neo4j_server.graph, None, INTERVAL, lambda _: None) as service:
        await service.schedule_tasks(many(3, soon(3600)))
        before = service.get_status()
        assert before.is_healthy
        if what == "wiped":
            neo4j_server.wipe()
        else:
            neo4j_server.run(spoil)
        await until(lambda: not service.get_status().is_healthy)
        assert told in (service.get_status().last_error or "")
        await until(lambda: service.get_status().is_healthy)

        after = service.get_status()
        assert (after.replication.graph_id == before.replication.graph_id) == what.startswith("set back")
        assert after.active_tasks == (0 if what == "wiped" else 3)
        await service.schedule_tasks(many(1, soon(0)))
        await all_ran(service, 1)
        assert len(await service.cypher("MATCH (g:remembrancer_graph) RETURN g.graph_id")) == 1
        assert len(await service.cypher("MATCH (p:scheduler_replica) RETURN p.replica_id")) == 1
    said = [record.getMessage() for record in caplog.records]
    assert len([each for each in said if told in each and not each.startswith("A tick failed")]) == 1


@on_neo4j
async def test_the_service_is_not_healthy_without_its_graph(
    neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        BoltProxy(neo4j_server.graph) as proxy,
        TaskSchedulerService(proxy.graph, None, INTERVAL, lambda _: None) as service,
    ):
        assert await service.is_healthy()
        await proxy.down()
        with monkeypatch.context() as while_down:
            while_down.setattr(connection, "_RETRY_SECONDS", 0.2)
            await until(lambda: not service.get_status().is_healthy)
            assert "does not answer" in (service.get_status().last_error or "")
        await proxy.up()
        await until(lambda: service.get_status().is_healthy)
