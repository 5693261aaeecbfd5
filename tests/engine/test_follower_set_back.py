"""A follower whose clock is set back: each outcome of the other task has one occurrence that follows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from remembrancer import After, Every, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer import Execution

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)


async def live(checker: ManualScheduler, minutes: int) -> None:
    for _ in range(minutes // 5):
        await checker.tick(5 * MINUTE)
        await checker.tick()
        await checker.tick()


def followed(history: list[Execution]) -> list[str]:
    return sorted(str((each.cause_detail or {})["execution_id"]) for each in history)


@pytest.mark.parametrize("minutes", [5, 40, 115])
@pytest.mark.parametrize("pause", ["running", "paused"])
async def test_a_follower_serves_what_runs_after_a_step_back(tmp_path: Path, minutes: int, pause: str) -> None:
    clock = VirtualClock(START)
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as checker:
        service = checker.service
        first = await service.schedule_task("First", "g", "p", "t", schedule=Every("1h"), misfire="run_all")
        after = await service.schedule_task("Next", "g", "p", "t", schedule=After(first.task_id), misfire="run_all")
        await live(checker, 125)
        if pause == "paused":
            await service.pause_task(after.task_id)
        clock.set(START + minutes * MINUTE)
        await service.add_fire(first.task_id)
        await live(checker, 30)
        await service.add_fire(first.task_id)
        await live(checker, 30)
        if pause == "paused":
            await service.resume_task(after.task_id, on_missed="run_all")
        await live(checker, 130)
        ran, reacted = [await service.history(each.task_id) for each in (first, after)]

    assert followed(reacted) == sorted(each.execution_id for each in ran)
    assert len(ran) >= 4


async def test_a_restart_after_a_step_back_loses_no_outcome(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as checker:
        make = checker.service.schedule_task
        first = await make("First", "g", "p", "t", schedule=Every("1h"))
        after = await make("Next", "g", "p", "t", schedule=After(first.task_id))
        await live(checker, 125)
    clock.set(START + 40 * MINUTE)
    async with ManualScheduler(TaskSchedulerService(tmp_path / "graph", clock), clock) as checker:
        await checker.service.add_fire(first.task_id)
        await live(checker, 120)
        ran, reacted = [await checker.service.history(each.task_id) for each in (first, after)]

    assert followed(reacted) == sorted(each.execution_id for each in ran)
