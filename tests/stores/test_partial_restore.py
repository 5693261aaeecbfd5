"""The store's contract: a graph of which a part was put back from a copy goes on, and says that it did."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.filters import TaskFilter
from remembrancer.ports.writes import Settlement
from remembrancer.stores.rows.due_key import due_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

    MakeTask = Callable[..., ScheduledTask]
    Claim = Callable[..., Awaitable[list[Execution]]]
    Beside = Callable[[str], Awaitable[None]]
    PutBack = Callable[[ScheduledTask, ExecutionStatus | None], Awaitable[str]]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def put_back(store: Graph, claimed: Claim, now: datetime, write_beside: Beside) -> PutBack:
    """Let a task run, to this outcome if one is given, and set it back to where it stood; return the execution's id."""

    async def run(task: ScheduledTask, outcome: ExecutionStatus | None) -> str:
        (execution,) = await claimed(task)
        if outcome:
            await store.queue.settle([ended(execution, outcome, now)])
        await write_beside(
            f"MATCH (t:scheduled_task {{task_id: '{task.task_id}'}}) SET t.status = 'ACTIVE', "
            f"t.next_run_ms = {task.next_run_ms}, t.nominal_ms = {task.nominal_ms}, "
            f"t.due_key = {due_key(task.next_run_ms, task.task_id)}, t.fence = 0"
        )
        return execution.execution_id

    return run


def ended(execution: Execution, status: ExecutionStatus, now: datetime) -> Settlement:
    completed = status is ExecutionStatus.COMPLETED
    ends = TaskStatus.COMPLETE if completed else TaskStatus.FAILED
    return Settlement(
        execution,
        status,
        now,
        0.5,
        reason_code=None if completed else Reason.HANDLER_FAILED,
        ends_task=ends if execution.task_type is TaskType.ONE_TIME else None,
    )


async def test_a_recurring_task_skips_a_time_that_has_an_execution(
    store: Graph, a_task: MakeTask, put_back: PutBack, claimed: Claim, *, caplog: pytest.LogCaptureFixture
) -> None:
    task, fresh = a_task(schedule_cron="* * * * *"), a_task(schedule_cron="* * * * *")
    await store.tasks.create([task, fresh])
    first = await put_back(task, ExecutionStatus.COMPLETED)
    now = from_ms(task.next_run_ms or 0)

    due = await store.queue.due(now, 10)
    assert {each.task_id for each in due} == {task.task_id, fresh.task_id}
    assert [each.task_id for each in await claimed(*due)] == [fresh.task_id]
    assert f"{task.task_id} was due at an occurrence that already has an execution ({first})" in caplog.text

    stands = await store.tasks.get(task.task_id)
    assert (stands.status, stands.next_run_ms) == (TaskStatus.ACTIVE, to_ms(now + MINUTE))
    (second,) = await claimed(stands, at=now + MINUTE)
    assert [each.execution_id for each in await store.tasks.history(task.task_id, 10)] == [second.execution_id, first]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (ExecutionStatus.COMPLETED, TaskStatus.COMPLETE),
        (ExecutionStatus.FAILED, TaskStatus.FAILED),
        (None, TaskStatus.ACTIVE),
    ],
)
async def test_a_one_time_task_ends_as_its_only_moment_does(
    store: Graph, a_task: MakeTask, put_back: PutBack, claimed: Claim, *, outcome: Any, expected: TaskStatus
) -> None:
    await store.tasks.create([task := a_task()])
    only = await put_back(task, outcome)
    now = from_ms(task.next_run_ms or 0)
    assert await claimed(*await store.queue.due(now, 10)) == []

    stands = await store.tasks.get(task.task_id)
    assert (stands.status, stands.next_run_ms) == (expected, None)
    (execution,) = await store.tasks.history(task.task_id, 10)
    assert execution.execution_id == only
    if outcome is None:
        await store.queue.settle([ended(execution, ExecutionStatus.COMPLETED, now)])
        assert (await store.tasks.get(task.task_id)).status is TaskStatus.COMPLETE


async def test_a_follow_up_that_is_there_is_not_made_again(
    store: Graph, a_task: MakeTask, claimed: Claim, now: datetime, write_beside: Beside
) -> None:
    task = a_task(schedule_cron="* * * * *", misfire="skip", follow_up={"prompt": "Say it."})
    await store.tasks.create([task])
    for _ in range(2):
        (missed,) = await claimed(task, at=now + 10 * MINUTE)
        assert (missed.status, missed.occurrences) == (ExecutionStatus.MISSED, 9)
        made = [each for each in await store.tasks.find(TaskFilter()) if each.follow_up_of is not None]
        assert [each.follow_up_of for each in made] == [missed.execution_id]
        kept = await store.tasks.execution(missed.execution_id)
        assert kept.reason == missed.reason
        await write_beside(
            f"MATCH (t:scheduled_task {{task_id: '{task.task_id}'}}) MATCH (e:task_execution "
            f"{{execution_id: '{missed.execution_id}'}}) SET t.next_run_ms = {task.next_run_ms}, "
            f"t.nominal_ms = {task.nominal_ms}, t.fence = {task.fence} DETACH DELETE e"
        )
