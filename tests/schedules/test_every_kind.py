"""Each kind of schedule on the embedded graph: scheduled, previewed, listed, fired, and ended where it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from remembrancer import (
    AllOf,
    AnyOf,
    Bounded,
    Calendar,
    Cron,
    Dates,
    Every,
    Except,
    Offset,
    TaskSchedulerService,
    TaskStatus,
    TaskTimes,
    Weekly,
    Workdays,
)
from remembrancer.errors import InvalidInput
from remembrancer.model.schedule import VALUES
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.kinds import schedule_of
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN: Final = datetime(2026, 3, 27, tzinfo=UTC)
BERLIN: Final = {"timezone": "Europe/Berlin"}
CASES: Final[list[tuple[Any, list[str]]]] = [
    (Every("90m"), ["03-27 01:30", "03-27 03:00"]),
    ({"kind": "every", "every": "2d", "at": "02:30", "anchor": "2026-03-27", **BERLIN}, ["03-27 01:30", "03-29 01:00"]),
    ({"kind": "rrule", "rule": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=9", **BERLIN}, ["03-27 08:00", "04-03 07:00"]),
    ({"kind": "dates", "dates": ["2026-04-05", "2026-04-07"], "at": "18:00"}, ["04-05 18:00", "04-07 18:00"]),
    (Weekly("mon,fri", "09:00", "17:00", timezone="Europe/Berlin"), ["03-27 08:00", "03-30 07:00"]),
    (Workdays("17:00", nth=-1), ["03-31 17:00", "04-30 17:00"]),
    (AnyOf([Cron("0 9 * * 1"), Every("1d", at="12:00")]), ["03-27 12:00", "03-28 12:00", "03-29 12:00", "03-30 09:00"]),
    (AllOf([Every("40m"), Weekly("mon-fri", "09:00", "10:00")]), ["03-27 09:20", "03-30 09:20"]),
    (Except(Cron("0 9 * * *"), Dates(["2026-03-28"])), ["03-27 09:00", "03-29 09:00"]),
    (Offset(Cron("0 9 1 * *"), workdays=-1), ["03-31 09:00", "04-30 09:00"]),
    (Offset(Workdays("17:00", nth=-1), by="-15m"), ["03-31 16:45", "04-30 16:45"]),
    (Bounded(Cron("0 9 * * *"), start="2026-04-01", count=2), ["04-01 09:00", "04-02 09:00"]),
    (Calendar("closed", at="09:00", timezone="Europe/Berlin"), ["03-28 08:00", "04-03 07:00"]),
    (TaskTimes("the first"), ["03-27 01:30", "03-27 03:00"]),
]
"""A schedule, and the times of 2026 at which it fires first."""

FOLLOWING: Final = CASES[-1][0]


async def schedule(service: TaskSchedulerService, given: object, **choices: Any) -> Any:
    return await service.schedule_task("Water", "goal", "prompt", "thought", schedule=given, **choices)


def times(shown: Sequence[str]) -> list[datetime]:
    return [datetime.strptime(f"2026-{each}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC) for each in shown]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(BEGIN)


def test_there_is_a_case_of_each_new_kind() -> None:
    named = {given["kind"] if isinstance(given, dict) else given.kind for given, _ in CASES}
    reacting = {
        kind for kind, value in VALUES.items() if getattr(value, "reacts", False)
    }  # these have tests of their own
    assert named | reacting | {"once", "cron"} == set(VALUES)


async def test_each_kind_is_previewed_listed_and_fires(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        late: Any = {"misfire": "run_all", "misfire_limit": 1000}
        await scheduler.service.define_calendar("closed", dates=["2026-03-28", "2026-04-03", "2026-12-24"])
        made: list[Any] = []
        for given, _ in CASES:
            known = given if given != FOLLOWING else TaskTimes(made[0].task_id)
            made.append(await schedule(scheduler.service, known, **late))
        found = {each.task_id: each for each in await scheduler.service.find_tasks(recurring=True)}
        while clock.now() < datetime(2026, 5, 1, tzinfo=UTC):
            await scheduler.tick(timedelta(hours=12))
        runs = {task.task_id: await scheduler.service.history(task.task_id, limit=1000) for task in made}

    for task, (_, shown) in zip(made, CASES, strict=True):
        expected = times(shown)
        assert task.next_fires[: len(expected)] == expected, task.schedule
        assert found[task.task_id].schedule == task.schedule
        assert str(task.schedule)
        assert schedule_of(task).describe()
        fired = sorted(run.nominal_at for run in runs[task.task_id])
        assert fired[: len(expected)] == expected, task.schedule
        assert len(fired) == schedule_of(task).count(to_ms(BEGIN) + 1, to_ms(clock.now()))


async def test_a_schedule_that_ends_completes_its_task(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await schedule(scheduler.service, Bounded(Cron("0 * * * *"), start="2026-03-27T01:00", count=3))
        for _ in range(2):
            assert await scheduler.tick(timedelta(hours=1)) == 1
        assert (await scheduler.service.get_task(task.task_id)).status is TaskStatus.ACTIVE
        assert await scheduler.tick(timedelta(hours=1)) == 1
        ended = await scheduler.service.get_task(task.task_id)
        assert await scheduler.tick(timedelta(hours=9)) == 0

    assert (ended.status, ended.next_run_ms) == (TaskStatus.COMPLETE, None)
    assert task.warnings[-1] == "It is the last fire: the schedule ends with it."


async def test_a_schedule_that_ended_in_an_outage_is_accounted_for(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await schedule(scheduler.service, Dates(["2026-04-01", "2026-04-02", "2026-04-03"], at="09:00"))
        await scheduler.tick(timedelta(days=30))
        runs = await scheduler.service.history(task.task_id)
        ended = await scheduler.service.get_task(task.task_id)

    assert [(run.status.value, run.occurrences) for run in reversed(runs)] == [("missed", 2), ("completed", 1)]
    assert ended.status is TaskStatus.COMPLETE


async def test_the_last_run_can_be_deferred(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await schedule(scheduler.service, Dates(["2026-03-28"], at="09:00"))
        await scheduler.service.defer_task(task.task_id, datetime(2026, 3, 29, 9, tzinfo=UTC), "Busy")
        await scheduler.tick(timedelta(days=3))
        runs = await scheduler.service.history(task.task_id)
        ended = await scheduler.service.get_task(task.task_id)

    assert [run.status.value for run in reversed(runs)] == ["deferred", "completed"]
    assert ended.status is TaskStatus.COMPLETE


async def test_a_schedule_that_has_ended_is_refused(tmp_path: Any, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        with pytest.raises(InvalidInput, match="occurrence ahead"):
            await schedule(scheduler.service, Dates(["2025-12-24"]))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "every", "every": "0s"}, "every"),
        ({"kind": "every", "every": {}}, "every"),
        ({"kind": "every", "every": "90m", "at": "09:00"}, "at"),
        ({"kind": "every", "every": "2d", "at": "25:00"}, "at"),
        ({"kind": "every", "every": "2d", "gap": "never"}, "gap"),
        ({"kind": "every", "every": "2d", "timezone": "Mars/Olympus"}, "timezone"),
        ({"kind": "every", "every": "2h", "phase": "3h"}, "phase"),
        ({"kind": "rrule", "rule": "FREQ=DAILY;INTERVAL=0"}, "rule"),
        ({"kind": "rrule", "rule": 7}, "rule"),
        ({"kind": "dates", "dates": []}, "dates"),
        ({"kind": "dates", "dates": "2026-12-24"}, "dates"),
        ({"kind": "dates", "dates": ["2026-02-30"]}, "dates"),
        ({"kind": "dates", "dates": [["2026-02-30"]]}, "dates"),
        ({"kind": "dates", "dates": ["2026-12-24"] * 10_001}, "dates"),
        ({"kind": "weekly", "days": "monday-someday"}, "days"),
        ({"kind": "workdays", "nth": 0}, "nth"),
        ({"kind": "workdays", "nth": 1, "per": "century"}, "per"),
        ({"kind": "workdays", "nth": 31, "per": "month"}, "nth"),
        ({"kind": "any_of", "schedules": []}, "schedules"),
        ({"kind": "any_of", "schedules": ["@daily"]}, "schedules"),
        ({"kind": "any_of", "schedules": [{"kind": "cron", "expression": "61 * * * *"}]}, "schedule_cron"),
        ({"kind": "any_of", "schedules": [{"kind": "cron", "expression": {}}]}, "expression"),
        ({"kind": "except", "schedule": {"kind": "workdays"}, "excluded": []}, "excluded"),
        ({"kind": "offset", "schedule": {"kind": "workdays"}}, "by"),
        ({"kind": "offset", "schedule": {"kind": "workdays"}, "roll": "up"}, "roll"),
        ({"kind": "bounded", "schedule": {"kind": "workdays"}}, "start"),
        ({"kind": "bounded", "schedule": {"kind": "workdays"}, "start": "soon"}, "start"),
        ({"kind": "bounded", "schedule": {"kind": "workdays"}, "jitter": "-1s"}, "jitter"),
        ({"kind": "all_of", "schedules": [{"kind": "every", "every": "1d"}, {"kind": "weekly", "days": "mon", "start": "09:00"}]}, "schedule"),  # noqa: E501
    ],
)  # fmt: skip
async def test_a_wrong_value_is_refused_with_its_field(
    tmp_path: Any, clock: VirtualClock, given: Any, field: str
) -> None:
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        with pytest.raises(InvalidInput) as refused:
            await schedule(scheduler.service, given)

    assert refused.value.field == field


async def test_schedules_too_deep_inside_each_other_are_refused(tmp_path: Any, clock: VirtualClock) -> None:
    deep: Any = {"kind": "workdays"}
    for _ in range(5):
        deep = {"kind": "any_of", "schedules": [deep]}
    value: Any = Workdays()
    for _ in range(300):
        value = AnyOf([value])
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        for given in (deep, value, {"kind": "any_of", "schedules": [{"kind": "workdays"}] * 101}):
            with pytest.raises(InvalidInput):
                await schedule(scheduler.service, given)
