"""The store's contract: an occurrence is won once, and only who holds it may say what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from planned import plan

from remembrancer.model.execution import Execution, ExecutionStatus, Reason
from remembrancer.model.handler_result import Thought
from remembrancer.model.policy import Misfire, OnLost
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.settlement import recovery_of
from remembrancer.ports.writes import Settlement
from remembrancer.stores.graph import element_ids

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change, Lease

    MakeTask = Callable[..., ScheduledTask]
    MakeLease = Callable[..., Lease]
    Forge = Callable[[Execution, Execution], Execution]
    Claim = Callable[..., Awaitable[list[Execution]]]


def done(execution: Execution, now: datetime, **choices: Any) -> Settlement:
    settled = {"status": ExecutionStatus.COMPLETED, "completed_at": now, "duration_seconds": 1.5, **choices}
    return Settlement(execution=execution, **settled)


async def test_a_claim_moves_the_task_and_leaves_a_running_execution(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime
) -> None:
    task = a_task(schedule_cron="*/5 * * * *")
    await store.tasks.create([task])
    (won,) = await claimed(task)
    assert won.status is ExecutionStatus.RUNNING
    assert won.fence > 0
    after = await store.tasks.get(task.task_id)
    assert (after.status, after.last_triggered_at) == (TaskStatus.ACTIVE, now)
    assert after.next_run_ms == after.nominal_ms == to_ms(now + timedelta(minutes=5))
    assert await store.tasks.history(task.task_id, 10) == [won]
    assert list(await store.queue.due(now, 10)) == []


async def test_a_second_claim_of_the_same_occurrence_wins_nothing(
    store: Graph, a_task: MakeTask, claimed: Claim
) -> None:
    task = a_task()
    await store.tasks.create([task])
    assert len(await claimed(task)) == 1
    assert await claimed(task) == []
    assert len(await store.tasks.history(task.task_id, 10)) == 1


async def test_of_many_claims_at_once_one_wins(store: Graph, a_task: MakeTask, claimed: Claim) -> None:
    tasks = [a_task() for _ in range(10)]
    await store.tasks.create(tasks)
    won = await asyncio.gather(*(claimed(*tasks) for _ in range(8)))
    assert sorted(execution.task_id for some in won for execution in some) == [task.task_id for task in tasks]
    assert len(await store.tasks.history(None, 1000)) == 10
    assert ((await store.statistics.lifetime()).counts)["executions_started"] == 10


async def test_what_others_took_does_not_spoil_the_rest_of_a_batch(
    store: Graph, a_task: MakeTask, claimed: Claim, a_change: Callable[..., Change], now: datetime
) -> None:
    taken, cancelled, free = a_task(), a_task(next_run_ms=to_ms(now + timedelta(minutes=1))), a_task()
    await store.tasks.create([taken, cancelled, free])
    await claimed(taken)
    assert await store.tasks.cancel(cancelled.task_id, a_change("cancel"))
    assert [execution.task_id for execution in await claimed(taken, cancelled, free)] == [free.task_id]


async def test_an_existing_occurrence_is_not_won_again_after_a_reset(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease, now: datetime, *, forged: Forge
) -> None:
    """The unique id is the last line of defence, for a graph restored from half a backup say."""
    task, other = a_task(), a_task()
    await store.tasks.create([task, other])
    twin = plan(task.model_copy(update={"task_id": other.task_id}), to_ms(now), "replica_b")
    (taken,) = await claimed(task)
    free = a_task()
    await store.tasks.create([free])
    claims = [replace(twin, execution=forged(twin.execution, taken)), plan(free, to_ms(now), "replica_b")]
    assert [execution.task_id for execution in await store.queue.claim(claims, a_lease("replica_b"))] == [free.task_id]
    assert (await store.tasks.get(other.task_id)).next_run_ms == other.next_run_ms


async def test_skipped_occurrences_are_written_with_their_reason(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime
) -> None:
    task = a_task(schedule_cron="* * * * *", misfire=Misfire.SKIP)
    await store.tasks.create([task])
    (dropped,) = await claimed(task, at=now + timedelta(minutes=10))
    (kept,) = await store.tasks.history(task.task_id, 10)
    assert (kept.status, kept.reason_code, kept.occurrences) == (
        ExecutionStatus.MISSED,
        Reason.MISFIRE_SKIPPED,
        dropped.occurrences,
    )
    assert kept.last_nominal_at == kept.nominal_at + timedelta(minutes=kept.occurrences - 1)
    assert ((await store.statistics.lifetime()).counts)["occurrences_dropped"] == kept.occurrences


async def test_a_settled_execution_has_its_outcome_result_and_thought(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime
) -> None:
    task = a_task()
    await store.tasks.create([task])
    (won,) = await claimed(task)
    end = now + timedelta(seconds=1.5)
    thought = Thought("thought_made", "It is done")
    assert await store.queue.settle(
        [done(won, end, result="well", thought=thought, ends_task=TaskStatus.COMPLETE)]
    ) == [True]
    (kept,) = await store.tasks.history(task.task_id, 1)
    assert kept == won.model_copy(
        update={
            "status": ExecutionStatus.COMPLETED,
            "completed_at": end,
            "duration_seconds": 1.5,
            "result": "well",
            "thought_id": "thought_made",
        }
    )
    assert (await store.tasks.get(task.task_id)).status is TaskStatus.COMPLETE
    assert await store.query(
        "MATCH (:task_execution)-[:CREATED_THOUGHT]->(h:thought) RETURN h.thought_id AS id, h.content AS content"
    ) == [{"id": "thought_made", "content": "It is done"}]


async def test_an_execution_is_settled_once(store: Graph, a_task: MakeTask, claimed: Claim, now: datetime) -> None:
    task = a_task()
    await store.tasks.create([task])
    (won,) = await claimed(task)
    assert await store.queue.settle([done(won, now, result="first")]) == [True]
    assert await store.queue.settle([done(won, now, status=ExecutionStatus.FAILED, result="second")]) == [False]
    (kept,) = await store.tasks.history(task.task_id, 1)
    assert (kept.status, kept.result) == (ExecutionStatus.COMPLETED, "first")
    counters = (await store.statistics.lifetime()).counts
    assert (counters["executions_completed"], counters["executions_failed"]) == (1, 0)


async def test_outcomes_written_together_are_each_confirmed_or_not(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease, now: datetime
) -> None:
    tasks = [a_task() for _ in range(4)]
    await store.tasks.create(tasks)
    won = await claimed(*tasks, lease=(lease := a_lease()))
    thought = Thought("thought_made", "It is done")
    await store.queue.settle([done(won[1], now)])
    late = won[2].model_copy(update={"fence": won[2].fence - 1})
    settled = [
        done(won[0], now, thought=thought, ends_task=TaskStatus.COMPLETE),
        done(won[1], now, result="again"),
        done(late, now, ends_task=TaskStatus.COMPLETE),
        done(won[3], now, status=ExecutionStatus.FAILED, reason="no", ends_task=TaskStatus.FAILED),
    ]

    assert await store.queue.settle(settled, [lease.lease_id]) == [True, False, False, True]
    kept = {each.task_id: each for each in await store.tasks.history(None, 10)}
    assert [kept[task.task_id].status for task in tasks] == ["completed", "completed", "running", "failed"]
    assert [kept[task.task_id].reason for task in tasks] == [None, None, None, "no"]
    assert [(await store.tasks.get(task.task_id)).status for task in tasks] == [
        "COMPLETE",
        "ACTIVE",
        "ACTIVE",
        "FAILED",
    ]
    assert list(await store.queue.expired_leases(now + timedelta(days=1), "replica_b")) == []


async def test_a_task_that_was_changed_meanwhile_is_not_claimed(
    store: Graph, a_task: MakeTask, a_lease: MakeLease, a_change: Callable[..., Change], now: datetime
) -> None:
    """Its fence tells: an execution by hand leaves the next run as it is, and still it is read anew."""
    task = a_task(schedule_cron="*/5 * * * *")
    await store.tasks.create([task])
    claim = plan(task, to_ms(now), "replica_a")
    by_hand = claim.execution.model_copy(update={"execution_id": "exec_x", "occurrence_key": "by hand"})
    await store.queue.start_now(by_hand, a_lease(), a_change("run_now"))

    assert await store.queue.claim([claim], a_lease()) == []
    (again,) = await store.queue.due(now, 10)
    assert len(await store.queue.claim([plan(again, to_ms(now), "replica_a")], a_lease())) == 1


async def test_a_lease_ends_with_its_time_or_its_last_outcome(
    reopen: Callable[[], Awaitable[Graph]], a_task: MakeTask, a_lease: MakeLease, now: datetime
) -> None:
    store = await reopen()
    one, two = a_task(), a_task()
    await store.tasks.create([one, two])
    lease = a_lease("replica_a", until=now + timedelta(minutes=1))
    won = await store.queue.claim([plan(task, to_ms(now), "replica_a") for task in (one, two)], lease)
    soon, late = now + timedelta(seconds=59), now + timedelta(minutes=1)
    assert list(await store.queue.expired_leases(soon, "replica_a")) == []
    (over,) = await store.queue.expired_leases(late, "replica_a")
    assert over.lease_id == lease.lease_id
    assert {execution.execution_id for execution in over.executions} == {each.execution_id for each in won}
    await store.queue.renew([lease.lease_id], now + timedelta(minutes=2))
    assert list(await store.queue.expired_leases(late, "replica_a")) == []
    assert await store.queue.settle([done(won[0], now)]) == [True]
    (over,) = await store.queue.expired_leases(now + timedelta(minutes=2), "replica_a")
    assert [execution.execution_id for execution in over.executions] == [won[1].execution_id]
    assert await store.queue.settle([done(won[1], now)], [lease.lease_id]) == [True]
    assert list(await store.queue.expired_leases(now + timedelta(days=1), "replica_a")) == []


async def test_leases_of_a_former_process_end_on_an_exclusive_graph(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease, now: datetime
) -> None:
    task = a_task()
    await store.tasks.create([task])
    await claimed(task, lease=a_lease("replica_before"))
    assert len(await store.queue.expired_leases(now, "replica_after")) == (1 if store.exclusive else 0)
    assert list(await store.queue.expired_leases(now, "replica_before")) == []


@pytest.mark.parametrize("on_lost", OnLost)
async def test_who_was_taken_over_finds_his_late_outcome_refused(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease, on_lost: OnLost
) -> None:
    task = a_task(on_lost=on_lost)
    await store.tasks.create([task])
    (held,) = await claimed(task, lease=(lease := a_lease()))
    now = held.triggered_at
    heir = a_lease("replica_b")
    current = await store.tasks.get(task.task_id)
    retries = await store.queue.recover([lease.lease_id], [recovery_of(current, held, now, "replica_b")], heir)
    assert await store.queue.settle([done(held, now, result="too late", ends_task=TaskStatus.COMPLETE)]) == [False]
    lost = next(each for each in await store.tasks.history(task.task_id, 9) if each.execution_id == held.execution_id)
    assert (lost.status, lost.reason_code, lost.result) == (ExecutionStatus.FAILED, Reason.LEASE_EXPIRED, None)
    assert [over.lease_id for over in await store.queue.expired_leases(now + timedelta(days=1), "replica_c")] == (
        [heir.lease_id] if on_lost is OnLost.RETRY else []
    )
    if on_lost is OnLost.FAIL:
        assert list(retries) == []
        assert (await store.tasks.get(task.task_id)).status is TaskStatus.FAILED
        return
    (retry,) = retries
    assert (retry.attempt, retry.nominal_at) == (2, held.nominal_at)
    assert await store.query(
        "MATCH (e:task_execution)-[:RETRY_OF]->(lost:task_execution) "
        "RETURN e.execution_id AS retry, lost.execution_id AS lost"
    ) == [{"retry": retry.execution_id, "lost": held.execution_id}]
    assert await store.queue.settle([done(retry, now, ends_task=TaskStatus.COMPLETE)]) == [True]
    assert (await store.tasks.get(task.task_id)).status is TaskStatus.COMPLETE


async def test_what_is_taken_over_twice_is_retried_once(
    store: Graph, a_task: MakeTask, claimed: Claim, a_lease: MakeLease, now: datetime
) -> None:
    task = a_task(on_lost=OnLost.RETRY)
    await store.tasks.create([task])
    (held,) = await claimed(task, lease=(lease := a_lease()))
    lost = recovery_of(await store.tasks.get(task.task_id), held, now, "replica_b")
    assert len(await store.queue.recover([lease.lease_id], [lost], a_lease("replica_b"))) == 1
    again = recovery_of(await store.tasks.get(task.task_id), held, now + timedelta(seconds=1), "replica_c")
    assert list(await store.queue.recover([lease.lease_id], [again], a_lease("replica_c"))) == []
    assert len(await store.tasks.history(task.task_id, 9)) == 2


async def test_an_execution_by_hand_leaves_the_schedule_as_it_is(
    *,
    store: Graph,
    a_task: MakeTask,
    a_lease: MakeLease,
    a_change: Callable[..., Change],
    by_hand: Callable[[ScheduledTask], Execution],
    now: datetime,
) -> None:
    task = a_task(schedule_cron="0 12 * * *", next_run_ms=to_ms(now + timedelta(hours=3)))
    await store.tasks.create([task])
    execution = by_hand(task)
    started = await store.queue.start_now(execution, a_lease(), a_change("run_now"))
    assert started
    assert started.fence > 0
    after = await store.tasks.get(task.task_id)
    assert (after.next_run_ms, after.nominal_ms, after.status) == (task.next_run_ms, task.nominal_ms, task.status)
    assert await store.queue.settle([done(started, now)]) == [True]
    stray = execution.model_copy(update={"task_id": "task_of_nobody"})
    assert await store.queue.start_now(stray, a_lease(), a_change("run_now")) is None


async def test_a_deleted_task_is_not_claimed_nor_another_in_its_place(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime, write_beside: Callable[[str], Awaitable[None]]
) -> None:
    await store.tasks.create([gone := a_task()])
    (read,) = await store.queue.due(now, 10)
    await write_beside(f"MATCH (t:scheduled_task {{task_id: '{gone.task_id}'}}) DETACH DELETE t")
    await store.tasks.create(others := [a_task() for _ in range(3)])

    assert await claimed(read) == []
    assert [(await store.tasks.get(other.task_id)).fence for other in others] == [0, 0, 0]
    assert len(await claimed(*others)) == 3


async def test_a_node_is_found_without_its_remembered_element_id(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(element_ids, "_MOST", 2)
    await store.tasks.create([a_task() for _ in range(5)])
    due = await store.queue.due(now, 10)
    won = await claimed(*due)

    assert len(won) == 5
    assert await store.queue.settle([done(each, now) for each in won]) == [True] * 5
    assert {each.status for each in await store.tasks.history(None, 10)} == {ExecutionStatus.COMPLETED}
