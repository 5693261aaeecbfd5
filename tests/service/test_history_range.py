"""The history of a range of time, and zones in cron expressions, on each kind of graph."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def paced(graph: str, clock: VirtualClock) -> AsyncIterator[ManualScheduler]:
    """A scheduler over a graph of each kind, driven by hand."""
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        yield scheduler


async def test_a_history_is_that_of_a_range_of_time(paced: ManualScheduler) -> None:
    service = paced.service
    task = await service.schedule_task("Tea", "goal", "prompt", "t", schedule_cron="*/15 * * * *")
    for _ in range(5):
        await paced.tick(15 * MINUTE)
    every = [each.nominal_at for each in await service.history(task.task_id)]
    assert len(every) >= 4
    newest, oldest = every[1], every[3]
    for task_id in (task.task_id, None):
        ranged = await service.history(task_id, since=oldest, until=newest)
        assert [each.nominal_at for each in ranged] == every[2:4]
        page = await service.history(task_id, 1, ranged[0].execution_id, since=oldest.isoformat(), until=every[0])
        assert [each.nominal_at for each in page] == [oldest]
        assert await service.history(task_id, since=every[0] + MINUTE) == []


async def test_a_cursor_that_is_no_execution_is_refused(paced: ManualScheduler) -> None:
    for cursor in ("task_1723644600.123_9f3k2a", "", "exec_", "~"):
        with pytest.raises(InvalidInput, match="execution_id"):
            await paced.service.history(before=cursor)


async def test_a_time_without_an_offset_is_of_the_zone_named(paced: ManualScheduler) -> None:
    service = paced.service
    task = await service.schedule_task("Tea", "goal", "prompt", "t", schedule_cron="*/15 * * * *")
    for _ in range(3):
        await paced.tick(15 * MINUTE)
    last = (await service.history(task.task_id, 1))[0].nominal_at
    for timezone in ("UTC", "Asia/Kolkata", "America/New_York"):
        wall = f"{last.astimezone(ZoneInfo(timezone)):%Y-%m-%dT%H:%M}"
        for task_id in (task.task_id, None):
            since = await service.history(task_id, since=wall, timezone=timezone)
            until = await service.history(task_id, until=wall, timezone=timezone)
            assert (len(since), len(until)) == (1, len(await service.history(task_id)) - 1)
            changes = await service.audit_entries(task_id, since=wall, timezone=timezone)
            assert changes == await service.audit_entries(task_id, since=last)
        later = f"{(last + 60 * MINUTE).astimezone(ZoneInfo(timezone)):%Y-%m-%dT%H:%M}"
        ahead = await service.export_calendar(wall, later, history=True, timezone=timezone)
        assert ahead == await service.export_calendar(last, last + 60 * MINUTE, history=True)


async def test_a_zone_that_is_none_is_refused(paced: ManualScheduler) -> None:
    for ask in (paced.service.history, paced.service.audit_entries, paced.service.export_calendar):
        with pytest.raises(InvalidInput, match="timezone"):
            await ask(since="2026-08-15T09:00Z", timezone="Berlin")


async def test_a_zone_before_cron_fields_is_the_timezone(paced: ManualScheduler) -> None:
    service = paced.service
    for prefix in ("CRON_TZ", "TZ"):
        task = await service.schedule_task("Tea", "goal", "prompt", "t", schedule_cron=f"{prefix}=Asia/Tokyo 5 4 * * *")
        assert (task.schedule_cron, task.timezone) == ("5 4 * * *", "Asia/Tokyo")
        plain = await service.schedule_task(
            "Tea", "goal", "prompt", "t", schedule_cron="5 4 * * *", timezone="Asia/Tokyo"
        )
        assert task.next_fires == plain.next_fires


async def test_a_zone_before_cron_fields_contradicts_none(paced: ManualScheduler) -> None:
    for zone in ("UTC", "Europe/Berlin"):
        with pytest.raises(InvalidInput, match="not two; timezone is"):
            await paced.service.schedule_task(
                "Tea", "goal", "prompt", "t", schedule_cron="CRON_TZ=Asia/Tokyo 5 4 * * *", timezone=zone
            )
    with pytest.raises(InvalidInput, match="IANA"):
        await paced.service.schedule_task("Tea", "goal", "prompt", "t", schedule_cron="CRON_TZ=Mars 5 4 * * *")


async def test_an_update_takes_the_zone_before_cron_fields(paced: ManualScheduler) -> None:
    task = await paced.service.schedule_task("Tea", "goal", "prompt", "t", schedule_cron="5 4 * * *")
    updated = await paced.service.update_task(task.task_id, schedule_cron="CRON_TZ=Asia/Tokyo 5 4 * * *")
    assert (updated.schedule_cron, updated.timezone) == ("5 4 * * *", "Asia/Tokyo")
    assert set(updated.changed) == {"timezone"}
