"""Attempts that wait and are not to begin after all: the failure before them is the outcome, with all that follows."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Failed, Retry, SchedulerOptions, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

    Run = Callable[..., Any]

MINUTE = timedelta(minutes=1)
FIXED = {"backoff": "fixed", "delay": 600, "jitter": "none"}


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")


@pytest.fixture
def run(graph: str, clock: VirtualClock) -> Run:
    """Open a scheduler over a graph of each kind in turn, with a handler of one's own, driven by hand."""

    @asynccontextmanager
    async def opened(handler: Any, **options: Any) -> AsyncGenerator[ManualScheduler]:
        made = SchedulerOptions(shutdown_timeout_seconds=0.2, **options)
        service = TaskSchedulerService(graph, clock, handler=handler, options=made)
        async with ManualScheduler(service, clock) as scheduler:
            yield scheduler

    return opened


async def fail(firing: Firing) -> object:
    return Failed("no net") if firing.task.name == "Task" else "well"


async def schedule(scheduler: ManualScheduler, name: str = "Task", **choices: Any) -> str:
    if not {"schedule_cron", "schedule"} & choices.keys():
        choices.setdefault("defer_until", scheduler.clock.now() + MINUTE)
    choices.setdefault("retry", FIXED)
    return (await scheduler.service.schedule_task(name, "goal", "prompt", "thought", **choices)).task_id


async def outcomes(scheduler: ManualScheduler, task_id: str) -> list[tuple[int, str]]:
    """Return the attempts of a task, and the status of each."""
    history = await scheduler.service.history(task_id)
    ordered = sorted(history, key=lambda each: (each.nominal_at, each.attempt))
    return [(each.attempt, each.status.value) for each in ordered]


async def test_a_one_time_task_ends_when_its_retries_are_taken_away(run: Run) -> None:
    async with run(fail) as scheduler:
        task_id = await schedule(scheduler)
        dependent = await schedule(scheduler, "Report", depends_on=[{"task": task_id, "on_failure": "cancel"}])
        await schedule(scheduler, "Clean", schedule={"kind": "after", "task_id": task_id, "on": "ended"}, retry=None)
        await scheduler.tick(MINUTE)
        await scheduler.service.update_task(task_id, retry=None)
        await scheduler.tick()
        await scheduler.service.idle()
        for _ in range(4):
            await scheduler.tick(MINUTE / 2)

        assert (await scheduler.service.get_task(task_id)).status == "FAILED"
        assert await outcomes(scheduler, task_id) == [(1, "failed")]
        assert [(each.task_id, each.failures) for each in await scheduler.service.dead_letters()] == [(task_id, 1)]
        assert (await scheduler.service.get_task(dependent)).status == "CANCELLED"
        (cleaned,) = [each for each in await scheduler.service.find_tasks() if each.name == "Clean"]
        assert await outcomes(scheduler, cleaned.task_id) == [(1, "completed")]


async def test_a_paced_task_goes_on_when_its_retries_are_taken_away(run: Run) -> None:
    async with run(fail) as scheduler:
        paced = {"kind": "paced", "least": "5m", "most": "30m"}
        task_id = await schedule(scheduler, schedule=paced)
        await scheduler.run_until(MINUTE)
        assert (await scheduler.service.get_task(task_id)).next_run_ms is None
        await scheduler.service.update_task(task_id, retry=None)
        await scheduler.tick()

        assert (await scheduler.service.get_task(task_id)).next_run_ms is not None


async def test_an_attempt_that_its_handler_asked_for_needs_no_policy(run: Run) -> None:
    async def handle(firing: Firing) -> object:
        return Retry("10m", "429 Too Many Requests") if firing.execution.attempt == 1 else "well"

    async with run(handle) as scheduler:
        task_id = await schedule(scheduler)
        await scheduler.tick(MINUTE)
        await scheduler.service.update_task(task_id, retry=None)
        await scheduler.run_until(5 * MINUTE)
        assert await outcomes(scheduler, task_id) == [(1, "failed")]
        await scheduler.run_until(10 * MINUTE)

        assert await outcomes(scheduler, task_id) == [(1, "failed"), (2, "completed")]


async def test_fewer_attempts_hold_for_one_that_waits(run: Run) -> None:
    async with run(fail) as scheduler:
        task_id = await schedule(scheduler, max_attempts=5)
        await scheduler.tick(MINUTE)
        await scheduler.service.update_task(task_id, max_attempts=1)
        await scheduler.run_until(60 * MINUTE)

        assert await outcomes(scheduler, task_id) == [(1, "failed")]
        assert (await scheduler.service.get_task(task_id)).status == "FAILED"


async def test_no_attempt_begins_after_its_time_though_a_pause_held_it(run: Run) -> None:
    async with run(fail) as scheduler:
        task_id = await schedule(scheduler, retry={**FIXED, "within": "1h"})
        await scheduler.tick(MINUTE)
        await scheduler.service.pause_task(task_id)
        await scheduler.tick(120 * MINUTE)

        assert await outcomes(scheduler, task_id) == [(1, "failed")]
        assert (await scheduler.service.get_task(task_id)).status == "FAILED"


async def test_attempts_under_limits_of_their_own_start_together(run: Run) -> None:
    ran: list[int] = []

    async def handle(firing: Firing) -> object:
        ran.append(firing.execution.attempt)
        return Failed("no net") if firing.execution.attempt == 1 else "well"

    async with run(handle) as scheduler:
        await scheduler.service.set_limit("all", 10)
        for number in range(6):
            await schedule(scheduler, concurrency_key=f"key{number}")
        await scheduler.tick(MINUTE)
        await scheduler.tick(10 * MINUTE)

        assert sorted(ran) == [1] * 6 + [2] * 6


async def test_an_attempt_is_under_the_limits_of_its_task_by_then(run: Run) -> None:
    async def handle(firing: Firing) -> object:
        if firing.execution.attempt == 1:
            return Failed("no net")
        (limit,) = await scheduler.service.list_limits()
        return ", ".join(each.task_id or "" for each in limit.holders)

    async with run(handle) as scheduler:
        task_id = await schedule(scheduler)
        await scheduler.tick(MINUTE)
        await scheduler.service.update_task(task_id, concurrency_key="database")
        await scheduler.tick(10 * MINUTE)
        (_, second) = sorted(await scheduler.service.history(task_id), key=lambda each: each.attempt)

        assert second.result == task_id
        assert [each.taken for each in await scheduler.service.list_limits()] == [0]


async def test_attempts_without_a_slot_do_not_stop_the_others(run: Run) -> None:
    """More of them than one page were due first, and nobody looked at what was due after them."""
    ran: list[str] = []

    async def handle(firing: Firing) -> object:
        ran.append(f"{firing.task.name} {firing.execution.attempt}")
        return Failed("no net") if firing.execution.attempt == 1 else "well"

    async with run(handle, claim_batch_size=5) as scheduler:
        await scheduler.service.set_limit("database", 10)
        for _ in range(7):
            await schedule(scheduler, "Query", concurrency_key="database")
        at = scheduler.clock.now() + 2 * MINUTE
        await schedule(scheduler, "Plain", defer_until=at)
        await scheduler.tick(MINUTE)
        await scheduler.tick(MINUTE)
        await scheduler.service.set_limit("database", 0)
        await scheduler.tick(10 * MINUTE)
        assert ran.count("Plain 2") == 1
        assert ran.count("Query 2") == 0
        await scheduler.service.set_limit("database", 1)
        await scheduler.run_until(60 * MINUTE)

        assert ran.count("Query 2") == 7
