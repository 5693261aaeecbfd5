"""Failures in a row: what counts, and the pause of a task that fails again and again."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from planned import plan

from remembrancer import Done, Failed, TaskSchedulerService
from remembrancer.model.execution import ExecutionStatus, ExecutionType
from remembrancer.model.handler_result import HandlerOutcome
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.settlement import refused, settlement_of
from remembrancer.ports.handler import Firing
from remembrancer.ports.writes import Lease
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer import HandlerResult, ScheduledTask
    from remembrancer.model.request import TaskFields
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


class Service:
    """A service that is down until it is up."""

    def __init__(self) -> None:
        self.up = False
        self.calls = 0

    def __call__(self, _firing: object) -> HandlerResult:
        self.calls += 1
        return Done() if self.up else Failed("no answer")


async def scheduled(scheduler: ManualScheduler, **fields: Any) -> ScheduledTask:
    return await scheduler.service.schedule_task(
        "Mail", "g", "p", "t", schedule_cron="* * * * *", **cast("TaskFields", {"pause_on_failure": 3, **fields})
    )


async def minutes(scheduler: ManualScheduler, count: int) -> None:
    for _ in range(count):
        await scheduler.tick(MINUTE)


async def test_a_task_is_paused_after_so_many_failures_in_a_row(
    graph: str, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Service()
    caplog.set_level(logging.ERROR, "remembrancer")
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        service = scheduler.service
        task = await scheduled(scheduler)
        cursor = (await service.read_events()).cursor
        await minutes(scheduler, 2)
        assert (await service.get_task(task.task_id)).failures_in_row == 2
        await minutes(scheduler, 5)
        assert handler.calls == 3
        paused = await service.get_task(task.task_id)
        assert paused.pause_reason == "3 failures in a row, the last: no answer"
        assert (paused.paused_until, paused.next_run_ms, paused.failures_in_row) == (None, None, 3)
        assert [each.message for each in caplog.records if "is paused" in each.message] == [
            f"Task {task.task_id} is paused: 3 failures in a row, the last: no answer"
        ]
        told = [each for each in (await service.read_events(cursor)).events if each.kind == "task_paused"]
        assert [each.reason for each in told] == [paused.pause_reason]
        (entry,) = [each for each in await service.audit_entries(task.task_id) if each.action == "pause"]
        assert (entry.surface, entry.reason) == ("scheduler", paused.pause_reason)


async def test_a_resumption_begins_the_row_anew(graph: str, clock: VirtualClock) -> None:
    handler = Service()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        task = await scheduled(scheduler)
        await minutes(scheduler, 4)
        await scheduler.service.resume_task(task.task_id, "skip")
        assert (await scheduler.service.get_task(task.task_id)).failures_in_row is None
        await minutes(scheduler, 6)
        assert handler.calls == 6
        assert (await scheduler.service.get_task(task.task_id)).paused_at is not None


async def test_a_completion_ends_the_row(graph: str, clock: VirtualClock) -> None:
    handler = Service()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        task = await scheduled(scheduler)
        await minutes(scheduler, 2)
        handler.up = True
        await minutes(scheduler, 1)
        assert (await scheduler.service.get_task(task.task_id)).failures_in_row is None
        handler.up = False
        await minutes(scheduler, 2)
        still = await scheduler.service.get_task(task.task_id)
        assert (still.failures_in_row, still.paused_at) == (2, None)


async def test_attempts_and_trials_do_not_count(graph: str, clock: VirtualClock) -> None:
    handler = Service()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        retry = {"backoff": "fixed", "delay": 10, "jitter": "none"}
        task = await scheduled(scheduler, pause_on_failure=2, retry=retry, max_attempts=3)
        await scheduler.tick(MINUTE)
        for _ in range(2):
            assert (await scheduler.service.get_task(task.task_id)).failures_in_row is None
            await scheduler.tick(timedelta(seconds=10))
        assert handler.calls == 3
        assert (await scheduler.service.get_task(task.task_id)).failures_in_row == 1
        await scheduler.service.run_now(task.task_id)
        await scheduler.service.idle()
        still = await scheduler.service.get_task(task.task_id)
        assert (still.failures_in_row, still.paused_at) == (1, None)


async def test_the_row_survives_a_restart(graph: str, clock: VirtualClock) -> None:
    handler = Service()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        task = await scheduled(scheduler)
        await minutes(scheduler, 2)
    if graph == ":memory:":
        pytest.skip("it is gone with the process")
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        await minutes(scheduler, 1)
        assert (await scheduler.service.get_task(task.task_id)).paused_at is not None


async def test_a_one_time_task_is_not_paused(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=Service()), clock) as scheduler:
        at = clock.now() + MINUTE
        task = await scheduler.service.schedule_task("Once", "g", "p", "t", at, pause_on_failure=1)
        await minutes(scheduler, 2)
        ended = await scheduler.service.get_task(task.task_id)
        assert (ended.status, ended.paused_at, ended.failures_in_row) == ("FAILED", None, None)


async def test_outcomes_of_one_commit_count_each(graph: str, clock: VirtualClock) -> None:
    """Two runs of one task end together: their outcomes go in one commit."""
    ready = asyncio.Event()

    async def handler(_firing: object) -> Failed:
        await ready.wait()
        return Failed("no")

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handler), clock) as scheduler:
        service: Any = scheduler.service
        task = await scheduled(scheduler, pause_on_failure=2)
        for _ in range(2):
            clock.advance(MINUTE)
            assert await service._process.running_scheduler().tick() == 1
        ready.set()
        await service.idle()
        paused = await service.get_task(task.task_id)
        assert (paused.failures_in_row, paused.paused_at) == (2, clock.now())


async def test_a_lost_run_that_none_follows_counts_once(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=lambda _: Done()), clock) as scheduler:
        service: Any = scheduler.service
        retried = await scheduled(scheduler, pause_on_failure=1, on_lost="retry")
        task = await scheduled(scheduler, pause_on_failure=1)
        clock.advance(MINUTE)
        now, store = clock.now(), service._process.store
        dead = Lease(new_id("lease", to_ms(now)), "replica_dead", now - timedelta(seconds=1))
        claims = [plan(await service.get_task(each.task_id), to_ms(now), "replica_dead") for each in (task, retried)]
        assert len(await store.queue.claim(claims, dead)) == 2
        await service.recover()
        await service.recover()
        await service.idle()
        lost = await service.get_task(task.task_id)
        assert (lost.failures_in_row, lost.paused_at) == (1, now)
        assert (await service.get_task(retried.task_id)).failures_in_row is None


async def test_an_attempt_that_is_given_up_counts(graph: str, clock: VirtualClock) -> None:
    """The failure before it becomes the outcome when its task takes its retries away."""
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=Service()), clock) as scheduler:
        retry = {"backoff": "fixed", "delay": 600, "jitter": "none"}
        hourly: Any = {"schedule_cron": "0 * * * *", "pause_on_failure": 1, "retry": retry}
        task = await scheduler.service.schedule_task("Mail", "g", "p", "t", **hourly)
        await scheduler.tick(timedelta(hours=1))
        waits = await scheduler.service.get_task(task.task_id)
        assert (waits.failures_in_row, waits.paused_at) == (None, None)
        await scheduler.service.update_task(task.task_id, retry=None)
        await scheduler.tick(MINUTE)
        paused = await scheduler.service.get_task(task.task_id)
        assert (paused.failures_in_row, paused.pause_reason) == (1, "1 failures in a row, the last: no answer")
        await scheduler.tick(timedelta(hours=1))
        assert (await scheduler.service.get_task(task.task_id)).failures_in_row == 1


async def test_what_the_graph_refuses_counts_as_a_failure(clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(":memory:", clock, handler=lambda _: Done()), clock) as scheduler:
        task = await scheduled(scheduler, pause_on_failure=1)
        await minutes(scheduler, 1)
        (run,) = await scheduler.service.history(task.task_id)
        kept = await scheduler.service.get_task(task.task_id)
        outcome = HandlerOutcome(ExecutionStatus.DEFERRED)
        answered = settlement_of(Firing(run, kept), outcome, clock.now())
        assert (answered.is_counted, refused(answered, "no").is_counted) == (False, True)
        trial = run.model_copy(update={"execution_type": ExecutionType.MANUAL})
        assert not refused(settlement_of(Firing(trial, kept), outcome, clock.now()), "no").is_counted
