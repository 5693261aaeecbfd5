"""Dedup keys that ended tasks give back: a new task has the key, and the ended one stays in the history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput, ScheduleRequest, TaskSchedulerService, TaskStatus
from remembrancer.context import IDEMPOTENCY_KEY
from remembrancer.errors import DuplicateTask, IdempotencyKeyReused
from remembrancer.model.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

ONCE = ("Water", "Tomatoes live", "Water them", "thought_1", "2090-01-01T00:00:00Z")
GIVEN_BACK: Any = {"dedup_key": "tomatoes", "dedup_reuse": "after_end"}


@pytest.fixture
async def service(graph: str) -> AsyncGenerator[TaskSchedulerService]:
    made = TaskSchedulerService(graph)
    await made.open()
    yield made
    await made.close()


async def test_an_ended_task_gives_its_key_back(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*ONCE, **GIVEN_BACK)
    while_open = await service.schedule_task(*ONCE, **GIVEN_BACK)
    await service.cancel_task(first.task_id)
    second = await service.schedule_task(*ONCE, **GIVEN_BACK)
    again = await service.schedule_task(*ONCE, **GIVEN_BACK)

    assert [while_open.disposition, second.disposition, again.disposition] == ["existing", "created", "existing"]
    assert first.task_id == while_open.task_id != second.task_id == again.task_id
    ended = await service.get_task(first.task_id)
    assert (ended.status, ended.dedup_key) == (TaskStatus.CANCELLED, None)
    returned = (await service.audit_entries(first.task_id))[-1]
    assert (returned.action, returned.before) == ("return_key", {"dedup_key": "tomatoes"})


async def test_callers_at_once_make_one_task_of_a_returned_key(graph: str, service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*ONCE, **GIVEN_BACK)
    await service.cancel_task(first.task_id)
    shared = "://" in graph
    other = TaskSchedulerService(graph) if shared else service
    await other.open()
    answers = await asyncio.gather(*(each.schedule_task(*ONCE, **GIVEN_BACK) for each in [service, other] * 4))
    if shared:
        await other.close()

    assert sorted(each.disposition for each in answers) == ["created", *["existing"] * 7]
    assert len({each.task_id for each in answers}) == 1
    assert len(await service.find_tasks()) == 2


async def test_a_batch_makes_one_task_of_a_returned_key(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*ONCE, **GIVEN_BACK)
    await service.cancel_task(first.task_id)
    asked = [ScheduleRequest(*ONCE, **GIVEN_BACK), ScheduleRequest(*ONCE), ScheduleRequest(*ONCE, **GIVEN_BACK)]

    assert [each.disposition for each in await service.schedule_tasks(asked)] == ["created", "created", "existing"]


async def test_an_update_takes_a_returned_key(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*ONCE, **GIVEN_BACK)
    second = await service.schedule_task(*ONCE)
    with pytest.raises(DuplicateTask):
        await service.update_task(second.task_id, dedup_key="tomatoes")
    await service.cancel_task(first.task_id)
    changed = await service.update_task(second.task_id, dedup_key="tomatoes")

    assert (changed.dedup_key, (await service.get_task(second.task_id)).dedup_key) == ("tomatoes", "tomatoes")
    assert (await service.get_task(first.task_id)).dedup_key is None
    returned = (await service.audit_entries(first.task_id))[-1]
    assert (returned.action, returned.before) == ("return_key", {"dedup_key": "tomatoes"})
    assert (await service.schedule_task(*ONCE, **GIVEN_BACK)).task_id == second.task_id


async def test_updates_at_once_take_a_returned_key_once(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*ONCE, **GIVEN_BACK)
    await service.cancel_task(first.task_id)
    others = [(await service.schedule_task(*ONCE)).task_id for _ in range(4)]
    asked = (service.update_task(task_id, dedup_key="tomatoes") for task_id in others)
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(each, DuplicateTask) for each in answers) == 3
    assert [(await service.get_task(each)).dedup_key for each in others].count("tomatoes") == 1
    assert [each.action for each in await service.audit_entries(first.task_id)].count("return_key") == 1


async def test_an_update_leaves_a_key_that_is_kept(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*ONCE, dedup_key="tomatoes")
    await service.cancel_task(first.task_id)
    second = await service.schedule_task(*ONCE)
    with pytest.raises(DuplicateTask):
        await service.update_task(second.task_id, dedup_key="tomatoes")

    assert (await service.get_task(first.task_id)).dedup_key == "tomatoes"


async def test_the_ended_task_decides_about_its_key(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*ONCE, dedup_key="tomatoes")
    await service.cancel_task(first.task_id)
    again = await service.schedule_task(*ONCE, **GIVEN_BACK)

    assert (again.task_id, again.disposition) == (first.task_id, "existing")


async def test_a_request_sent_again_returns_the_ended_task(service: TaskSchedulerService) -> None:
    async def schedule(key: str, digest: str) -> str:
        token = IDEMPOTENCY_KEY.set(IdempotencyKey("rest: ada", key, digest))
        try:
            return (await service.schedule_task(*ONCE, **GIVEN_BACK)).task_id
        finally:
            IDEMPOTENCY_KEY.reset(token)

    first = await schedule("one", "digest")
    await service.cancel_task(first)

    assert await schedule("one", "digest") == first
    with pytest.raises(IdempotencyKeyReused):
        await schedule("one", "of another request")
    assert await schedule("two", "digest") != first


@pytest.mark.parametrize("key", [None, "set:house/tea"])
async def test_a_key_that_is_not_the_callers_is_not_returned(key: str | None, service: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match="dedup_"):
        await service.schedule_task(*ONCE, dedup_key=key, dedup_reuse="after_end")
    made = await service.apply_set("house", {"tea": {"trigger_prompt": "Make tea", "every": "90m"}})
    (task_id,) = [each.task_id for each in made.tasks]

    with pytest.raises(InvalidInput, match="dedup_reuse"):
        await service.update_task(str(task_id), dedup_reuse="after_end")
