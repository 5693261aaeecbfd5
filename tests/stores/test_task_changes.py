"""The store's contract: what people do to tasks, and what is counted and told of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from planned import plan

from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.handler_result import Defer, Thought
from remembrancer.model.policy import Misfire
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.unanswered.deferral import defer
from remembrancer.ports.writes import Lease, Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change, Reschedule

    MakeTask = Callable[..., ScheduledTask]
    MakeChange = Callable[..., Change]
    Claim = Callable[..., Awaitable[list[Execution]]]

MINUTE = timedelta(minutes=1)


async def changes(store: Graph, task_id: str) -> list[dict[str, object]]:
    return list(
        await store.query(
            "MATCH (c:task_change)-[:CHANGE_OF]->(t:scheduled_task {task_id: $id}) "
            "RETURN c.action AS action, coalesce(c.actor, c.surface) AS actor, c.reason AS reason "
            "ORDER BY c.at, c.change_id",
            {"id": task_id},
        )
    )


async def minutes(store: Graph) -> list[object]:
    found = await store.query(
        "MATCH (:scheduled_task)-[:SCHEDULED_FOR]->(m:time) RETURN m.time_id AS id ORDER BY m.time_id"
    )
    return [row["id"] for row in found]


def deferral(task: ScheduledTask, now: datetime, hours: float, thought_id: str | None = None) -> Reschedule:
    return defer(task, Defer(now + timedelta(hours=hours), "Not yet", thought_id), now, None)


async def test_a_task_is_cancelled_once_and_its_trail_says_why(
    store: Graph, a_task: MakeTask, a_change: MakeChange, now: datetime
) -> None:
    task = a_task(next_run_ms=to_ms(now + MINUTE))
    await store.tasks.create([task])
    assert await store.tasks.cancel(task.task_id, a_change("cancel", "No longer needed"))
    assert not await store.tasks.cancel(task.task_id, a_change("cancel"))
    assert not await store.tasks.cancel("task_of_nobody", a_change("cancel"))
    after = await store.tasks.get(task.task_id)
    assert (after.status, after.next_run_ms) == (TaskStatus.CANCELLED, None)
    assert list(await store.queue.due(now + MINUTE, 10)) == []
    assert await changes(store, task.task_id) == [{"action": "cancel", "actor": "tests", "reason": "No longer needed"}]
    assert ((await store.statistics.lifetime()).counts)["tasks_cancelled"] == 1


async def test_a_deferral_moves_the_next_run_and_is_remembered(
    store: Graph, a_task: MakeTask, a_change: MakeChange, now: datetime
) -> None:
    task = a_task()
    await store.tasks.create([task])
    for count, hours in enumerate((1, 2.5), 1):
        standing = await store.tasks.get(task.task_id)
        reschedule = deferral(standing, now, hours, "thought_careful")
        assert await store.tasks.defer(task.task_id, standing.next_run_ms, reschedule, a_change("defer", "Not yet"))
        after = await store.tasks.get(task.task_id)
        assert after.next_run_ms == to_ms(now + timedelta(hours=hours))
        assert after.defer_until == now + timedelta(hours=hours)
        assert (after.deferral_count, len(after.deferral_history)) == (count, count)
    last = (await store.tasks.get(task.task_id)).deferral_history[-1]
    assert (last["reason"], last["deferral_reason"]) == ("Not yet", "Not yet")
    assert last["deferred_until"] == "2026-03-02T11:30:00Z"
    assert await store.query(
        "MATCH (t:scheduled_task)<-[:DEFERRAL_OF]-(d:task_deferral)-[:REQUESTED_BY]->(h:thought) "
        "RETURN h.thought_id AS thought, count(d) AS deferrals"
    ) == [{"thought": "thought_careful", "deferrals": 2}]
    assert list(await store.queue.due(now + timedelta(hours=2), 10)) == []
    assert len(await changes(store, task.task_id)) == 2


async def test_a_task_that_moved_on_meanwhile_is_not_deferred(
    store: Graph, a_task: MakeTask, a_change: MakeChange, claimed: Claim, now: datetime
) -> None:
    task = a_task(schedule_cron="* * * * *")
    await store.tasks.create([task])
    await claimed(task)
    assert not await store.tasks.defer(task.task_id, task.next_run_ms, deferral(task, now, 1), a_change("defer"))
    assert (await store.tasks.get(task.task_id)).deferral_history == []
    assert await store.query("MATCH (n) WHERE n:task_deferral OR n:task_change RETURN n") == []


async def test_an_outcome_that_defers_arms_its_task_in_the_same_write(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime
) -> None:
    task = a_task()
    await store.tasks.create([task])
    (won,) = await claimed(task)
    wish = Defer(now + timedelta(hours=1), "Busy")
    reschedule = defer(await store.tasks.get(task.task_id), wish, now, won.nominal_at)
    assert await store.queue.settle([Settlement(won, ExecutionStatus.DEFERRED, now, 0.25, reschedule=reschedule)]) == [
        True
    ]
    after = await store.tasks.get(task.task_id)
    assert (after.next_run_ms, after.deferral_id) == (reschedule.next_run_ms, reschedule.deferral.deferral_id)
    assert after.deferral_history[0]["reason"] == "Busy"
    assert [due.task_id for due in await store.queue.due(wish.until, 10)] == [task.task_id]


async def test_an_outcome_written_twice_changes_nothing(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime
) -> None:
    puts_off, thinks = a_task(), a_task()
    await store.tasks.create([puts_off, thinks])
    first, second = await claimed(puts_off, thinks)
    wish = Defer(now + timedelta(hours=1), "Busy", "thought_careful")
    reschedule = defer(await store.tasks.get(puts_off.task_id), wish, now, first.nominal_at)
    thought = Thought("thought_made", "It is so")
    for written in (True, False):
        deferred = Settlement(first, ExecutionStatus.DEFERRED, now, 0.25, reschedule=reschedule)
        done = Settlement(second, ExecutionStatus.COMPLETED, now, 0.25, thought=thought, ends_task=TaskStatus.COMPLETE)
        assert await store.queue.settle([deferred]) == await store.queue.settle([done]) == [written]
    counted = (await store.statistics.lifetime()).counts
    edges = await store.query("MATCH (a)-[x:REQUESTED_BY|DEFERRAL_OF|CREATED_THOUGHT]->(b) RETURN type(x) AS kind")

    assert (counted["deferrals"], counted["executions_deferred"], counted["tasks_completed"]) == (1, 1, 1)
    assert (await store.tasks.get(puts_off.task_id)).deferral_count == 1
    assert sorted(str(row["kind"]) for row in edges) == ["CREATED_THOUGHT", "DEFERRAL_OF", "REQUESTED_BY"]


async def test_the_outcome_of_a_cancelled_task_does_not_arm_it(
    store: Graph, a_task: MakeTask, claimed: Claim, a_change: MakeChange
) -> None:
    task = a_task()
    await store.tasks.create([task])
    (won,) = await claimed(task)
    now = won.triggered_at
    reschedule = defer(await store.tasks.get(task.task_id), Defer(now + timedelta(hours=1), "Busy"), now, now)
    assert await store.tasks.cancel(task.task_id, a_change("cancel"))
    assert await store.queue.settle([Settlement(won, ExecutionStatus.DEFERRED, now, 0.0, reschedule=reschedule)]) == [
        True
    ]
    after = await store.tasks.get(task.task_id)
    assert (after.status, after.next_run_ms, after.deferral_count) == (TaskStatus.CANCELLED, None, 0)
    assert await store.queue.next_run_at() is None
    await store.idle_work(10)
    assert await minutes(store) == ["time_2026-03-02T09:00:00Z"]


async def test_a_quarantined_task_is_failed_and_out_of_the_way(store: Graph, a_task: MakeTask, now: datetime) -> None:
    bad, good = a_task(), a_task()
    await store.tasks.create([bad, good])
    for _ in range(2):
        await store.tasks.quarantine(bad.task_id, "schedule_cron cannot be read", now)
    assert [task.task_id for task in await store.queue.due(now, 10)] == [good.task_id]
    assert (await store.tasks.get(bad.task_id)).status is TaskStatus.FAILED
    assert await changes(store, bad.task_id) == [
        {"action": "quarantine", "actor": "scheduler", "reason": "schedule_cron cannot be read"}
    ]
    assert ((await store.statistics.lifetime()).counts)["tasks_failed"] == 1


async def test_history_is_newest_first_and_as_long_as_asked(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime
) -> None:
    tasks = [a_task(next_run_ms=to_ms(now + timedelta(seconds=at))) for at in range(3)]
    await store.tasks.create(tasks)
    made = [(await claimed(task, at=now + timedelta(seconds=10)))[0] for task in tasks]
    newest = [execution.execution_id for execution in reversed(made)]
    assert [each.execution_id for each in await store.tasks.history(None, 10)] == newest
    assert [each.execution_id for each in await store.tasks.history(None, 2)] == newest[:2]
    assert [each.execution_id for each in await store.tasks.history(tasks[0].task_id, 10)] == newest[2:]
    assert list(await store.tasks.history("task_of_nobody", 10)) == []


async def test_tidying_brings_the_minutes_of_moved_tasks_up_to_date(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime
) -> None:
    tasks = [a_task(schedule_cron="*/5 * * * *") for _ in range(3)]
    await store.tasks.create(tasks)
    await claimed(*tasks)
    assert await store.idle_work(2) == 2
    assert await minutes(store) == [
        "time_2026-03-02T09:00:00Z",
        "time_2026-03-02T09:05:00Z",
        "time_2026-03-02T09:05:00Z",
    ]
    assert await store.idle_work(10) == 1
    assert await store.idle_work(10) == 0
    assert await minutes(store) == ["time_2026-03-02T09:05:00Z"] * 3


async def test_pending_edges_and_counts_are_written_by_idle_work(store: Graph) -> None:
    store.statistics.count("cron_refused", "Invalid cron expression")
    await store.idle_work(10)
    assert ((await store.statistics.lifetime()).counts)["cron_refused"] == 1


RECOUNT = """
MATCH (n) WHERE n:scheduled_task OR n:task_execution OR n:task_deferral
RETURN labels(n)[0] AS kind, n.status AS status, n.execution_type AS type, count(n) AS nodes,
       sum(coalesce(n.occurrences, 0)) AS occurrences, sum(coalesce(n.duration_seconds, 0.0)) AS seconds
"""


async def recount(store: Graph) -> dict[str, float]:
    """Count in the graph itself what the counters say."""
    rows: list[dict[str, Any]] = [dict(row) for row in await store.query(RECOUNT)]

    def total(of: str, kind: str, **where: object) -> float:
        mine = [row for row in rows if row["kind"] == kind]
        return sum(row[of] for row in mine if all(row[name] == value for name, value in where.items()))

    dropped = ["missed", "skipped", "superseded", "cancelled"]
    return {
        "tasks_created": total("nodes", "scheduled_task"),
        "tasks_completed": total("nodes", "scheduled_task", status="COMPLETE"),
        "tasks_failed": total("nodes", "scheduled_task", status="FAILED"),
        "tasks_cancelled": total("nodes", "scheduled_task", status="CANCELLED"),
        "deferrals": total("nodes", "task_deferral"),
        "executions_completed": total("nodes", "task_execution", status="completed"),
        "executions_failed": total("nodes", "task_execution", status="failed"),
        "occurrences_dropped": sum(total("occurrences", "task_execution", status=status) for status in dropped),
        "execution_seconds": total("seconds", "task_execution"),
    }


async def test_the_counters_say_what_a_recount_of_the_graph_says(
    reopen: Callable[[], Awaitable[Graph]], a_task: MakeTask, a_change: MakeChange, now: datetime
) -> None:
    store = await reopen()
    tasks = [a_task(next_run_ms=to_ms(now + MINUTE)), *(a_task() for _ in range(5))]
    tasks += [a_task(schedule_cron="* * * * *", misfire=Misfire.SKIP) for _ in range(3)]
    await asyncio.gather(*(store.tasks.create([task]) for task in tasks))
    later = now + timedelta(minutes=5)
    await store.tasks.cancel(tasks[0].task_id, a_change("cancel"))
    await store.tasks.defer(tasks[1].task_id, tasks[1].next_run_ms, deferral(tasks[1], now, 1), a_change("defer"))
    await store.tasks.quarantine(tasks[2].task_id, "unreadable", now)
    lease = Lease("lease_of_all", "replica_a", later + timedelta(minutes=1))
    won = await store.queue.claim([plan(task, to_ms(later), "replica_a") for task in tasks[3:]], lease)
    running = [execution for execution in won if execution.status is ExecutionStatus.RUNNING]
    endings = [ExecutionStatus.COMPLETED, ExecutionStatus.FAILED]
    for execution, status in zip(running, endings, strict=False):
        ends = TaskStatus.COMPLETE if status is ExecutionStatus.COMPLETED else TaskStatus.FAILED
        assert await store.queue.settle([Settlement(execution, status, later, 1.25, ends_task=ends)]) == [True]
    counted = (await store.statistics.lifetime()).counts
    expected = await recount(store)
    assert {name: counted[name] for name in expected} == pytest.approx(expected)
    assert counted["executions_started"] == len(running)
    assert dict(store.statistics.totals) == pytest.approx(counted)
    assert dict((await reopen()).statistics.totals) == pytest.approx(counted)
