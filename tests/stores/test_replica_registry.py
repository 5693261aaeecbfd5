"""The store's contract: who works on the graph, which tasks are whose, and leases that stand for what runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from planned import plan

from remembrancer.model.ids import SHARD_COUNT, shard_of
from remembrancer.model.policy import OnLost
from remembrancer.model.replica import Replica
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.settlement import recovery_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change, Lease

    MakeTask = Callable[..., ScheduledTask]
    MakeLease = Callable[..., Lease]
    Forge = Callable[[Execution, Execution], Execution]
    Claim = Callable[..., Awaitable[list[Execution]]]
    Beside = Callable[[str], Awaitable[None]]


def replica(name: str, now: datetime) -> Replica:
    return Replica(replica_id=name, started_at=now, heartbeat_at=now, host="host", pid=7, version="0.1.0")


async def test_a_replica_is_registered_until_it_deregisters(store: Graph, now: datetime, write_beside: Beside) -> None:
    first, second = replica("replica_a", now), replica("replica_b", now)
    later = first.model_copy(update={"heartbeat_at": now + timedelta(milliseconds=20_001)})
    for each in (first, second, later):
        await store.replicas.heartbeat(each)
    assert (await store.replicas.snapshot()).replicas == (later, second)

    await store.replicas.deregister(["replica_a", "replica_c"])
    assert (await store.replicas.snapshot()).replicas == (second,)
    await write_beside("CREATE (:scheduler_replica {replica_id: 'replica_d', pid: 'of nobody'})")
    assert (await store.replicas.snapshot()).replicas == (second,)


async def test_a_graph_that_is_made_ready_stays_as_it_is(store: Graph, a_task: MakeTask) -> None:
    await store.tasks.create([a_task()])
    whole = (
        "MATCH (n) OPTIONAL MATCH (n)-[r]->(m) RETURN labels(n) AS l, properties(n) AS n, type(r) AS r, labels(m) AS m"
    )
    before = sorted(map(str, await store.query(whole)))
    await store.replicas.warm_up()

    assert sorted(map(str, await store.query(whole))) == before
    assert len(before) > 3


async def test_a_graph_keeps_its_id(reopen: Callable[[], Awaitable[Graph]]) -> None:
    store = await reopen()
    before = await store.replicas.snapshot()
    await store.replicas.ensure_schema()
    assert (await store.replicas.snapshot()).graph_id == before.graph_id
    store = await reopen()

    after = await store.replicas.snapshot()
    assert before.graph_id
    assert after.graph_id == before.graph_id
    assert after.now >= before.now
    (marker,) = await store.query("MATCH (g:remembrancer_graph) RETURN g.graph_id AS id, g.created_at AS at")
    assert marker["id"] == before.graph_id
    assert marker["at"] <= before.now  # pyright: ignore[reportOperatorIssue]


async def test_each_due_task_is_in_one_share_and_found_there(store: Graph, a_task: MakeTask, now: datetime) -> None:
    tasks = [a_task(next_run_ms=to_ms(now) - place) for place in range(30)]
    await store.tasks.create([*tasks, a_task(next_run_ms=to_ms(now) + 1)])
    halves = [range(half, SHARD_COUNT, 2) for half in (0, 1)]
    found = [await store.queue.due(now, 100, shards=half) for half in halves]

    for half, due in zip(halves, found, strict=True):
        expected = [task.task_id for task in reversed(tasks) if shard_of(task.task_id) in half]
        assert [task.task_id for task in due] == expected
        assert await store.queue.next_run_at(half) == from_ms(due[0].next_run_ms or 0)
        assert list(await store.queue.due(now, 100, due[4], half)) == list(due[5:])
    assert list(await store.queue.due(now, 100, shards=[])) == []
    assert await store.queue.next_run_at([]) is None
    assert len(await store.queue.due(now, 100)) == 30, "looking at a part hides nothing of the whole"


async def leases(store: Graph) -> list[object]:
    found = await store.query("MATCH (l:execution_lease) RETURN l.lease_id AS id ORDER BY id")
    return [row["id"] for row in found]


async def test_claims_written_one_by_one_are_held_by_one_lease(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease, now: datetime, *, forged: Forge
) -> None:
    known, other, *free = [a_task() for _ in range(4)]
    await store.tasks.create([known, other, *free])
    (taken,) = await claimed(known, lease=(first := a_lease()))
    clash = plan(other, to_ms(now), "replica_b")
    claims = [
        replace(clash, execution=forged(clash.execution, taken)),
        *(plan(task, to_ms(now), "replica_b") for task in free),
    ]
    won = await store.queue.claim(claims, lease := a_lease("replica_b"))

    assert {each.task_id for each in won} == {task.task_id for task in free}
    assert await leases(store) == [first.lease_id, lease.lease_id]
    await store.queue.renew([lease.lease_id], now + timedelta(hours=1))
    over = await store.queue.expired_leases(now + timedelta(minutes=30), "replica_b")
    assert lease.lease_id not in [each.lease_id for each in over]


async def test_a_batch_that_wins_nothing_leaves_no_lease(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease
) -> None:
    await store.tasks.create([task := a_task()])
    await claimed(task, lease=(held := a_lease()))

    assert await claimed(task, lease=a_lease("replica_b")) == []
    assert await leases(store) == [held.lease_id]


async def test_an_existing_retry_does_not_stop_the_other_recoveries(
    store: Graph,
    a_task: MakeTask,
    claimed: Claim,
    a_lease: MakeLease,
    a_change: Callable[..., Change],
    *,
    forged: Forge,
) -> None:
    """As in a graph that was set back: the retry is there, and the execution it repeats runs again."""
    tasks = [a_task(on_lost=OnLost.RETRY) for _ in range(3)]
    await store.tasks.create(tasks)
    held = await claimed(*tasks, lease=(over := a_lease()))
    now = held[0].triggered_at
    lost = [
        recovery_of(await store.tasks.get(each.task_id), each, now, "replica_b")
        for each in sorted(held, key=lambda each: each.task_id)
    ]
    retry = lost[1].retry
    assert retry
    twin = await store.tasks.get(tasks[0].task_id)
    other = plan(twin.model_copy(update={"next_run_ms": to_ms(now)}), to_ms(now), "replica_x").execution
    await store.queue.start_now(forged(other, retry), a_lease("replica_x"), a_change("run_now"))
    started = await store.queue.recover([over.lease_id], lost, lease := a_lease("replica_b"))

    assert {each.task_id for each in started} == {tasks[0].task_id, tasks[2].task_id}
    lost_ids = {each.execution_id for each in held}
    first = [each for each in await store.tasks.history(None, 100) if each.execution_id in lost_ids]
    assert {each.status for each in first} == {"failed"}
    assert over.lease_id not in await leases(store)
    assert lease.lease_id in await leases(store)


async def test_where_every_retry_exists_already_no_lease_is_left(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease, now: datetime
) -> None:
    await store.tasks.create([task := a_task(on_lost=OnLost.RETRY)])
    (held,) = await claimed(task, lease=(over := a_lease()))
    for heir in ("replica_b", "replica_c"):
        lost = recovery_of(await store.tasks.get(task.task_id), held, now, heir)
        await store.queue.recover([over.lease_id], [lost], a_lease(heir))

    assert len(await leases(store)) == 1


SPOILED = {
    "without an id": "SET t.task_id = null",
    "a moment that is a word": "SET t.next_run_ms = 'soon'",
    "a context that is a number": "SET t.context = 7",
    "no moment and no id": "SET t.task_id = null, t.next_run_ms = null",
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
async def test_a_node_that_makes_no_sense_is_taken_out_of_the_schedule(
    store: Graph, a_task: MakeTask, now: datetime, write_beside: Beside, spoil: str
) -> None:
    await store.tasks.create([a_task(), good := a_task(next_run_ms=to_ms(now) - 1)])
    await write_beside(f"MATCH (t:scheduled_task) WHERE t.task_id <> '{good.task_id}' {spoil}")

    assert [task.task_id for task in await store.queue.due(now, 10)] == [good.task_id]
    assert (await store.query("MATCH (t:scheduled_task) WHERE t.due_key > 0 RETURN count(t) AS n")) == [{"n": 1}]
