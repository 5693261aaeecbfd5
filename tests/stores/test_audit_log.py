"""The audit trail, and how a graph stands, on every store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from planned import plan

from remembrancer.model.deferral import Deferral
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.audit_log import AuditRange
from remembrancer.ports.writes import Change, Reschedule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Lease

    MakeTask = Callable[..., ScheduledTask]

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def test_a_change_says_who_did_it_through_what_and_how_it_stood_before_and_after(
    store: Graph, a_task: MakeTask, now: datetime
) -> None:
    ahead_ms = to_ms(now + MINUTE)
    task = a_task(created_via="rest", created_by="dashboard", created_at=now, dedup_key="daily", next_run_ms=ahead_ms)
    assert task.next_run_ms is not None
    await store.tasks.create([task])
    until_ms = task.next_run_ms + 60_000
    deferral = Deferral(
        deferral_id="defer_1",
        task_id=task.task_id,
        deferred_at=now,
        original_time=now,
        deferred_until=from_ms(until_ms),
        reason="Busy",
        requested_by="thought_9",
    )
    put_off = Change("defer", now, "cli", "ada", "Busy", "thought_9")
    assert await store.tasks.defer(task.task_id, task.next_run_ms, Reschedule(deferral, until_ms), put_off)
    assert await store.tasks.cancel(task.task_id, Change("cancel", now + SECOND, "rest", "dashboard", "Off"))
    created, deferred, cancelled = await store.audit.of_task(task.task_id)

    assert (created.action, created.surface, created.actor, created.at) == ("create", "rest", "dashboard", now)
    assert (created.thought_id, created.before) == ("thought_origin", None)
    assert created.after == {"name": task.name, "task_type": "one_time", "timezone": "UTC", "dedup_key": "daily"}
    assert (deferred.action, deferred.surface, deferred.actor) == ("defer", "cli", "ada")
    assert (deferred.reason, deferred.thought_id) == ("Busy", "thought_9")
    assert deferred.before == {"next_run_ms": task.next_run_ms, "deferral_count": 0}
    assert deferred.after == {"next_run_ms": until_ms, "deferral_count": 1}
    assert (cancelled.surface, cancelled.actor, cancelled.reason) == ("rest", "dashboard", "Off")
    assert cancelled.before == {"status": "PENDING", "next_run_ms": until_ms}
    assert cancelled.after == {"status": "CANCELLED", "next_run_ms": None}


async def test_a_run_by_hand_and_a_quarantine_are_on_the_trail(
    store: Graph, a_task: MakeTask, a_lease: Callable[..., Lease], now: datetime
) -> None:
    run, broken = a_task(), a_task()
    by_hand = plan(run, to_ms(now), "replica_a").execution
    await store.tasks.create([run, broken])
    await store.queue.start_now(by_hand, a_lease(), Change("run_now", now, "service"))
    await store.tasks.quarantine(broken.task_id, "It cannot be read", now)
    _, ran = await store.audit.of_task(run.task_id)
    _, quarantined = await store.audit.of_task(broken.task_id)

    assert (ran.action, ran.surface, ran.actor) == ("run_now", "service", None)
    assert ran.after == {"execution_id": by_hand.execution_id}
    assert (quarantined.surface, quarantined.reason) == ("scheduler", "It cannot be read")
    assert quarantined.before == {"status": "PENDING", "next_run_ms": broken.next_run_ms}
    assert quarantined.after == {"status": TaskStatus.FAILED, "next_run_ms": None}


async def test_nothing_is_known_of_a_task_that_is_not_there(store: Graph) -> None:
    assert list(await store.audit.of_task("task_of_nobody")) == []


async def test_the_trail_of_all_tasks_is_read_in_stretches_that_leave_nothing_out(
    store: Graph, a_task: MakeTask, now: datetime
) -> None:
    start = to_ms(now) // 1000
    ahead_ms = to_ms(now + MINUTE)
    tasks = [
        a_task(task_id=f"task_{start + 2 * at}.000_aaaaaa", created_at=now, next_run_ms=ahead_ms) for at in range(5)
    ]
    await store.tasks.create(tasks)
    for at, task in enumerate(tasks):
        await store.tasks.cancel(task.task_id, Change("cancel", now + timedelta(seconds=2 * at + 1), "service"))
    whole = await store.audit.entries(AuditRange())
    read: list[str] = []
    while page := await store.audit.entries(AuditRange(after=read[-1] if read else None, limit=3)):
        assert len(page) <= 3
        read += [change.change_id for change in page]

    assert [change.action for change in whole] == ["create", "cancel"] * 5
    assert read == [change.change_id for change in whole]
    late = await store.audit.entries(AuditRange(since=now + timedelta(seconds=7)))
    assert [change.change_id for change in late] == read[7:]


async def test_a_sounding_tells_what_is_due_and_which_leases_have_run_out(
    store: Graph, a_task: MakeTask, claimed: Callable[..., Awaitable[list[Execution]]], now: datetime
) -> None:
    tasks = [a_task(next_run_ms=to_ms(now) + 1000 * at) for at in range(4)]
    await store.tasks.create(tasks)
    await claimed(tasks[0])
    fresh = await store.health.probe(now)
    later = await store.health.probe(now + timedelta(minutes=5))

    assert (fresh.due, fresh.oldest_due_ms, fresh.leases, fresh.overdue_leases) == (0, None, 1, 0)
    assert (later.due, later.oldest_due_ms) == (3, to_ms(now) + 1000)
    assert (later.leases, later.overdue_leases) == (1, 1)
    assert later.oldest_overdue_ms == to_ms(now + timedelta(minutes=1))
    assert (later.graph_now_ms is None) == store.exclusive
    assert (later.disk_free is None) == (not store.exclusive)


async def test_the_rows_of_each_commit_are_there_to_be_measured(store: Graph, a_task: MakeTask) -> None:
    store.statistics.commit_sizes.clear()
    await store.tasks.create([a_task() for _ in range(7)])

    assert list(store.statistics.commit_sizes) == [7]
