"""Counters of replicas that were killed are added up by one that lives, and what is counted in all stays the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from planned import plan

from remembrancer.bootstrap import open_store
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.writes import Lease, Settlement
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.graph.bundle import ConnectedGraph

    MakeTask = Callable[..., ScheduledTask]

pytestmark = pytest.mark.neo4j

NOW = timedelta(0)
COUNTERS = "MATCH (c:lifetime_statistics) WHERE c.counter_id <> 'ended' RETURN properties(c) AS c"


async def work(store: ConnectedGraph, a_task: MakeTask, now: datetime, rounds: int = 3) -> None:
    """Schedule, fire and settle a few tasks, one of them in vain, each in commits of its own."""
    for turn in range(rounds):
        tasks = [a_task() for _ in range(4)]
        await store.tasks.create(tasks)
        lease = Lease(f"lease_{tasks[0].task_id}", "replica", now)
        won = await store.queue.claim([plan(task, to_ms(now), "replica") for task in tasks], lease)
        states = [ExecutionStatus.COMPLETED] * 3 + [ExecutionStatus.FAILED]
        settled = [
            Settlement(each, state, now, 1.5, reason=f"Reason {turn}") for each, state in zip(won, states, strict=True)
        ]
        await store.queue.settle(settled, [lease.lease_id])


async def told(store: ConnectedGraph, now: datetime) -> tuple[Any, ...]:
    """Everything that is counted, over the graph's life and by hours."""
    life, window = await store.statistics.lifetime(), await store.statistics.window(now - timedelta(days=1))
    return (dict(life.counts), life.errors, life.most_deferred, window.counts, window.delays, window.failures)


async def kill(store: ConnectedGraph) -> None:
    """Take the connections away from a store, as the end of its process does."""
    session: Any = store._connection
    await session._sessions.close()


async def test_counters_of_killed_replicas_are_folded_and_totals_stay(
    neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    for _ in range(3):
        killed = await open_store(neo4j_server.graph)
        await work(killed, a_task, now)
        await kill(killed)
    store = await open_store(neo4j_server.graph)
    before = await told(store, now)
    assert await store.statistics.fold(timedelta(hours=1)) == 0, "none is idle for long"
    await asyncio.sleep(0.05)  # by the server's clock: they are older than nothing
    folded = await store.statistics.fold(NOW)

    assert folded >= 3
    assert await told(store, now) == before
    assert before[0]["tasks_created"] == 36
    with_counts = [row["c"] for row in neo4j_server.run(COUNTERS) if row["c"].get("tasks_created")]
    assert with_counts == []
    hours = neo4j_server.run("MATCH (h:hourly_statistics) RETURN split(h.hour_id, '|')[0] AS of")
    assert hours == [{"of": "ended"}] * 2
    await store.close()
    reopened = await open_store(neo4j_server.graph)
    assert await told(reopened, now) == before
    assert reopened.statistics.totals["tasks_created"] == 36
    await reopened.close()


async def test_a_writer_that_wakes_up_after_its_fold_counts_on(
    neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    paused, other = [await open_store(neo4j_server.graph) for _ in range(2)]
    for turn in range(1, 4):
        await work(paused, a_task, now)
        await asyncio.sleep(0.05)
        await asyncio.gather(*(other.statistics.fold(NOW) for _ in range(3)))

        counted = await told(other, now)
        assert (counted[0]["tasks_created"], counted[0]["executions_failed"]) == (12 * turn, 3 * turn)
        assert (counted[3]["executions_started"], sum(counted[5].values())) == (12 * turn, 3 * turn)
        assert paused.statistics.totals["tasks_created"] == 12 * turn
    await paused.close()
    await other.close()


async def test_the_number_of_a_last_commit_outlives_the_fold(
    neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    paused, other = [await open_store(neo4j_server.graph) for _ in range(2)]
    await work(paused, a_task, now)
    session: Any = paused._connection
    numbers = {
        each.counter_id: each._number for queue in session._queues.values() for each in queue.writers if each.wrote
    }
    await asyncio.sleep(0.05)
    await other.statistics.fold(NOW)
    await other.statistics.fold(NOW)

    for counter_id, number in numbers.items():
        found = neo4j_server.run(query("last_commit"), rows=[{"counter_id": counter_id, "row": 0}])
        assert [row["commit_number"] for row in found] == [number]
    await paused.close()
    await other.close()


async def test_replicas_that_fold_at_once_count_nothing_twice(
    neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    killed = [await open_store(neo4j_server.graph) for _ in range(4)]
    await asyncio.gather(*(work(each, a_task, now) for each in killed))
    for each in killed:
        await kill(each)
    stores = [await open_store(neo4j_server.graph) for _ in range(3)]
    before = await told(stores[0], now)
    await asyncio.sleep(0.05)
    await asyncio.gather(*(each.statistics.fold(NOW) for each in stores))

    assert await told(stores[0], now) == before
    await asyncio.gather(*(each.close() for each in stores))
    store = await open_store(neo4j_server.graph)
    assert await told(store, now) == before
    await store.close()
