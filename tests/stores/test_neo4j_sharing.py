"""Several schedulers on one graph, and that graph in a database with others' nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import neo4j
import pytest
from planned import plan

from remembrancer.bootstrap import open_store
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.filters import TaskFilter
from remembrancer.ports.writes import Lease, Settlement
from remembrancer.stores.commits.statement import Statement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from neo4j_server import Server

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.graph.bundle import ConnectedGraph
    from remembrancer.stores.neo4j.connection import Neo4jConnection

    MakeTask = Callable[..., ScheduledTask]

pytestmark = pytest.mark.neo4j

REPLICAS = 4


@pytest.fixture
async def replicas(neo4j_server: Server) -> AsyncIterator[list[ConnectedGraph]]:
    opened = [await open_store(neo4j_server.graph) for _ in range(REPLICAS)]
    yield opened
    for each in opened:
        await each.close()


async def test_what_one_schedules_is_due_for_all(
    replicas: list[ConnectedGraph], a_task: MakeTask, now: datetime
) -> None:
    for each in replicas:
        assert list(await each.queue.due(now, 10)) == []
    await replicas[0].tasks.create([task := a_task(next_run_ms=to_ms(now) - 60_000)])

    for each in replicas:
        assert [found.task_id for found in await each.queue.due(now, 10)] == [task.task_id]
        assert to_ms(await each.queue.next_run_at()) == task.next_run_ms  # pyright: ignore[reportArgumentType]


async def test_each_task_is_won_once_by_four_replicas(
    replicas: list[ConnectedGraph], a_task: MakeTask, now: datetime
) -> None:
    tasks = [a_task(origin_thought_id=f"thought_{place % 7}") for place in range(200)]
    await replicas[0].tasks.create(tasks)

    async def work(place: int) -> list[Execution]:
        store, won = replicas[place], []
        while due := await store.queue.due(now, 20):
            lease = Lease(f"lease_{place}_{len(won)}_{due[0].task_id}", f"replica_{place}", now)
            mine = await store.queue.claim([plan(task, to_ms(now), lease.replica_id) for task in due], lease)
            won += mine
            settled = [Settlement(each, ExecutionStatus.COMPLETED, now, 1.0) for each in mine]
            assert all(await store.queue.settle(settled))
        return won

    won = await asyncio.gather(*(work(place) for place in range(REPLICAS)))

    assert sorted(each.task_id for some in won for each in some) == sorted(task.task_id for task in tasks)
    history = await replicas[0].tasks.history(None, 1000)
    assert (len(history), {each.status for each in history}) == (200, {ExecutionStatus.COMPLETED})
    counted = (await replicas[0].statistics.lifetime()).counts
    assert (counted["executions_started"], counted["executions_completed"]) == (200, 200)


@pytest.mark.parametrize("moved_to", ["null", "t.next_run_ms + 3600000"])
async def test_a_task_moved_between_index_and_node_is_not_due(
    replicas: list[ConnectedGraph], neo4j_server: Server, a_task: MakeTask, now: datetime, moved_to: str
) -> None:
    """A read sees what others commit while it is under way: the index entry from before, the node from after."""
    await replicas[0].tasks.create([moved := a_task(), task := a_task()])
    neo4j_server.run(f"MATCH (t:scheduled_task {{task_id: '{moved.task_id}'}}) SET t.next_run_ms = {moved_to}")

    assert [found.task_id for found in await replicas[0].queue.due(now, 10)] == [task.task_id]


async def test_writes_that_lock_the_same_nodes_all_succeed(
    replicas: list[ConnectedGraph], a_task: MakeTask, now: datetime
) -> None:
    """In no common order, so that they deadlock now and then."""

    async def write(place: int) -> None:
        for turn in range(10):
            await replicas[place].tasks.create(
                [
                    a_task(
                        task_id=f"task_{place}_{turn}_{number}",
                        origin_thought_id=f"thought_{(number * (place + 3) + turn) % 5}",
                        next_run_ms=to_ms(now) + 60_000 * ((number * (place + 2) + turn) % 7),
                    )
                    for number in range(20)
                ]
            )

    await asyncio.gather(*(write(place) for place in range(REPLICAS)))

    assert len(await replicas[0].tasks.find(TaskFilter(limit=10_000))) == 800
    assert ((await replicas[0].statistics.lifetime()).counts)["tasks_created"] == 800
    assert sum(each.statistics.totals["tasks_created"] for each in replicas) == 800


async def test_a_task_is_stored_while_its_thought_is_deleted(
    replicas: list[ConnectedGraph], neo4j_server: Server, a_task: MakeTask
) -> None:
    """The roll-up deletes thoughts that nothing is linked to any more; a new task may be just about to."""
    ids = [f"thought_{place}" for place in range(10)]
    for turn in range(20):
        neo4j_server.run(
            "UNWIND $ids AS id MERGE (h:thought {thought_id: id}) SET h.recorded_by = 'remembrancer'", ids=ids
        )
        tasks = [a_task(task_id=f"task_{turn}_{each}", origin_thought_id=each) for each in ids]
        forget = Statement("delete_thoughts", [{"thought_id": each} for each in ids])
        await asyncio.gather(replicas[0].tasks.create(tasks), replicas[1]._connection.write([forget]))

        linked = "MATCH (t:scheduled_task)-[:CREATED_BY]->(h:thought) WHERE t.origin_thought_id = h.thought_id "
        assert neo4j_server.run(linked + "RETURN count(DISTINCT t) AS n") == [{"n": 10}]
        neo4j_server.wipe()


async def test_a_graph_behind_the_seen_state_is_used_as_it_is(
    neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    """A database that was put back from a backup does not know the bookmarks of before."""
    store = await open_store(neo4j_server.graph.replace("bolt://", "neo4j://"))
    sessions = cast("Neo4jConnection", store._connection)._sessions
    for act in (store.tasks.create([task := a_task()]), store.queue.due(now, 10)):
        sessions._bookmarks = neo4j.AsyncGraphDatabase.bookmark_manager(
            neo4j.Bookmarks.from_raw_values(["FB:of another graph"])
        )
        await act

    assert [each.task_id for each in await store.queue.due(now, 10)] == [task.task_id]
    await store.close()


async def test_text_that_cannot_be_sent_is_stored_with_a_mark(
    replicas: list[ConnectedGraph], a_task: MakeTask, now: datetime
) -> None:
    """The driver cannot encode half a character pair, wherever in a row it stands."""
    store = replicas[0]
    await store.tasks.create([task := a_task(name="name \ud800")])
    (won,) = await store.queue.claim([plan(task, to_ms(now), "replica_a")], Lease("lease_a", "replica_a", now))
    settlement = Settlement(won, ExecutionStatus.COMPLETED, now, 1.0, result="lone \ud800")

    assert await asyncio.wait_for(store.queue.settle([settlement]), 120) == [True]
    assert (await store.tasks.get(task.task_id)).name == "name ?"
    assert [each.result for each in await store.tasks.history(task.task_id, 1)] == ["lone ?"]
