"""A record that makes no sense stops no other: it is left out, told and counted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from planned import plan

from remembrancer.model.deferral import Deferral
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.audit_log import AuditRange
from remembrancer.ports.writes import Lease, Reschedule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change

    MakeTask = Callable[..., ScheduledTask]
    Beside = Callable[[str], Awaitable[None]]
    Claim = Callable[..., Awaitable[Sequence[Execution]]]


async def test_a_spoiled_execution_is_left_out_of_the_history(
    store: Graph, a_task: MakeTask, claimed: Claim, write_beside: Beside
) -> None:
    tasks = [a_task() for _ in range(3)]
    await store.tasks.create(tasks)
    await claimed(*tasks)
    newest, *others = await store.tasks.history(None, 10)
    await write_beside(
        f"MATCH (e:task_execution {{execution_id: '{newest.execution_id}'}}) SET e.triggered_at = 'once'"
    )

    assert list(await store.tasks.history(None, 2)) == others
    assert list(await store.tasks.history(newest.task_id, 10)) == []
    assert len(await store.events.running(10)) == 2
    assert (await store.health.probe(newest.nominal_at)).unreadable == 1


@pytest.mark.parametrize("spoil", ["e.triggered_at = 'once'", "e.fence = 'first'", "e.attempt = 0, e.task_type = 7"])
async def test_an_unreadable_execution_of_a_dead_replica_is_lost(
    store: Graph, a_task: MakeTask, claimed: Claim, write_beside: Beside, now: datetime, *, spoil: str
) -> None:
    await store.tasks.create([spoiled := a_task(), sound := a_task()])
    dead = Lease("lease_dead", "replica_dead", now - timedelta(minutes=1))
    await claimed(spoiled, sound, lease=dead)
    await write_beside(f"MATCH (e:task_execution) WHERE e.task_id = '{spoiled.task_id}' SET {spoil}")
    (over,) = await store.queue.expired_leases(now, "replica_b")

    assert [each.task_id for each in over.executions] == [sound.task_id]
    found = await store.query("MATCH (e:task_execution) RETURN e.task_id AS id, e.status AS status, e.reason AS why")
    states = {str(row["id"]): (row["status"], row["why"]) for row in found}
    assert states[sound.task_id] == ("running", None)
    assert states[spoiled.task_id][0] == "failed"
    assert "cannot be read" in str(states[spoiled.task_id][1])


async def test_a_spoiled_deferral_or_change_hides_no_task(
    store: Graph, a_task: MakeTask, a_change: Callable[..., Change], write_beside: Beside, now: datetime
) -> None:
    await store.tasks.create([task := a_task(next_run_ms=to_ms(now) + 60_000)])
    for turn in (1, 2):
        read = await store.tasks.get(task.task_id)
        until = now + timedelta(hours=turn)
        deferral = Deferral(
            deferral_id=f"deferral_{turn}",
            task_id=task.task_id,
            deferred_at=now + timedelta(seconds=turn),
            original_time=None,
            deferred_until=until,
            reason="Busy",
            deferral_count=turn,
        )
        assert await store.tasks.defer(
            task.task_id,
            read.next_run_ms,
            Reschedule(deferral, to_ms(until), live_id=read.deferral_id),
            a_change("defer"),
        )
    await write_beside("MATCH (d:task_deferral {deferral_id: 'deferral_1'}) SET d.deferred_until = 'soon'")
    (_, first, second) = await store.audit.of_task(task.task_id)
    await write_beside(f"MATCH (c:task_change {{change_id: '{first.change_id}'}}) SET c.before = 'no object'")

    assert len((await store.tasks.get(task.task_id)).deferral_history) == 1
    assert [each.change_id for each in await store.audit.of_task(task.task_id)] == [task.task_id, second.change_id]
    assert second in await store.audit.entries(AuditRange(limit=100))


async def test_many_foreign_tasks_that_are_due_hold_up_no_other(
    store: Graph, a_task: MakeTask, write_beside: Beside, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    await store.tasks.create([task := a_task()])
    await write_beside(
        "UNWIND range(1, 300) AS i CREATE (:scheduled_task {task_id: 'theirs_' + toString(i), due_key: i + 2000000}), "
        "(:scheduled_task {due_key: i + 2000000, title: 'no task of ours'})"
    )
    found = [each.task_id for each in await store.queue.due(now, 1000)]

    assert found == [task.task_id]
    assert [each.task_id for each in await store.queue.due(now, 10)] == [task.task_id]
    assert len([line for record in caplog.records for line in record.getMessage().splitlines()]) == 1
    assert await store.query("MATCH (t:scheduled_task) WHERE t.due_key > 0 RETURN count(t) AS n") == [{"n": 1}]


@pytest.mark.parametrize(
    "spoil", ["t.next_run_ms = [1, 2]", "t.status = [1], t.name = 7", "t.name = [7], t.task_type = [7]"]
)
async def test_a_task_that_the_engine_cannot_set_aside_is_disarmed(
    store: Graph, a_task: MakeTask, write_beside: Beside, now: datetime, *, spoil: str
) -> None:
    await store.tasks.create([spoiled := a_task(), sound := a_task()])
    await write_beside(f"MATCH (t:scheduled_task {{task_id: '{spoiled.task_id}'}}) SET {spoil}")

    for _ in range(2):
        due = await store.queue.due(now, 10)
        assert [each.task_id for each in due] == [sound.task_id]
    (won,) = await store.queue.claim([plan(due[0], to_ms(now), "replica_a")], Lease("lease_a", "replica_a", now))
    assert won.task_id == sound.task_id
