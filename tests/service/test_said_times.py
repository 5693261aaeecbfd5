"""Times as people say them, on each way to the scheduler: from now, in the task's zone, or refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Bounded, Defer, Every, ScheduleRequest, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.schedules.kinds import schedule_of
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
HOURS = timedelta(hours=2)
TEA: dict[str, Any] = {
    "name": "Tea",
    "goal_description": "goal",
    "trigger_prompt": "prompt",
    "origin_thought_id": "thought",
}


def put_off(firing: Firing) -> Defer:
    return Defer("in 2h", "Not yet.")


@pytest.fixture
async def scheduler() -> AsyncIterator[ManualScheduler]:
    clock = VirtualClock(NOW)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock, handler=put_off), clock) as manual:
        yield manual


@pytest.mark.parametrize(
    "said", [{"in_": "2h"}, {"in_": HOURS}, {"defer_until": "in 2h"}, {"defer_until": HOURS}, {"defer_until": "+120m"}]
)
async def test_a_task_is_scheduled_from_now(scheduler: ManualScheduler, said: dict[str, Any]) -> None:
    made = await scheduler.service.schedule_task(**TEA, **said)

    assert made.defer_until == NOW + HOURS
    assert made.next_fires == [NOW + HOURS]


async def test_a_request_takes_a_timedelta(scheduler: ManualScheduler) -> None:
    (made,) = await scheduler.service.schedule_tasks([ScheduleRequest(**TEA, defer_until=HOURS)])

    assert made.next_fires == [NOW + HOURS]


async def test_a_deferral_and_a_pause_are_in_the_zone_of_the_task(scheduler: ManualScheduler) -> None:
    service = scheduler.service
    made = await service.schedule_task(**TEA, schedule_cron="0 9 * * *", timezone="Europe/Berlin")

    deferred = await service.defer_task(made.task_id, "2026-07-01T09:00", "Holidays.")
    assert deferred.defer_until == datetime(2026, 7, 1, 7, tzinfo=UTC)
    paused = await service.pause_task(made.task_id, "2026-08-01T09:00", "Holidays.")
    assert paused.paused_until == datetime(2026, 8, 1, 7, tzinfo=UTC)
    paused = await service.pause_task(made.task_id, "in 1w")
    assert paused.paused_until == NOW + timedelta(weeks=1)


async def test_an_update_reads_its_time_in_the_zone_of_the_task(scheduler: ManualScheduler) -> None:
    made = await scheduler.service.schedule_task(**TEA, defer_until="2026-07-01T09:00", timezone="Europe/Berlin")
    moved = await scheduler.service.update_task(made.task_id, defer_until="2026-07-02T09:00")
    assert moved.next_fires == [datetime(2026, 7, 2, 7, tzinfo=UTC)]

    moved = await scheduler.service.update_task(made.task_id, defer_until="in 2h")
    assert moved.next_fires == [NOW + HOURS]


async def test_a_handler_defers_from_now(scheduler: ManualScheduler) -> None:
    made = await scheduler.service.schedule_task(**TEA, in_="2h")
    await scheduler.tick(HOURS)

    assert (await scheduler.service.get_task(made.task_id)).defer_until == NOW + 2 * HOURS


async def test_the_audit_log_is_read_from_a_time_ago(scheduler: ManualScheduler) -> None:
    await scheduler.service.schedule_task(**TEA, in_="4h")
    scheduler.clock.advance(HOURS)
    await scheduler.service.schedule_task(**TEA, in_="4h")

    assert len(await scheduler.service.audit_entries(since="1h ago")) == 1
    assert len(await scheduler.service.audit_entries(since="-3h")) == 2


async def test_the_start_of_a_kept_schedule_does_not_move(scheduler: ManualScheduler) -> None:
    value = Bounded(Every("15m"), start="in 2h", end=timedelta(hours=3))
    made = await scheduler.service.schedule_task(**TEA, schedule=value)

    start = "2026-03-01T14:30:00Z"
    assert made.schedule == Bounded(Every("15m", anchor=start), start=start, end="2026-03-01T15:30:00Z")
    assert made.next_fires == [NOW + HOURS + timedelta(minutes=15 * each) for each in range(5)]
    assert schedule_of(made).is_finite


async def test_words_for_a_time_are_refused_and_nothing_is_written(scheduler: ManualScheduler) -> None:
    with pytest.raises(InvalidInput, match="words are not guessed"):
        await scheduler.service.schedule_task(**TEA, defer_until="next Tuesday")
    made = await scheduler.service.schedule_task(**TEA, in_="2h")
    for act in (
        scheduler.service.defer_task(made.task_id, "tomorrow", "Later."),
        scheduler.service.pause_task(made.task_id, "tomorrow"),
    ):
        with pytest.raises(InvalidInput, match="words are not guessed"):
            await act
    assert len(await scheduler.service.find_tasks()) == 1
    assert (await scheduler.service.get_task(made.task_id)).fence == made.fence
