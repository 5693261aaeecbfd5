"""A replica that is paused in a write holds locks: they keep what they are of waiting, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from planned import plan

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.errors import GraphBusy
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.writes import Lease, Settlement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change
    from remembrancer.stores.graph.bundle import ConnectedGraph

    MakeTask = Callable[..., ScheduledTask]

pytestmark = [pytest.mark.neo4j, pytest.mark.lock_limits]
LIMIT = 60
"""Longer than anything here takes; what waits for a lock that is never let go never ends."""


@contextlib.contextmanager
def paused(server: Server, label: str, key: str, ids: Sequence[str]) -> Iterator[None]:
    """A replica that stands still in the middle of a write, with the locks of these nodes."""
    with server.driver.session(database=server.database) as session:
        transaction = session.begin_transaction()
        found = transaction.run(
            f"MATCH (n:{label}) WHERE n.{key} IN $ids SET n.fence = n.fence RETURN count(n) AS n", ids=list(ids)
        ).single(strict=True)
        assert found["n"] == len(ids)
        yield
        transaction.rollback()


class Fired:
    """Notes what has fired."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._fired = asyncio.Condition()

    async def __call__(self, firing: Firing) -> None:
        async with self._fired:
            self.names.append(firing.task.name)
            self._fired.notify_all()

    async def until(self, names: set[str]) -> None:
        async with asyncio.timeout(LIMIT), self._fired:
            await self._fired.wait_for(lambda: names <= set(self.names))


@pytest.fixture
async def store(neo4j_server: Server) -> AsyncIterator[ConnectedGraph]:
    store = await open_store(neo4j_server.graph)
    yield store
    await store.close()


async def schedule(service: TaskSchedulerService, names: Sequence[str], seconds: float) -> list[str]:
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    replies = [
        await service.schedule_task(name, "See that it fires", "Now", "thought_locks", defer_until=at) for name in names
    ]
    return [reply.task_id for reply in replies]


async def test_a_locked_task_stops_no_other(neo4j_server: Server) -> None:
    fired = Fired()
    others = {f"other {place}" for place in range(10)}
    async with TaskSchedulerService(neo4j_server.graph, check_interval_seconds=3600, handler=fired) as service:
        (locked,) = await schedule(service, ["locked"], 15)
        with paused(neo4j_server, "scheduled_task", "task_id", [locked]):
            await schedule(service, sorted(others), 0)
            await fired.until(others)
            due = (await service.get_task(locked)).next_run_ms or 0
            await asyncio.sleep(max(0.0, due / 1000 - time.time()))
            await schedule(service, ["later"], 0)
            await fired.until({"later"})
            assert "locked" not in fired.names
        await fired.until({"locked"})

    assert len(fired.names) == 12


async def test_many_locked_tasks_stop_no_replica(neo4j_server: Server) -> None:
    """As those are that a replica has claimed which vanishes before it commits."""
    fired = Fired()
    options = SchedulerOptions(work_stealing_delay_seconds=0.5)
    services = [
        TaskSchedulerService(neo4j_server.graph, check_interval_seconds=3600, handler=fired, options=options)
        for _ in range(2)
    ]
    names = [f"locked {place}" for place in range(60)]
    others = {f"other {place}" for place in range(20)}
    async with services[0], services[1]:
        task_ids = await schedule(services[0], names, 6)
        await schedule(services[1], sorted(others), 6)
        with paused(neo4j_server, "scheduled_task", "task_id", task_ids):
            await fired.until(others)
        await fired.until(set(names))

    assert len(fired.names) == 80, "each once"


async def test_a_write_that_waits_for_a_lock_says_so(
    store: ConnectedGraph, neo4j_server: Server, a_task: MakeTask, a_change: Callable[..., Change], now: datetime
) -> None:
    await store.tasks.create([task := a_task(next_run_ms=to_ms(now + timedelta(hours=1)))])
    with paused(neo4j_server, "scheduled_task", "task_id", [task.task_id]):
        cancelling = asyncio.ensure_future(store.tasks.cancel(task.task_id, a_change("cancel")))
        for _ in range(20):
            await asyncio.wait_for(store.tasks.create([a_task()]), LIMIT)
        assert not cancelling.done(), "it did not wait longer than the others took"
        with pytest.raises(GraphBusy, match="holds the locks"):
            await asyncio.wait_for(cancelling, LIMIT)

    assert await store.tasks.cancel(task.task_id, a_change("cancel"))


async def test_a_locked_outcome_keeps_no_other_waiting(
    store: ConnectedGraph, neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    tasks = [a_task() for _ in range(30)]
    await store.tasks.create(tasks)
    won = await store.queue.claim(
        [plan(task, to_ms(now), "replica_a") for task in tasks], Lease("lease_a", "replica_a", now)
    )
    outcomes = [Settlement(each, ExecutionStatus.COMPLETED, now, 1.0, ends_task=TaskStatus.COMPLETE) for each in won]

    async def settled() -> int:
        return sum(each.status is ExecutionStatus.COMPLETED for each in await store.tasks.history(None, 50))

    with paused(neo4j_server, "task_execution", "execution_id", [won[7].execution_id]):
        settling = asyncio.ensure_future(store.queue.settle(outcomes, ["lease_a"]))
        while await settled() < 29:
            assert not settling.done(), "the others were not written while it waits"
        with pytest.raises(GraphBusy):
            await asyncio.wait_for(settling, LIMIT)

    assert await store.queue.settle(outcomes, ["lease_a"]) == [True] * 30, "those that were written are known to be"
    assert neo4j_server.run("MATCH (l:execution_lease) RETURN l") == []


async def test_a_lost_run_that_is_locked_stops_no_firing(neo4j_server: Server) -> None:
    fired = Fired()
    async with TaskSchedulerService(neo4j_server.graph, check_interval_seconds=3600, handler=fired) as service:
        (task_id,) = await schedule(service, ["lost"], 3600)
        store = service._graph()
        task = await store.tasks.get(task_id)
        over = datetime.now(UTC) - timedelta(minutes=5)
        (won,) = await store.queue.claim(
            [plan(task, task.next_run_ms, "replica_dead")], Lease("lease_dead", "replica_dead", over)
        )
        with paused(neo4j_server, "task_execution", "execution_id", [won.execution_id]):
            await asyncio.wait_for(service.recover(), LIMIT)
            await schedule(service, ["other"], 0)
            await fired.until({"other"})
        assert await service.recover() == 1
