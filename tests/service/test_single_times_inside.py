"""Single times inside other schedules, as text or as datetimes: they fire there as they do alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from remembrancer import (
    AllOf,
    AnyOf,
    Bounded,
    Cron,
    Every,
    Except,
    InvalidInput,
    Offset,
    Once,
    TaskSchedulerService,
    Weekly,
)
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 3, 4, 9, 13, 7, tzinfo=UTC)
PARTY = datetime(2026, 3, 4, 18, tzinfo=UTC)
ONCE = {"kind": "once", "at": "2026-03-04T18:00:00Z"}
DAILY = Cron("0 8 * * *")
NEXT = [datetime(2026, 3, day, 8, tzinfo=UTC) for day in (5, 6)]


@pytest.fixture
async def desk() -> AsyncIterator[ManualScheduler]:
    clock = VirtualClock(NOW)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock), clock) as manual:
        yield manual


async def fires(desk: ManualScheduler, schedule: Any) -> list[datetime]:
    made = await desk.service.schedule_task("Tea", "goal", "prompt", "thought", schedule=schedule)
    assert made.next_fires == (await desk.service.get_task(made.task_id)).next_fires
    return made.next_fires


@pytest.mark.parametrize(
    "once",
    [
        Once("2026-03-04T18:00:00Z"),
        Once("2026-03-04T19:00", timezone="Europe/Berlin"),
        Once(datetime(2026, 3, 4, 19, tzinfo=ZoneInfo("Europe/Berlin"))),
        Once("in 31613s"),
    ],
)
async def test_a_single_time_is_one_of_several_schedules(desk: ManualScheduler, once: Once) -> None:
    assert (await fires(desk, AnyOf([DAILY, once])))[:3] == [PARTY, *NEXT]


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ({"kind": "any_of", "schedules": [ONCE]}, [PARTY]),
        (AllOf([Once("2026-03-04T18:00:00Z"), Weekly("wed")]), [PARTY]),
        (Offset(Once("2026-03-04T18:00:00Z"), by="-15m"), [PARTY - timedelta(minutes=15)]),
        (Bounded(AnyOf([DAILY, Once("2026-03-04T18:00:00Z")]), end="2026-03-05"), [PARTY, NEXT[0]]),
        (Bounded(Except(DAILY, Once("2026-03-05T08:00:00Z")), end="2026-03-06"), [NEXT[1]]),
        (
            AnyOf([Once("2026-10-25T02:30", timezone="Europe/Berlin", fold="last")]),
            [datetime(2026, 10, 25, 1, 30, tzinfo=UTC)],
        ),
    ],
)
async def test_a_single_time_is_part_of_each_kind(desk: ManualScheduler, schedule: Any, wanted: list[datetime]) -> None:
    assert await fires(desk, schedule) == wanted


@pytest.mark.parametrize("at", ["soon", "2026-03-04T18:00", "2026-03-29T02:30+25:00", 5])
async def test_a_single_time_that_is_wrong_is_refused(desk: ManualScheduler, at: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await fires(desk, AnyOf([DAILY, Once(at)]))

    assert refused.value.field == "at"


async def test_a_set_with_a_single_time_is_applied_once(desk: ManualScheduler) -> None:
    declared: dict[str, Any] = {
        "tea": {
            "trigger_prompt": "Tea",
            "schedule": {"kind": "any_of", "schedules": [ONCE, {"kind": "cron", "expression": "0 8 * * *"}]},
        }
    }
    await desk.service.apply_set("house", declared)
    (again,) = (await desk.service.apply_set("house", declared)).tasks

    assert again.action == "unchanged"


async def test_a_set_refuses_a_single_time_from_now(desk: ManualScheduler) -> None:
    inside = {"kind": "any_of", "schedules": [{"kind": "once", "at": "in 2h"}]}
    with pytest.raises(InvalidInput, match="counted from now"):
        await desk.service.apply_set("house", {"tea": {"trigger_prompt": "Tea", "schedule": inside}})


async def test_an_interval_and_a_single_time_go_together(desk: ManualScheduler) -> None:
    assert (await fires(desk, AnyOf([Every("6h"), Once("2026-03-04T18:00:00Z")])))[:2] == [
        NOW + timedelta(hours=6),
        PARTY,
    ]
