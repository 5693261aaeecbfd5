"""The store's contract: a change only of a task that stands as it was read, and a request that is sent again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer.errors import DuplicateTask, ExecutionNotFound, IdempotencyKeyReused
from remembrancer.model.execution import Execution, ExecutionStatus
from remembrancer.model.handler_result import Defer
from remembrancer.model.idempotency import IdempotencyKey
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.unanswered.deferral import defer
from remembrancer.ports.idempotency import IdempotencyRecord
from remembrancer.ports.writes import Change, Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Lease

    MakeTask = Callable[..., ScheduledTask]
    MakeLease = Callable[..., Lease]
    ByHand = Callable[[ScheduledTask], Execution]
    Claim = Callable[..., Awaitable[list[Execution]]]

MARK = IdempotencyKey("rest: ada", "k1", "digest")


async def test_of_many_who_change_a_task_as_they_read_it_one_does(
    store: Graph, a_task: MakeTask, a_lease: MakeLease, by_hand: ByHand, now: datetime
) -> None:
    task = a_task(schedule_cron="0 12 * * *", next_run_ms=to_ms(now + timedelta(hours=3)))
    await store.tasks.create([task])
    fence = (await store.tasks.get(task.task_id)).fence
    reschedules = [defer(task, Defer(now + timedelta(hours=hours), "Not yet"), now, None) for hours in range(4, 8)]
    deferring = Change("defer", now, "rest", if_fence=fence)
    running = Change("run_now", now, "rest", if_fence=fence)
    cancelling = Change("cancel", now, "rest", if_fence=fence)
    written = await asyncio.gather(
        *(store.tasks.defer(task.task_id, task.next_run_ms, reschedule, deferring) for reschedule in reschedules),
        store.queue.start_now(by_hand(task), a_lease(), running),
        *(store.tasks.cancel(task.task_id, cancelling) for _ in range(4)),
    )

    assert [bool(each) for each in written].count(True) == 1
    assert (await store.tasks.get(task.task_id)).fence == fence + 1
    assert await store.query("MATCH (c:task_change) RETURN count(c) AS changes") == [{"changes": 1}]


async def test_what_is_refused_leaves_the_task_as_it_was_read(
    store: Graph, a_task: MakeTask, a_lease: MakeLease, by_hand: ByHand, now: datetime
) -> None:
    task = a_task(next_run_ms=to_ms(now) + 1000)
    await store.tasks.create([task])
    before = await store.tasks.get(task.task_id)
    stale = Change("cancel", now, "rest", if_fence=before.fence + 1)

    assert not await store.tasks.cancel(task.task_id, stale)
    assert await store.queue.start_now(by_hand(task), a_lease(), stale) is None
    assert await store.tasks.get(task.task_id) == before
    assert await store.query("MATCH (n) WHERE n:task_execution OR n:execution_lease RETURN n") == []


async def test_an_end_counts_as_a_change(
    *, store: Graph, a_task: MakeTask, a_lease: MakeLease, by_hand: ByHand, claimed: Claim, now: datetime
) -> None:
    task = a_task()
    await store.tasks.create([task])
    (won,) = await claimed(task)
    read = await store.tasks.get(task.task_id)
    await store.queue.settle([Settlement(won, ExecutionStatus.COMPLETED, now, 0.1, ends_task=TaskStatus.COMPLETE)])

    assert (await store.tasks.get(task.task_id)).fence > read.fence
    assert await store.queue.start_now(by_hand(task), a_lease(), Change("run_now", now, "rest")) is None


@pytest.mark.parametrize("action", ["cancel", "defer", "run_now"])
async def test_a_request_is_found_by_its_key_and_not_done_again(
    *, action: str, store: Graph, a_task: MakeTask, a_lease: MakeLease, by_hand: ByHand, now: datetime
) -> None:
    task, other = (a_task(next_run_ms=to_ms(now) + 1000) for _ in range(2))
    await store.tasks.create([task, other])
    change = Change(action, now, "rest", idempotency_key=MARK)

    async def act(task: ScheduledTask) -> None:
        reschedule = defer(task, Defer(now + timedelta(hours=1), "Later"), now, None)
        match action:
            case "cancel":
                await store.tasks.cancel(task.task_id, change)
            case "defer":
                await store.tasks.defer(task.task_id, task.next_run_ms, reschedule, change)
            case _:
                await store.queue.start_now(by_hand(task), a_lease(), change)

    assert await store.idempotency.find(MARK) is None
    await act(task)
    with pytest.raises(IdempotencyKeyReused):
        await act(other)

    execution_id = "exec_by_hand" if action == "run_now" else None
    assert await store.idempotency.find(MARK) == IdempotencyRecord("digest", action, task.task_id, execution_id)
    assert (await store.tasks.get(other.task_id)).fence == 0


async def test_the_tasks_of_a_request_are_found_by_its_key(store: Graph, a_task: MakeTask) -> None:
    tasks = [a_task(dedup_key=MARK.of_task(place)) for place in range(2)]
    await store.tasks.create(tasks, idempotency_key=MARK)
    with pytest.raises(DuplicateTask):
        await store.tasks.create([a_task(dedup_key=MARK.of_task(0))], idempotency_key=MARK)

    assert await store.idempotency.find(MARK) == IdempotencyRecord("digest", "create", tasks[0].task_id)
    await store.tasks.create([a_task(dedup_key="of somebody's own|0")])
    assert await store.idempotency.find(IdempotencyKey("of somebody's own", "", "")) is None


async def test_an_execution_is_found_by_its_id(
    store: Graph, a_task: MakeTask, a_lease: MakeLease, by_hand: ByHand, now: datetime
) -> None:
    task = a_task()
    await store.tasks.create([task])
    started = await store.queue.start_now(by_hand(task), a_lease(), Change("run_now", now, "rest"))

    assert await store.tasks.execution("exec_by_hand") == started
    with pytest.raises(ExecutionNotFound):
        await store.tasks.execution("exec_of_nobody")
