"""The agenda: every fire of every open task in a range, in the reader's zone, in pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Bounded, Every, InvalidInput, ScheduleRequest, TaskSchedulerService
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.kinds import remaining_schedule
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Agenda, ScheduleResult

NOW = datetime(2026, 3, 27, tzinfo=UTC)
WEEK = timedelta(weeks=1)


@pytest.fixture
async def scheduler() -> AsyncIterator[ManualScheduler]:
    clock = VirtualClock(NOW)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock), clock) as manual:
        yield manual


async def made(scheduler: ManualScheduler, name: str, **fields: Any) -> ScheduleResult:
    return await scheduler.service.schedule_task(name, "goal", "prompt", "thought", **fields)


def lines(agenda: Agenda) -> list[tuple[str, str]]:
    return [(each.name, each.local[:16]) for each in agenda.entries]


async def test_fires_are_in_the_zone_of_the_reader(scheduler: ManualScheduler) -> None:
    await made(scheduler, "Daily", schedule_cron="0 9 * * *", timezone="Europe/Berlin")
    await made(scheduler, "Once", defer_until="2026-03-28T12:00:00Z")

    found = await scheduler.service.agenda("2026-03-28T00:00", "2026-03-30T00:00", "Europe/Berlin")
    assert lines(found) == [
        ("Daily", "2026-03-28T09:00"),
        ("Once", "2026-03-28T13:00"),
        ("Daily", "2026-03-29T09:00"),
    ]
    assert [each.at.hour for each in found.entries] == [8, 12, 7]
    assert (found.timezone, found.next_cursor, found.unreadable) == ("Europe/Berlin", None, [])


async def test_an_agenda_agrees_with_each_schedule(scheduler: ManualScheduler) -> None:
    fields: list[dict[str, Any]] = [
        {"schedule_cron": "30 2 * * *", "timezone": "Europe/Berlin"},
        {"schedule": Every("7h")},
        {"schedule": Bounded(Every("5h"), start="now", count=4)},
        {"schedule_cron": "0 */3 * * *", "defer_until": "in 2d"},
    ]
    tasks = [await made(scheduler, str(place), **each) for place, each in enumerate(fields)]
    expected = [
        (from_ms(fire), task.task_id)
        for task in tasks
        for fire in remaining_schedule(task).between(task.next_run_ms or 0, to_ms(NOW + WEEK), 1000)
    ]

    found = await scheduler.service.agenda(limit=1000)
    assert [(each.at, each.task_id) for each in found.entries] == sorted(expected)


async def test_pages_of_an_agenda_are_the_whole_agenda(scheduler: ManualScheduler) -> None:
    for hour in range(5):
        await made(scheduler, f"At {hour}", schedule_cron=f"0 {hour % 3} * * *")
    whole = await scheduler.service.agenda(end="in 3d", limit=1000)
    pages, cursor = [], None
    while True:
        page = await scheduler.service.agenda(end="in 3d", limit=4, cursor=cursor)
        pages += page.entries
        scheduler.clock.advance(timedelta(seconds=1))
        if (cursor := page.next_cursor) is None:
            break

    assert len(pages) == 15
    assert pages == whole.entries


async def test_a_task_of_many_fires_is_one_line_with_their_number(scheduler: ManualScheduler) -> None:
    await made(scheduler, "Seconds", schedule=Every("1s"))
    await made(scheduler, "Daily", schedule_cron="0 9 * * *")

    found = await scheduler.service.agenda(end="in 1d")
    assert [(each.name, each.count) for each in found.entries] == [("Seconds", 86_400), ("Daily", 1)]
    assert (found.entries[0].at, found.entries[0].last_at) == (NOW + timedelta(seconds=1), NOW + timedelta(days=1))


async def test_the_fires_that_a_pause_holds_are_marked(scheduler: ManualScheduler) -> None:
    paused = await made(scheduler, "Paused", schedule_cron="0 9 * * *")
    until = await made(scheduler, "Until", schedule_cron="0 10 * * *", misfire="skip")
    await scheduler.service.pause_task(paused.task_id)
    await scheduler.service.pause_task(until.task_id, "2026-03-28T12:00:00Z")

    found = await scheduler.service.agenda(end="in 2d12h")
    assert [(each.name, each.at.day, each.paused) for each in found.entries] == [
        ("Paused", 27, True),
        ("Until", 27, True),
        ("Paused", 28, True),
        ("Until", 28, True),
        ("Paused", 29, True),
        ("Until", 29, False),
    ]


async def test_a_run_that_makes_up_for_a_pause_is_a_fire(scheduler: ManualScheduler) -> None:
    task = await made(scheduler, "Daily", schedule_cron="0 10 * * *")
    await scheduler.service.pause_task(task.task_id, "2026-03-27T12:00:00Z")

    found = await scheduler.service.agenda(end="in 2d")
    assert [(each.at.day, each.at.hour, each.paused) for each in found.entries] == [
        (27, 10, True),
        (27, 12, False),
        (28, 10, False),
    ]


async def test_a_deferred_run_is_a_fire(scheduler: ManualScheduler) -> None:
    task = await made(scheduler, "Daily", schedule_cron="0 9 * * *")
    await scheduler.service.defer_task(task.task_id, "2026-03-28T15:00:00Z", "Later.")

    found = await scheduler.service.agenda(end="2026-03-30T00:00:00Z")
    assert [(each.at.day, each.at.hour) for each in found.entries] == [(28, 15), (29, 9)]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("start", {"start": "tomorrow"}),
        ("end", {"start": "in 1h", "end": "now"}),
        ("end", {"end": "in 367d"}),
        ("timezone", {"timezone": "Berlin"}),
        ("limit", {"limit": 0}),
        ("limit", {"limit": 1001}),
        ("cursor", {"cursor": "task_1"}),
        ("cursor", {"cursor": "9" * 15 + "|0|0|task_1"}),
        ("cursor", {"cursor": "0|253402300799999|0|task_1"}),
    ],
)
async def test_a_wrong_part_of_the_request_is_named(
    scheduler: ManualScheduler, field: str, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}="):
        await scheduler.service.agenda(**given)


async def test_a_task_that_is_shown_has_its_next_fires(scheduler: ManualScheduler) -> None:
    task = await made(scheduler, "Daily", schedule_cron="0 9 * * *", fires=7)

    assert len(task.next_fires) == 7
    assert (await scheduler.service.get_task(task.task_id)).next_fires == task.next_fires[:5]
    (listed,) = await scheduler.service.find_tasks()
    assert listed.next_fires is None
    (asked,) = (await scheduler.service.page_of_tasks(next_fires=True)).tasks
    assert asked.next_fires == task.next_fires[:5]


async def test_a_list_has_as_many_fires_as_asked(scheduler: ManualScheduler) -> None:
    task = await made(scheduler, "Daily", schedule_cron="0 9 * * *", fires=9)
    once = await made(scheduler, "Once", in_="2h")
    for wanted, shown in ((1, 1), (9, 9), (True, 5)):
        listed = {each.task_id: each for each in await scheduler.service.find_tasks(next_fires=wanted)}
        paged = {each.task_id: each for each in (await scheduler.service.page_of_tasks(next_fires=wanted)).tasks}
        for found in (listed, paged):
            assert found[task.task_id].next_fires == task.next_fires[:shown]
            assert found[once.task_id].next_fires == once.next_fires
    assert all(each.next_fires is None for each in await scheduler.service.find_tasks(next_fires=0))


async def test_a_list_of_too_many_fires_is_refused(scheduler: ManualScheduler) -> None:
    for wanted in (-1, 1001, "5", 2.0):
        for ask in (scheduler.service.find_tasks, scheduler.service.page_of_tasks):
            with pytest.raises(InvalidInput, match=r"^next_fires="):
                await ask(next_fires=wanted)  # pyright: ignore[reportArgumentType]
    hourly = ScheduleRequest("Hourly", "goal", "prompt", "thought", schedule_cron="0 * * * *")
    await scheduler.service.schedule_tasks([hourly] * 101)
    with pytest.raises(InvalidInput, match="at most 990 for 101 tasks"):
        await scheduler.service.find_tasks(next_fires=1000)
    assert len(await scheduler.service.find_tasks(next_fires=1000, limit=2)) == 2


async def test_an_answer_has_words_and_as_many_fires_as_asked(scheduler: ManualScheduler) -> None:
    task = await made(scheduler, "Odd", schedule_cron="*/7 * * * *")
    assert task.description == "Every 7 minutes" or task.description
    assert any("does not divide the hour" in each for each in task.warnings)

    changed = await scheduler.service.update_task(task.task_id, schedule_cron="0 0 29 2 *", fires=2)
    assert (len(changed.next_fires), len(changed.fires_before)) == (2, 2)
    assert any("29 February only" in each for each in changed.warnings)
    assert any("more than a year ahead" in each for each in changed.warnings)
