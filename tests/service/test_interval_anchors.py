"""Intervals without an anchor: counted from when they were asked for, and never moved by anything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import AnyOf, Bounded, Cron, Every, InvalidInput, SetAction, TaskSchedulerService, Weekly
from remembrancer.model.schedule import value_of
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from remembrancer import ScheduledTask

NOW = datetime(2026, 3, 4, 9, 13, 7, 250_000, tzinfo=UTC)
SECOND = NOW.replace(microsecond=0)
INTERVAL = timedelta(minutes=90)
BERLIN: Any = {"timezone": "Europe/Berlin"}


@pytest.fixture
async def desk() -> AsyncIterator[ManualScheduler]:
    clock = VirtualClock(NOW)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock), clock) as manual:
        yield manual


async def made(desk: ManualScheduler, schedule: Any, **fields: Any) -> ScheduledTask:
    return await desk.service.schedule_task("Tea", "goal", "prompt", "thought", schedule=schedule, **fields)


async def fires(desk: ManualScheduler, task_id: str) -> list[datetime]:
    return (await desk.service.get_task(task_id)).next_fires


async def kept(desk: ManualScheduler) -> Any:
    return [each.model_dump() for each in await desk.service.find_tasks()], await desk.service.audit_entries()


async def test_an_interval_is_counted_from_when_it_was_said(desk: ManualScheduler) -> None:
    task = await made(desk, Every("90m"))

    assert (await desk.service.get_task(task.task_id)).schedule == Every("90m", anchor="2026-03-04T09:13:07Z")
    assert task.next_fires == [SECOND + INTERVAL * each for each in range(1, 6)]


@pytest.mark.parametrize(
    ("schedule", "first"),
    [
        (Every("2d", **BERLIN), datetime(2026, 3, 6, 9, 13, 7, tzinfo=UTC)),
        (Every("2d", at="10:30", **BERLIN), datetime(2026, 3, 4, 9, 30, tzinfo=UTC)),
        (Every("2d", at="09:00", **BERLIN), datetime(2026, 3, 5, 8, 0, tzinfo=UTC)),
        (Every("2w", at="09:00"), datetime(2026, 3, 5, 9, 0, tzinfo=UTC)),
        (Every("1h", phase="20m"), SECOND + timedelta(minutes=20)),
        (Bounded(Every("90m"), start="2026-04-01T09:00"), datetime(2026, 4, 1, 9, tzinfo=UTC)),
        (Bounded(Every("2d", **BERLIN), start="2026-04-01T09:00"), datetime(2026, 4, 1, 7, tzinfo=UTC)),
        (AnyOf([Every("90m"), Cron("0 9 * * *")]), SECOND + INTERVAL),
        (Bounded(AnyOf([Every("7h", **BERLIN)]), start="2026-04-01T09:00"), datetime(2026, 4, 1, 7, tzinfo=UTC)),
    ],
)
async def test_an_interval_begins_where_people_expect(desk: ManualScheduler, schedule: Any, first: datetime) -> None:
    assert (await made(desk, schedule)).next_fires[0] == first


async def test_an_interval_held_back_is_counted_from_then(desk: ManualScheduler) -> None:
    task = await made(desk, Every("7h", **BERLIN), defer_until="2026-03-05T08:00")

    assert task.next_fires[0] == datetime(2026, 3, 5, 7, tzinfo=UTC)
    assert task.next_fires[1] - task.next_fires[0] == timedelta(hours=7)


async def test_a_count_from_now_has_all_its_fires(desk: ManualScheduler) -> None:
    task = await made(desk, Bounded(Every("90m"), start="now", count=3))

    assert task.next_fires == [SECOND + INTERVAL * each for each in (1, 2, 3)]


async def test_an_update_of_other_fields_keeps_the_anchor(desk: ManualScheduler) -> None:
    task = await made(desk, AnyOf([Every("90m"), Cron("0 9 * * *")]))
    before = await fires(desk, task.task_id)
    desk.clock.advance(timedelta(minutes=7))
    await desk.service.update_task(task.task_id, name="Coffee", timeout_seconds=60)
    await desk.service.update_task(task.task_id, schedule=AnyOf([Every("1h30m"), Cron("0 9 * * *")]))

    assert await fires(desk, task.task_id) == before


async def test_another_interval_is_counted_from_the_update(desk: ManualScheduler) -> None:
    task = await made(desk, Every("90m"))
    desk.clock.advance(timedelta(minutes=7))
    await desk.service.update_task(task.task_id, schedule=Every("2h"))

    assert (await fires(desk, task.task_id))[0] == SECOND + timedelta(minutes=127)


async def test_an_interval_keeps_its_days_at_another_time(desk: ManualScheduler) -> None:
    task = await made(desk, Every("3d", at="10:00"))
    desk.clock.advance(timedelta(days=1))
    await desk.service.update_task(task.task_id, schedule=Every("3d", at="11:00"))

    assert (await fires(desk, task.task_id))[0] == datetime(2026, 3, 7, 11, tzinfo=UTC)


async def test_a_set_applied_again_writes_no_other_anchor(desk: ManualScheduler) -> None:
    week = {"kind": "weekly", "days": "mon-sun", "start": "09:00", "end": "17:00"}
    declared: dict[str, Any] = {
        "tea": {"trigger_prompt": "Tea", "every": "90m"},
        "walk": {"trigger_prompt": "Walk", "every": {"every": "2d", "at": "18:00"}},
        "look": {
            "trigger_prompt": "Look",
            "schedule": {"kind": "all_of", "schedules": [{"kind": "every", "every": "20m"}, week]},
        },
        "held": {"trigger_prompt": "Held", "every": "4h", "defer_until": "2026-04-01T09:00:00Z"},
    }
    await desk.service.apply_set("house", declared)
    before = await kept(desk)
    desk.clock.advance(timedelta(minutes=7))
    again = await desk.service.apply_set("house", declared)

    assert {each.action for each in again.tasks} == {SetAction.UNCHANGED}
    assert before == await kept(desk)


async def test_a_set_made_again_is_counted_from_then(desk: ManualScheduler) -> None:
    declared = {"tea": {"trigger_prompt": "Tea", "every": "90m"}}
    await desk.service.apply_set("house", declared)
    await desk.service.apply_set("house", {}, prune=True)
    desk.clock.advance(timedelta(minutes=7))
    (tea,) = (await desk.service.apply_set("house", declared)).tasks

    assert (tea.action, tea.fires_after[0]) == (SetAction.CREATED, SECOND + timedelta(minutes=97))


async def test_a_restart_keeps_the_anchor(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as desk:
        task = await made(desk, Every("90m"))
    clock.advance(timedelta(minutes=7))
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as desk:
        assert (await fires(desk, task.task_id))[0] == SECOND + INTERVAL


async def test_a_preview_shows_the_anchor_and_keeps_its_fires(desk: ManualScheduler) -> None:
    shown = await desk.service.preview_schedule(Every("90m"), count=2)
    desk.clock.advance(timedelta(minutes=7))
    task = await made(desk, value_of(shown.schedule))

    assert shown.description == "Every 90 minutes, counted from 2026-03-04T09:13:07Z"
    assert task.next_fires[:2] == [fire.at for fire in shown.fires]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Every("90q"), "every"),
        (Every("2d", at="25:00"), "at"),
        (Every("2d", timezone="Mars/Olympus"), "timezone"),
        (AnyOf([Every("90q"), Weekly("mon")]), "every"),
        (Bounded(Every("90q"), start="2026-04-01T09:00"), "every"),
        (Bounded(Every("90m"), start="soon"), "start"),
    ],
)
async def test_an_interval_that_is_wrong_is_refused(desk: ManualScheduler, value: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await made(desk, value)

    assert refused.value.field == field
