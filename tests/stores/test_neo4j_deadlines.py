"""Connections that die without a word, and calls that take for ever: each has a deadline, and stops nothing else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from bolt_proxy import BoltProxy, Cut

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.errors import GraphBusy, GraphUnreachable, InvalidInput
from remembrancer.model.query_limits import QueryLimits
from remembrancer.ports.filters import TaskFilter
from remembrancer.stores.commits.lanes import Lane
from remembrancer.stores.neo4j import writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.graph.bundle import ConnectedGraph

    MakeTask = Callable[..., ScheduledTask]

pytestmark = [pytest.mark.neo4j, pytest.mark.lock_limits]
LIMIT = 60
"""Well before a dead connection is found out by the system, in two minutes at the least."""


@pytest.fixture
async def proxy(neo4j_server: Server) -> AsyncIterator[BoltProxy]:
    async with BoltProxy(neo4j_server.graph) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: BoltProxy) -> AsyncIterator[ConnectedGraph]:
    store = await open_store(proxy.graph)
    yield store
    await store.close()


async def schedule(service: TaskSchedulerService, name: str, seconds: float = 0) -> str:
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return (await service.schedule_task(name, "See that it fires", "Now", "thought_dead", defer_until=at)).task_id


async def test_firing_goes_on_when_connections_die_silently(proxy: BoltProxy) -> None:
    fired = asyncio.Event()

    async def handle(_: Firing) -> None:
        fired.set()

    async with TaskSchedulerService(proxy.graph, check_interval_seconds=3600, handler=handle) as service:
        await schedule(service, "soon", 4)
        proxy.fall_silent()
        await asyncio.wait_for(fired.wait(), LIMIT)
        await asyncio.wait_for(schedule(service, "another"), LIMIT)
        for _ in range(3):  # wherever a call is when it happens
            fired.clear()
            await asyncio.wait_for(schedule(service, "again", 1), LIMIT)
            proxy.fall_silent()
            await asyncio.wait_for(fired.wait(), LIMIT)


async def test_leases_are_renewed_when_connections_die_silently(proxy: BoltProxy, neo4j_server: Server) -> None:
    runs: list[str] = []
    ended = asyncio.Event()

    async def work(firing: Firing) -> None:
        runs.append(firing.execution.execution_id)
        proxy.fall_silent()
        await asyncio.sleep(2.5 * options.lease_seconds)
        ended.set()

    options = SchedulerOptions(lease_seconds=15)
    async with (
        TaskSchedulerService(proxy.graph, check_interval_seconds=3600, handler=work, options=options) as service,
        TaskSchedulerService(neo4j_server.graph, check_interval_seconds=3600, handler=work, options=options),
    ):
        at = datetime.now(UTC) + timedelta(seconds=2)
        asked = {"defer_until": at, "on_lost": "retry"}
        task_id = (await service.schedule_task("long", "Run once", "Now", "thought_dead", **asked)).task_id
        await asyncio.wait_for(ended.wait(), LIMIT + 3 * options.lease_seconds)
        async with asyncio.timeout(LIMIT):
            while [each.status for each in await service.history(task_id)] == ["running"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

        assert [each.status for each in await service.history(task_id)] == ["completed"]
    assert len(runs) == 1


async def test_queries_that_take_for_ever_stop_no_firing(proxy: BoltProxy) -> None:
    fired = asyncio.Event()

    async def handle(_: Firing) -> None:
        fired.set()

    async with TaskSchedulerService(proxy.graph, check_interval_seconds=3600, handler=handle) as service:
        proxy.stuck = b"RETURN 'for ever'"
        asking = [asyncio.ensure_future(service.cypher("RETURN 'for ever'")) for _ in range(80)]
        await asyncio.sleep(3)
        await asyncio.wait_for(schedule(service, "now"), LIMIT)
        await asyncio.wait_for(fired.wait(), LIMIT)
        hung = sum(not each.done() for each in asking)
        assert hung >= Lane.USER.value.connections, "they had not ended by then"
        refused = {type(each.exception()) for each in asking if each.done()}
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    assert refused <= {GraphBusy}, "for want of a connection"


async def test_a_query_that_takes_too_long_is_given_up_in_words(proxy: BoltProxy) -> None:
    proxy.stuck = b"RETURN 'for ever'"
    store = await open_store(proxy.graph, limits=QueryLimits(seconds=1))
    with pytest.raises(InvalidInput, match=r"at most 1 seconds .*query_seconds.* request less"):
        await asyncio.wait_for(store.query("RETURN 'for ever'"), LIMIT)
    await store.close()


async def test_a_commit_that_is_not_answered_is_looked_up(
    store: ConnectedGraph, proxy: BoltProxy, a_task: MakeTask
) -> None:
    proxy.cuts = iter([Cut.SILENT])
    await asyncio.wait_for(store.tasks.create([task := a_task()]), 2 * LIMIT)

    assert proxy.cut == 1
    assert [each.task_id for each in await store.tasks.find(TaskFilter())] == [task.task_id]
    assert (
        ((await store.statistics.lifetime()).counts)["tasks_created"] == store.statistics.totals["tasks_created"] == 1
    )


async def test_writes_that_were_never_sent_are_not_in_doubt(
    store: ConnectedGraph, proxy: BoltProxy, a_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOOK_UP_SECONDS", 600.0)
    proxy.cuts, proxy.down_after_a_cut = iter([Cut.AFTER]), True
    in_doubt = asyncio.ensure_future(store.tasks.create([first := a_task()]))
    while proxy.cut == 0:
        await asyncio.wait({in_doubt}, timeout=0.05)
    for _ in range(3):
        with pytest.raises(GraphUnreachable):
            await asyncio.wait_for(store.tasks.create([a_task()]), LIMIT)
        assert not in_doubt.done()
    many = await asyncio.wait_for(
        asyncio.gather(*(store.tasks.create([a_task()]) for _ in range(20)), return_exceptions=True), LIMIT
    )
    assert {type(each) for each in many} == {GraphUnreachable}
    await proxy.up()
    await asyncio.wait_for(in_doubt, LIMIT)

    assert [each.task_id for each in await store.tasks.find(TaskFilter())] == [first.task_id]


def test_a_forked_process_is_told_that_the_graph_is_not_its_own(neo4j_server: Server) -> None:
    program = """
import asyncio, os, sys
from remembrancer.bootstrap import open_store
from remembrancer.errors import GraphUnavailable
from remembrancer.model.query_limits import QueryLimits
from remembrancer.ports.filters import TaskFilter

async def ask(store):
    try:
        return len(await store.tasks.find(TaskFilter()))
    except GraphUnavailable as refused:
        return str(refused)

async def main():
    store = await open_store(sys.argv[1])
    assert await ask(store) == 0
    child = os.fork()
    if child == 0:
        asyncio._set_running_loop(None)
        loop = asyncio.new_event_loop()
        told = loop.run_until_complete(asyncio.wait_for(ask(store), 120))
        loop.run_until_complete(asyncio.wait_for(store.close(), 120))
        print(told, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    for _ in range(20):
        assert await ask(store) == 0
    await store.close()
    print("the parent goes on")

asyncio.run(main())
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, neo4j_server.graph],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ,
    )

    told, end = ran.stdout.splitlines()
    assert "forked" in told
    assert (end, ran.stderr) == ("the parent goes on", "")
