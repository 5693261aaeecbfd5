"""Single wall times that a zone's clock jumps over: refused, unless the request says what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import AnyOf, Cron, Gap, Once, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import ScheduleResult

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
JUMP = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""Berlin's clock jumps from 02:00 to 03:00."""
INSIDE = "2026-03-29T02:30"
BERLIN = "Europe/Berlin"
MOVED = (
    "02:30 does not exist on 2026-03-29 in Europe/Berlin, whose clock jumps over it; "
    "the end of the jump is taken, 2026-03-29T01:00:00Z, as gap=run_after says"
)


@pytest.fixture
async def service() -> AsyncIterator[TaskSchedulerService]:
    clock = VirtualClock(BEGIN)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock), clock) as scheduler:
        yield scheduler.service


async def single(service: TaskSchedulerService, **fields: Any) -> ScheduleResult:
    return await service.schedule_task("Tea", "goal", "prompt", "t", **fields)


WAYS: list[dict[str, Any]] = [
    {"defer_until": INSIDE, "timezone": BERLIN},
    {"schedule": Once(INSIDE, BERLIN)},
    {"schedule": {"kind": "once", "at": INSIDE, "timezone": BERLIN}},
]


def with_gap(fields: dict[str, Any], gap: str) -> dict[str, Any]:
    value = fields.get("schedule")
    if isinstance(value, Once):
        return {"schedule": Once(INSIDE, BERLIN, gap=Gap(gap))}
    return {"schedule": {**value, "gap": gap}} if value else {**fields, "gap": gap}


@pytest.mark.parametrize("fields", WAYS)
async def test_a_time_in_a_jump_is_refused_without_a_policy(
    service: TaskSchedulerService, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="its clocks jump over this one") as refused:
        await single(service, **fields)
    assert refused.value.example == "2026-03-29T03:30:00+02:00"
    with pytest.raises(InvalidInput, match="with gap=skip nothing would run"):
        await single(service, **with_gap(fields, "skip"))


@pytest.mark.parametrize("fields", WAYS)
async def test_a_time_in_a_jump_moves_to_its_end_if_asked(
    service: TaskSchedulerService, fields: dict[str, Any]
) -> None:
    task = await single(service, **with_gap(fields, "run_after"))

    assert task.next_fires == [JUMP]
    assert (task.defer_until, task.wall_time) == (JUMP, "2026-03-29T02:30:00")
    assert MOVED in task.warnings
    assert (await service.recheck(dry_run=False)).moved == []


async def test_a_time_beside_a_jump_stays_with_any_policy(service: TaskSchedulerService) -> None:
    task = await single(service, defer_until="2026-03-29T03:00", timezone=BERLIN, gap="skip")
    assert (task.next_fires, task.warnings) == ([JUMP], [])


async def test_an_update_moves_a_time_only_if_asked(service: TaskSchedulerService) -> None:
    task = await single(service, defer_until="2026-03-29T04:00", timezone=BERLIN)
    with pytest.raises(InvalidInput, match="its clocks jump over this one"):
        await service.update_task(task.task_id, defer_until=INSIDE)
    moved = await service.update_task(task.task_id, defer_until=INSIDE, gap="run_after")
    read_again = await service.update_task(task.task_id, fold="last")
    renamed = await service.update_task(task.task_id, name="Coffee", timeout_seconds=5.0)

    assert moved.next_fires == read_again.next_fires == renamed.next_fires == [JUMP]
    assert MOVED in moved.warnings


async def test_the_begin_of_a_recurring_task_in_a_jump_is_refused(service: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match="its clocks jump over this one"):
        await single(service, schedule=Cron("30 2 * * *", BERLIN), defer_until=INSIDE)
    task = await single(service, schedule_cron="30 2 * * *", timezone=BERLIN)
    kept = await service.get_task(task.task_id)
    assert kept.gap is Gap.RUN_AFTER


async def test_a_single_time_inside_another_moves_if_asked(service: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match="its clocks jump over this one"):
        await single(service, schedule=AnyOf([Once(INSIDE, BERLIN)]))
    task = await single(service, schedule=AnyOf([Once(INSIDE, BERLIN, gap=Gap.RUN_AFTER)]))
    assert task.next_fires == [JUMP]


async def test_a_preview_moves_a_time_in_a_jump_if_asked(service: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match="its clocks jump over this one"):
        await service.preview_schedule(Once(INSIDE, BERLIN))
    seen = await service.preview_schedule(Once(INSIDE, BERLIN, gap=Gap.RUN_AFTER))
    assert [fire.at for fire in seen.fires] == [JUMP]


async def test_a_moved_single_time_runs_at_the_end_of_the_jump() -> None:
    clock = VirtualClock(BEGIN)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock), clock) as scheduler:
        task = await single(scheduler.service, defer_until=INSIDE, timezone=BERLIN, gap="run_after")
        await scheduler.tick(timedelta(days=40))
        (run,) = await scheduler.service.history(task.task_id)
    assert (run.nominal_at, run.status.value) == (JUMP, "completed")
