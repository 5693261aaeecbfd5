"""Marks that parts of the package keep among dedup_keys: no caller takes them beforehand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from remembrancer import InvalidInput, ScheduleRequest, TaskSchedulerService
from remembrancer.context import CURRENT_ACTOR, IDEMPOTENCY_KEY, Actor
from remembrancer.model.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = ScheduleRequest("Report", "Keep Ada informed", "Write it", "thought_1", schedule_cron="0 9 * * *")
IMPORTED = f"crontab_{'0a' * 16}"


@pytest.fixture(autouse=True)
def _nobody() -> Iterator[None]:
    """What a test says of itself ends with it."""
    author, mark = CURRENT_ACTOR.set(None), IDEMPOTENCY_KEY.set(None)
    yield
    CURRENT_ACTOR.reset(author)
    IDEMPOTENCY_KEY.reset(mark)


@pytest.mark.parametrize("key", ["rest: dashboard|order-7|0", "rest: dashboard|", "rest|x|0", IMPORTED])
@pytest.mark.parametrize("surface", ["service", "rest", "handler", "cli"])
async def test_a_key_of_another_part_is_refused(key: str, surface: str) -> None:
    CURRENT_ACTOR.set(Actor(surface, "mallory"))
    async with TaskSchedulerService(":memory:") as service:
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_tasks([REPORT, replace(REPORT, dedup_key=key)])

        assert (refused.value.field, refused.value.value) == ("dedup_key", key)
        assert await service.get_scheduled_tasks() == []


@pytest.mark.parametrize("key", ["daily-report", "rest: a report", "rest:x|1", "crontab_daily", "arrest: a|b|0"])
async def test_any_other_key_is_taken(key: str) -> None:
    async with TaskSchedulerService(":memory:") as service:
        first = await service.schedule_tasks([replace(REPORT, dedup_key=key)])
        again = await service.schedule_tasks([replace(REPORT, dedup_key=key)])

        assert first[0].task_id == again[0].task_id


async def test_a_request_is_acted_on_whatever_others_made(graph: str) -> None:
    mark = IdempotencyKey("rest: dashboard", "order-7", "digest")
    async with TaskSchedulerService(graph) as service:
        with pytest.raises(InvalidInput):
            await service.schedule_tasks([replace(REPORT, name="Squatter", dedup_key=mark.of_task(0))])
        IDEMPOTENCY_KEY.set(mark)
        CURRENT_ACTOR.set(Actor("rest", "dashboard"))
        (made,) = await service.schedule_tasks([REPORT])
        (again,) = await service.schedule_tasks([REPORT])

    assert (made.name, made.task_id) == ("Report", again.task_id)
    assert made.dedup_key == mark.of_task(0)


async def test_the_import_keeps_its_own_keys(graph: str) -> None:
    async with TaskSchedulerService(graph) as service:
        CURRENT_ACTOR.set(Actor("import", "ada"))
        (made,) = await service.schedule_tasks([replace(REPORT, dedup_key=IMPORTED)])

    assert made.dedup_key == IMPORTED
