"""Limits of attempts and of runs by hand: those that hold when these begin, also right after a start."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Failed, LimitReached, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)
RETRY = {"backoff": "fixed", "delay": 300, "jitter": "none"}


async def fail(_firing: Firing) -> Failed:
    return Failed("It did not work.")


async def make(service: Any, **fields: Any) -> str:
    task = await service.schedule_task("Task", "goal", "prompt", "thought", "in 1m", retry=RETRY, **fields)
    return task.task_id


async def test_an_attempt_after_a_restart_keeps_the_rate_of_all(graph: str, clock: VirtualClock) -> None:
    """Attempts are due before anything else is looked at: they began, and what was claimed after them had no permit."""
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=fail), clock) as scheduler:
        await scheduler.service.set_limit("all", rate="1/day")
        task_id = await make(scheduler.service)
        assert await scheduler.tick(MINUTE) == 1
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=fail), clock) as scheduler:
        await scheduler.tick(10 * MINUTE)
        assert len(await scheduler.service.history(task_id)) == 1
        await scheduler.run_until("in 1 day")
        _, last = await scheduler.service.history(task_id)
        assert last.limit_keys == ("all",)
        (limit,) = await scheduler.service.list_limits()
        assert limit.taken == 0


async def test_a_run_by_hand_after_a_start_keeps_the_limit_of_all(graph: str, clock: VirtualClock) -> None:
    async with TaskSchedulerService(graph, clock, handler=fail) as service:
        await service.set_limit("all", 0)
        task_id = await make(service)
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=fail), clock) as scheduler:
        with pytest.raises(LimitReached, match="all"):
            await scheduler.service.run_now(task_id)


async def test_an_attempt_runs_under_what_its_task_is_under_by_then(graph: str, clock: VirtualClock) -> None:
    """Its node named the limits of the attempt before, so that the next look gave it slots that nothing freed."""
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=fail), clock) as scheduler:
        service = scheduler.service
        task_id = await make(service, concurrency_key="old")
        assert await scheduler.tick(MINUTE) == 1
        await service.update_task(task_id, concurrency_key="new")
        await scheduler.tick(10 * MINUTE)
        runs = await service.history(task_id)
        assert sorted((run.attempt, run.limit_keys) for run in runs) == [(1, ("key:old",)), (2, ("key:new",))]
        assert all(limit.taken == 0 for limit in await service.list_limits())
