"""A kind of schedule is a value, its implementation and two entries of tables: all else follows from these."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.cli.views.tasks import fact_table, task_table
from remembrancer.errors import InvalidInput
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.plain_schedules import Cron, Once
from remembrancer.model.policy import Fold, Gap
from remembrancer.model.schedule import VALUES, text_of, value_from, value_of
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.kinds import KINDS, schedule_of
from remembrancer.schedules.preview import preview
from remembrancer.schedules.protocol import Schedule
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import ScheduledTask

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Beat:
    """A kind that there is in this file alone: one occurrence each *seconds*, counted from 1970."""

    recurring: ClassVar[bool] = True

    seconds: int
    kind: Literal["beat"] = field(default="beat", repr=False)

    def __str__(self) -> str:
        return f"every {self.seconds} s"


@dataclass(frozen=True, slots=True)
class BeatSchedule(Schedule):
    recurring: ClassVar[bool] = True

    step_ms: int

    def next_after(self, after_ms: int) -> int | None:
        return (after_ms // self.step_ms + 1) * self.step_ms

    def describe(self) -> str:
        return f"Every {self.step_ms // 1000} seconds"


def beat_schedule(value: Beat, _task_id: str) -> BeatSchedule:
    if value.seconds < 1:
        raise InvalidInput("seconds", value.seconds, "at least 1", 300)
    return BeatSchedule(value.seconds * 1000)


@pytest.fixture
def _beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VALUES, "beat", Beat)  # pyright: ignore[reportArgumentType]
    monkeypatch.setitem(KINDS, "beat", beat_schedule)


async def schedule(service: TaskSchedulerService, given: object, **choices: Any) -> ScheduledTask:
    return await service.schedule_task("Water", "goal", "prompt", "thought", schedule=given, **choices)


@pytest.mark.usefixtures("_beat")
async def test_a_new_kind_is_armed_and_previewed(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        made: Any = await schedule(scheduler.service, {"kind": "beat", "seconds": 600})

    expected = [clock.now() + timedelta(minutes=10 * place) for place in range(1, 6)]
    assert made.next_fires == expected
    assert made.next_run_ms == made.nominal_ms == to_ms(expected[0])
    assert [fire.at for fire in preview(schedule_of(made), to_ms(clock.now()), 5)] == expected


@pytest.mark.usefixtures("_beat")
async def test_a_new_kind_fires_and_keeps_firing_after_a_restart(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        await schedule(scheduler.service, Beat(600))
        assert await scheduler.tick(timedelta(minutes=10)) == 1
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        (task,) = await scheduler.service.find_tasks(recurring=True)
        assert task.schedule == Beat(600)
        assert await scheduler.tick(HOUR) == 2
        runs = await scheduler.service.history()

    assert [(run.status, run.occurrences) for run in reversed(runs)] == [
        (ExecutionStatus.COMPLETED, 1),
        (ExecutionStatus.MISSED, 5),
        (ExecutionStatus.COMPLETED, 1),
    ]
    assert {run.task_type for run in runs} == {TaskType.RECURRING}


@pytest.mark.usefixtures("_beat")
async def test_a_new_kind_is_deferred_and_cancelled(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await schedule(scheduler.service, Beat(600))
        await scheduler.service.defer_task(task.task_id, clock.now() + timedelta(minutes=25), "Busy")
        assert await scheduler.tick(timedelta(minutes=25)) == 2
        clock.advance(timedelta(minutes=6))
        assert await scheduler.service.cancel_task(task.task_id)
        runs = await scheduler.service.history()

    assert [(run.status.value, run.occurrences) for run in reversed(runs)] == [
        ("deferred", 2),
        ("completed", 1),
        ("cancelled", 1),
    ]


@pytest.mark.usefixtures("_beat")
async def test_a_new_kind_is_described_and_listed(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await schedule(scheduler.service, Beat(600))
        found = await scheduler.service.find_tasks(recurring=True)

    assert schedule_of(task).describe() == "Every 600 seconds"
    assert [str(each.schedule) for each in found] == ["every 600 s"]
    assert "every 600 s" in str(task_table(found).rows)
    assert "every 600 s" in str(fact_table(task).rows)


@pytest.mark.usefixtures("_beat")
async def test_a_new_kind_begins_when_defer_until_says(tmp_path: Any, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        task = await schedule(scheduler.service, Beat(3600), defer_until=clock.now() + 90 * timedelta(minutes=1))

    assert task.next_run_ms == to_ms(clock.now() + 2 * HOUR)


@pytest.mark.usefixtures("_beat")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "beat", "seconds": 0}, "seconds"),
        ({"kind": "beat", "minutes": 1}, "schedule"),
        ({"kind": "never"}, "schedule"),
        ({"seconds": 5}, "schedule"),
        ("every 5 s", "schedule"),
        (Cron("every monday"), "schedule_cron"),
        (Cron("0 9 * * *", timezone="Mars/Olympus"), "timezone"),
        (Once("tomorrow"), "defer_until"),
    ],
)
async def test_a_schedule_is_refused_with_the_wrong_field(
    tmp_path: Any, clock: VirtualClock, given: object, field: str
) -> None:
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        with pytest.raises(InvalidInput) as refused:
            await schedule(scheduler.service, given)

    assert refused.value.field == field


async def test_a_schedule_is_given_only_once(tmp_path: Any, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        with pytest.raises(InvalidInput, match="schedule_cron"):
            await schedule(scheduler.service, Cron("@daily"), schedule_cron="@daily")
        with pytest.raises(InvalidInput, match="timezone"):
            await schedule(scheduler.service, Cron("@daily"), timezone="Europe/Berlin")
        with pytest.raises(InvalidInput, match="defer_until"):
            await schedule(scheduler.service, Once(clock.now()), defer_until=clock.now())


async def test_values_of_the_specification_fill_its_fields(tmp_path: Any, clock: VirtualClock) -> None:
    cron = Cron("30 2 * * *", timezone="Europe/Berlin", gap=Gap.SKIP, fold=Fold.LAST)
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        daily = await schedule(scheduler.service, cron)
        choices: Any = {"timezone": "Europe/Berlin", "gap": "skip", "fold": "last"}
        spelt = await schedule(scheduler.service, None, schedule_cron="30 2 * * *", **choices)
        later = await schedule(scheduler.service, {"kind": "once", "at": "2026-03-03T09:00:00Z"})

    assert daily.schedule == spelt.schedule == cron
    assert (daily.schedule_cron, daily.schedule_spec, daily.next_run_ms) == ("30 2 * * *", None, spelt.next_run_ms)
    assert later.defer_until == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert later.schedule == Once(datetime(2026, 3, 3, 9, tzinfo=UTC))


async def test_a_deferred_task_keeps_the_time_of_its_schedule(tmp_path: Any, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        task = await schedule(scheduler.service, Once(clock.now() + HOUR))
        put = await scheduler.service.defer_task(task.task_id, clock.now() + 2 * HOUR, "Busy")

    assert put.schedule == task.schedule == Once(from_ms(to_ms(clock.now() + HOUR)))


def test_a_value_is_read_from_its_text() -> None:
    value = Cron("0 9 * * *", timezone="Asia/Tokyo")
    assert value_from(text_of(value)) == value
    with pytest.raises(ValueError, match="once, cron, every"):
        value_of({"kind": "nonsense"})
    with pytest.raises(ValueError, match="JSON object"):
        value_from("[]")


def test_a_zone_before_the_fields_of_cron_is_its_timezone() -> None:
    for prefix in ("CRON_TZ", "TZ"):
        assert Cron(f"{prefix}=Asia/Tokyo 5 4 * * *") == Cron("5 4 * * *", timezone="Asia/Tokyo")
        assert Cron(f"{prefix}=Asia/Tokyo 5 4 * * *", timezone="Asia/Tokyo").expression == "5 4 * * *"
    other = Cron("CRON_TZ=Asia/Tokyo 5 4 * * *", timezone="Europe/Berlin")
    with pytest.raises(InvalidInput, match="Asia/Tokyo"):
        KINDS["cron"](other, "task")


async def test_a_task_of_an_unknown_kind_is_unreadable(
    tmp_path: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(VALUES, "beat", Beat)  # pyright: ignore[reportArgumentType]
        patched.setitem(KINDS, "beat", beat_schedule)
        async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
            await schedule(scheduler.service, Beat(600))
    value_from.cache_clear()
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as scheduler:
        assert await scheduler.tick(HOUR) == 0
        (change,) = [each for each in await scheduler.service.audit_entries() if each.action == "quarantine"]

    assert change.reason is not None
    assert "kind must be one of once, cron, every" in change.reason
