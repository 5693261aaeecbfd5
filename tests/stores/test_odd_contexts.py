"""A context that an older version or another hand has written: shown as unreadable, and in the way of no other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer.model.deferral import Deferral
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.filters import TaskFilter, TaskPageQuery
from remembrancer.ports.writes import Reschedule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change

    MakeTask = Callable[..., ScheduledTask]
    Beside = Callable[[str], Awaitable[None]]

ODD = {
    "deep": '{"a":' * 40 + "1" + "}" * 40,
    "deeper than a parser": '{"a":' * 3000 + "1" + "}" * 3000,
    "no number": '{"a":NaN}',
    "too large": '{"a":1e999}',
    "no object": "[1]",
    "no JSON": "hello",
}


@pytest.mark.parametrize("case", ODD)
async def test_an_odd_context_is_shown_as_unreadable(
    store: Graph, a_task: MakeTask, write_beside: Beside, *, case: str
) -> None:
    odd, sound = a_task(context={"a": 1}), a_task(context={"a": 1})
    await store.tasks.create([odd, sound])
    await write_beside(f"MATCH (t:scheduled_task {{task_id: '{odd.task_id}'}}) SET t.context = '{ODD[case]}'")
    shown = await store.tasks.get(odd.task_id)
    listed = {task.task_id: task for task in await store.tasks.find(TaskFilter())}
    paged = await store.tasks.page(TaskPageQuery(TaskStatus.PENDING, TaskType(odd.task_type), 10))

    assert (shown.name, shown.context) == (odd.name, None)
    assert shown.unreadable
    assert listed[odd.task_id].unreadable == shown.unreadable
    assert (listed[sound.task_id].context, listed[sound.task_id].unreadable) == ({"a": 1}, None)
    assert {task.task_id for task in paged} == {odd.task_id, sound.task_id}


async def test_an_odd_context_is_never_run(store: Graph, a_task: MakeTask, write_beside: Beside, now: datetime) -> None:
    await store.tasks.create([odd := a_task(context={"a": 1}), sound := a_task()])
    await write_beside(f"MATCH (t:scheduled_task {{task_id: '{odd.task_id}'}}) SET t.context = '{ODD['deep']}'")
    due = await store.queue.due(now, 10)

    assert [task.task_id for task in due] == [sound.task_id]
    assert (await store.tasks.get(odd.task_id)).status is TaskStatus.FAILED


async def test_a_deferral_with_an_odd_context_stays_in_the_history(
    store: Graph, a_task: MakeTask, a_change: Callable[..., Change], write_beside: Beside, now: datetime
) -> None:
    await store.tasks.create([task := a_task(next_run_ms=to_ms(now) + 60_000)])
    deferral = Deferral(
        deferral_id="deferral_1",
        task_id=task.task_id,
        deferred_at=now,
        original_time=None,
        deferred_until=now + timedelta(hours=1),
        reason="Later",
        context={"a": 1},
    )
    read = await store.tasks.get(task.task_id)
    reschedule = Reschedule(deferral, to_ms(deferral.deferred_until), None)
    assert await store.tasks.defer(task.task_id, read.next_run_ms, reschedule, a_change("defer"))
    await write_beside(f"MATCH (d:task_deferral) WHERE d.task_id = '{task.task_id}' SET d.context = '{ODD['deep']}'")
    (entry,) = (await store.tasks.get(task.task_id)).deferral_history

    assert (entry["reason"], entry["context"]) == ("Later", None)
    assert "context" in entry["unreadable"]
