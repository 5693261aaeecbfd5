"""The store's contract: a task that is ended or put off leaves no moment that has come without an outcome."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from planned import plan

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.handler_result import Defer
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.claims import skip_claim
from remembrancer.policies.decision import PlanContext, Skip
from remembrancer.policies.occurrences import OccurrenceRange
from remembrancer.policies.unanswered.deferral import defer
from remembrancer.ports.writes import Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change, Claim, Lease

    MakeTask = Callable[..., ScheduledTask]
    MakeChange = Callable[..., Change]
    MakeLease = Callable[..., Lease]
    Forge = Callable[[Execution, Execution], Execution]
    Claimed = Callable[..., Awaitable[list[Execution]]]

HOUR = timedelta(hours=1)


def outstanding_claim(task: ScheduledTask, now: datetime, moments: int = 1) -> Claim:
    """Account for what a task is cancelled with."""
    first_ms = task.nominal_ms or 0
    status, code = ExecutionStatus.CANCELLED, Reason.TASK_CANCELLED
    dropped = OccurrenceRange(first_ms, first_ms + 60_000 * (moments - 1), moments)
    skip = Skip(dropped, status, code, "It was cancelled", task.next_run_ms, None)
    return skip_claim(task, skip, PlanContext(to_ms(now), None))


async def told(store: Graph) -> Counter[tuple[str, int | None]]:
    """Count what the event log tells of outcomes and ends; between its streams, one for each lane, is no order."""
    events: Counter[tuple[str, int | None]] = Counter()
    for stream in await store.events.ranges():
        events.update((each.event.kind, each.event.occurrences) for each in await store.events.read(stream, 0, 1000))
    return events


async def test_a_task_is_cancelled_only_with_its_due_outcome(
    store: Graph, a_task: MakeTask, a_change: MakeChange, now: datetime
) -> None:
    task = a_task(schedule_cron="* * * * *", next_run_ms=to_ms(now - timedelta(minutes=4)))
    await store.tasks.create([task])
    change = a_change("cancel", "Enough")
    assert not await store.tasks.cancel(task.task_id, change)
    assert (await store.tasks.get(task.task_id)).is_open
    standing = await store.tasks.get(task.task_id)
    assert await store.tasks.cancel(task.task_id, change, outstanding_claim(standing, now, 5))
    assert not await store.tasks.cancel(task.task_id, change, outstanding_claim(standing, now, 5))
    (made,) = await store.tasks.history(task.task_id, 10)
    counted, events = (await store.statistics.lifetime()).counts, await told(store)
    cancelled = (await store.audit.of_task(task.task_id))[-1]

    assert (made.status, made.reason_code, made.occurrences) == ("cancelled", "task_cancelled", 5)
    assert (made.nominal_at, made.last_nominal_at) == (now - timedelta(minutes=4), now)
    assert (counted["tasks_cancelled"], counted["tasks_begun"], counted["occurrences_dropped"]) == (1, 1, 5)
    assert events == Counter([("task_created", None), ("execution_cancelled", 5), ("task_cancelled", None)])
    assert cancelled.before == {"status": "PENDING", "next_run_ms": task.next_run_ms}


async def test_a_cancellation_is_written_only_if_its_task_is_unchanged(
    store: Graph, a_task: MakeTask, a_change: MakeChange, claimed: Claimed, now: datetime
) -> None:
    run, deferred_meanwhile = a_task(schedule_cron="* * * * *"), a_task(schedule_cron="* * * * *")
    await store.tasks.create([run, deferred_meanwhile])
    await claimed(run)
    reschedule = defer(deferred_meanwhile, Defer(now + HOUR, "Busy"), now, None)
    assert await store.tasks.defer(deferred_meanwhile.task_id, to_ms(now), reschedule, a_change("defer"))

    assert await store.tasks.cancel(run.task_id, a_change("cancel"), outstanding_claim(run, now)), (
        "it owes nothing any more"
    )
    owed = outstanding_claim(deferred_meanwhile, now)
    assert not await store.tasks.cancel(deferred_meanwhile.task_id, a_change("cancel"), owed), "it stands otherwise"
    assert [each.status for each in await store.tasks.history(None, 10)] == ["running"]


async def test_a_task_that_was_put_off_keeps_its_place_in_its_schedule(
    store: Graph, a_task: MakeTask, a_change: MakeChange, claimed: Claimed, now: datetime
) -> None:
    once, recurring = a_task(), a_task(schedule_cron="0 * * * *")
    await store.tasks.create([once, recurring])
    for task in (once, recurring):
        reschedule = defer(task, Defer(now + 3 * HOUR, "Busy"), now, None)
        assert reschedule.outstanding is None
        assert await store.tasks.defer(task.task_id, task.next_run_ms, reschedule, a_change("defer"))
        after = await store.tasks.get(task.task_id)
        assert (after.nominal_ms, after.next_run_ms) == (to_ms(now), to_ms(now + 3 * HOUR))
        (held,) = await claimed(after, at=now + 3 * HOUR)
        (run,) = await claimed(await store.tasks.get(task.task_id), at=now + 3 * HOUR)

        assert (held.status, held.nominal_at) == ("deferred", now)
        assert held.occurrences == (3 if task is recurring else 1)
        assert (run.status, run.execution_type, run.nominal_at) == ("running", "deferred_trigger", now + 3 * HOUR)


async def test_a_run_deferred_after_its_time_has_an_outcome_for_it(
    store: Graph, a_task: MakeTask, a_change: MakeChange, now: datetime
) -> None:
    task = a_task(schedule_cron="0 * * * *")
    await store.tasks.create([task])
    half = now + HOUR / 2
    first = defer(task, Defer(half, "Busy"), now, None)
    assert await store.tasks.defer(task.task_id, task.next_run_ms, first, a_change("defer"))
    standing, later = await store.tasks.get(task.task_id), half + timedelta(minutes=1)
    stale = defer(standing.model_copy(update={"fence": 0}), Defer(now + 3 * HOUR, "Still busy"), later, None)
    assert not await store.tasks.defer(task.task_id, standing.next_run_ms, stale, a_change("defer"))
    fresh = await store.tasks.get(task.task_id)
    again = defer(fresh, Defer(now + 3 * HOUR, "Still busy"), later, None)
    assert await store.tasks.defer(task.task_id, fresh.next_run_ms, again, a_change("defer"))
    (made,) = await store.tasks.history(task.task_id, 10)
    after = await store.tasks.get(task.task_id)

    assert (made.status, made.reason_code, made.nominal_at, made.occurrences) == (
        "deferred",
        "held_by_deferral",
        half,
        1,
    )
    assert (after.nominal_ms, after.deferral_count, len(after.deferral_history)) == (to_ms(now), 2, 2)


async def test_a_stale_deferral_does_not_repeat_a_claimed_occurrence(
    store: Graph, a_task: MakeTask, claimed: Claimed, now: datetime
) -> None:
    """Or that moment would be held over, find its outcome there already, and stop its task for ever."""
    task = a_task(schedule_cron="* * * * *")
    await store.tasks.create([task])
    (won,) = await claimed(task)
    minute = now + timedelta(minutes=1)
    reschedule = defer(
        await store.tasks.get(task.task_id), Defer(now + timedelta(minutes=5), "Busy"), now, won.nominal_at
    )
    await claimed(await store.tasks.get(task.task_id), at=minute)
    assert await store.queue.settle(
        [Settlement(won, ExecutionStatus.DEFERRED, minute, 0.5, reschedule=reschedule)]
    ) == [True]
    after = await store.tasks.get(task.task_id)
    (held,) = await claimed(after, at=now + timedelta(minutes=5))

    assert after.nominal_ms == to_ms(now + timedelta(minutes=2))
    assert (held.status, held.nominal_at, held.occurrences) == ("deferred", now + timedelta(minutes=2), 3)


@pytest.mark.parametrize("schedule_cron", [None, "every day"])
async def test_a_quarantined_task_has_an_outcome_for_its_due_time(
    store: Graph, a_task: MakeTask, now: datetime, schedule_cron: str | None
) -> None:
    task = a_task(schedule_cron=schedule_cron)
    await store.tasks.create([task])
    for _ in range(2):
        await store.tasks.quarantine(task.task_id, "It cannot be read", now)
    (made,) = await store.tasks.history(task.task_id, 10)
    counted = (await store.statistics.lifetime()).counts

    assert (made.status, made.reason_code, made.reason) == ("skipped", "quarantined", "It cannot be read")
    assert (made.nominal_at, made.occurrences) == (now, 1)
    assert (counted["tasks_failed"], counted["occurrences_dropped"], counted["executions_failed"]) == (1, 1, 0)
    assert await told(store) == Counter([("task_created", None), ("execution_skipped", 1), ("task_ended", None)])


@pytest.mark.parametrize("status", [TaskStatus.FAILED, TaskStatus.CANCELLED])
async def test_a_task_is_ended_even_where_its_moment_has_an_outcome(
    store: Graph, a_task: MakeTask, a_lease: MakeLease, a_change: MakeChange, status: TaskStatus, *, forged: Forge
) -> None:
    """Of a graph put back from half a backup, say."""
    task, other = a_task(), a_task()
    await store.tasks.create([task, other])
    change = a_change("cancel")
    now = change.at
    first, second = (plan(each, to_ms(now), "replica_a").execution for each in (task, other))
    await store.queue.start_now(forged(second, first), a_lease(), a_change("run_now"))
    if status is TaskStatus.FAILED:
        await store.tasks.quarantine(task.task_id, "It cannot be read", now)
    else:
        assert await store.tasks.cancel(task.task_id, change, outstanding_claim(task, now))

    assert (await store.tasks.get(task.task_id)).status is status
    assert list(await store.tasks.history(task.task_id, 10)) == []
