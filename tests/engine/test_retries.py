"""Retries after a failure: attempts of one occurrence, its one outcome, and what becomes of those that wait."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, Failed, Retry, SchedulerOptions, TaskSchedulerService
from remembrancer.model.timestamps import from_ms
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from remembrancer import Execution, Firing
    from remembrancer.testing import VirtualClock

    Run = Callable[..., Any]

MINUTE = timedelta(minutes=1)
FIXED = {"backoff": "fixed", "delay": 60, "jitter": "none"}
WAITING = "MATCH (e:task_execution) WHERE e.retry_task_id IS NOT NULL RETURN e.execution_id AS execution_id"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")


@pytest.fixture
def run(graph: str, clock: VirtualClock) -> Run:
    """Open a scheduler over a graph of each kind in turn, with a handler of one's own, driven by hand."""

    @asynccontextmanager
    async def opened(handler: Any, **options: Any) -> AsyncIterator[ManualScheduler]:
        made = SchedulerOptions(shutdown_timeout_seconds=0.2, **options)
        service = TaskSchedulerService(graph, clock, handler=handler, options=made)
        async with ManualScheduler(service, clock) as checker:
            yield checker

    return opened


async def schedule(checker: ManualScheduler, **choices: Any) -> str:
    if "schedule_cron" not in choices:
        choices.setdefault("defer_until", checker.clock.now() + MINUTE)
    choices.setdefault("retry", FIXED)
    return (await checker.service.schedule_task("Task", "goal", "prompt", "thought", **choices)).task_id


async def attempts(checker: ManualScheduler, task_id: str) -> list[Execution]:
    """Return the executions of a task, in the order of their occurrences and attempts."""
    return sorted(await checker.service.history(task_id), key=lambda each: (each.nominal_at, each.attempt))


async def status(checker: ManualScheduler, task_id: str) -> str:
    return (await checker.service.get_task(task_id)).status


class Failing:
    """A handler that fails a number of times, and is well after that."""

    def __init__(self, times: int, fault: object = None) -> None:
        self.left = times
        self.fault = fault or ConnectionError("no net")
        self.ran: list[tuple[str, int]] = []

    async def __call__(self, firing: Firing) -> object:
        self.ran.append((firing.execution.nominal_at.strftime("%H:%M"), firing.execution.attempt))
        self.left -= 1
        if self.left < 0:
            return "well"
        if isinstance(self.fault, Exception):
            raise self.fault
        return self.fault


async def test_a_failed_occurrence_is_tried_again_and_has_one_outcome(run: Run) -> None:
    handler = Failing(2)
    async with run(handler) as checker:
        task_id = await schedule(checker)
        began = checker.clock.now()
        await checker.run_until(timedelta(minutes=10))
        first, second, third = await attempts(checker, task_id)

        assert [each.status for each in (first, second, third)] == ["failed", "failed", "completed"]
        assert [each.triggered_at - began for each in (first, second, third)] == [MINUTE, 2 * MINUTE, 3 * MINUTE]
        assert len({each.nominal_at for each in (first, second, third)}) == 1
        assert (first.reason, first.retry_due_ms, third.retry_due_ms) == ("ConnectionError: no net", None, None)
        assert await status(checker, task_id) == "COMPLETE"
        assert await checker.service.cypher(
            "MATCH (e:task_execution)-[:RETRY_OF]->(f:task_execution) "
            "RETURN e.execution_id AS again, f.execution_id AS former, e.attempt AS attempt ORDER BY attempt"
        ) == [
            {"again": second.execution_id, "former": first.execution_id, "attempt": 2},
            {"again": third.execution_id, "former": second.execution_id, "attempt": 3},
        ]


async def test_a_task_without_a_policy_is_not_tried_again(run: Run) -> None:
    handler = Failing(9)
    async with run(handler) as checker:
        task_id = await schedule(checker, retry=None)
        await checker.run_until(timedelta(hours=1))

        assert [each.status for each in await attempts(checker, task_id)] == ["failed"]
        assert await status(checker, task_id) == "FAILED"


async def test_a_task_fails_with_its_last_attempt_only(run: Run) -> None:
    handler = Failing(9)
    async with run(handler) as checker:
        task_id = await schedule(checker, max_attempts=3)
        for _ in range(2):
            await checker.tick(MINUTE)
            assert await status(checker, task_id) == "ACTIVE"
        await checker.tick(MINUTE)

        assert await status(checker, task_id) == "FAILED"
        await checker.run_until(timedelta(hours=1))
        assert len(handler.ran) == 3


async def test_a_recurring_task_goes_on_while_an_attempt_waits(run: Run) -> None:
    handler = Failing(1)
    async with run(handler) as checker:
        await schedule(checker, schedule_cron="* * * * *", retry={**FIXED, "delay": 90})
        for _ in range(8):
            await checker.tick(MINUTE / 2)

        assert sorted(handler.ran) == [("09:01", 1), ("09:01", 2), ("09:02", 1), ("09:03", 1), ("09:04", 1)]


async def test_a_rate_limit_s_retry_after_is_kept_to_the_second(run: Run) -> None:
    handler = Failing(2, Retry("95s", "429 Too Many Requests"))
    async with run(handler) as checker:
        task_id = await schedule(checker, retry=None)
        await checker.run_until(timedelta(minutes=10))
        first, second, third = await attempts(checker, task_id)

        assert (first.reason_code, first.reason) == ("retry_requested", "429 Too Many Requests")
        assert second.triggered_at - first.triggered_at == timedelta(seconds=95)
        assert (third.status, third.attempt) == ("completed", 3)


@pytest.mark.parametrize("fault", [Failed("no such row", permanent=True), PermissionError("not yours")])
async def test_a_permanent_failure_is_not_tried_80000_times(run: Run, fault: object) -> None:
    """CIRISAgent#934: a row that no longer existed was inserted again every minute, for eight weeks."""
    handler = Failing(99, fault)
    async with run(handler) as checker:
        task_id = await schedule(checker, max_attempts=100, retry={**FIXED, "give_up_on": ["PermissionError"]})
        await checker.run_until(timedelta(days=1))

        assert len(handler.ran) == 1
        assert await status(checker, task_id) == "FAILED"


async def test_a_retry_that_cannot_be_read_is_a_failure(run: Run) -> None:
    async with run(Failing(9, Retry("soon", "later"))) as checker:
        task_id = await schedule(checker, retry=None)
        await checker.tick(MINUTE)
        (only,) = await attempts(checker, task_id)

        assert (only.status, only.reason_code) == ("failed", "handler_failed")
        assert "after='soon'" in (only.reason or "")


async def test_an_attempt_that_runs_too_long_is_followed_by_another(run: Run) -> None:
    ran: list[int] = []

    async def handle(firing: Firing) -> str:
        ran.append(firing.execution.attempt)
        if firing.execution.attempt == 1:
            await asyncio.sleep(600)
        return "well"

    async with run(handle) as checker:
        task_id = await schedule(checker, timeout_seconds=0.2)
        await checker.run_until(timedelta(minutes=5))
        first, second = await attempts(checker, task_id)

        assert (first.reason_code, second.status, ran) == ("timed_out", "completed", [1, 2])


async def test_a_handler_that_defers_after_a_failure_is_no_failure(run: Run) -> None:
    async def handle(firing: Firing) -> object:
        if firing.execution.execution_type == "deferred_trigger":
            return "well"
        if firing.execution.attempt == 1:
            raise ConnectionError("no net")
        return Defer(timedelta(minutes=5), "not now")

    async with run(handle) as checker:
        task_id = await schedule(checker)
        await checker.run_until(timedelta(minutes=30))

        assert [(each.status, each.attempt) for each in await attempts(checker, task_id)] == [
            ("failed", 1),
            ("deferred", 2),
            ("completed", 1),
        ]
        assert await status(checker, task_id) == "COMPLETE"


async def test_a_cancelled_task_is_not_tried_again(run: Run) -> None:
    handler = Failing(9)
    async with run(handler) as checker:
        task_id = await schedule(checker)
        await checker.tick(MINUTE)
        assert await checker.service.cypher(WAITING)
        assert await checker.service.cancel_task(task_id)

        assert not await checker.service.cypher(WAITING)
        await checker.run_until(timedelta(hours=1))
        assert len(handler.ran) == 1
        assert await status(checker, task_id) == "CANCELLED"


async def test_a_policy_that_is_taken_away_lets_nothing_wait(run: Run) -> None:
    handler = Failing(9)
    async with run(handler) as checker:
        task_id = await schedule(checker, schedule_cron="0 9 * * *")
        await checker.run_until(timedelta(days=1))
        assert len(handler.ran) == 1
        await checker.service.update_task(task_id, retry=None)
        await checker.tick()

        assert not await checker.service.cypher(WAITING)
        assert len(handler.ran) == 1


async def test_a_pause_holds_an_attempt_until_the_task_is_resumed(run: Run) -> None:
    handler = Failing(1)
    async with run(handler) as checker:
        task_id = await schedule(checker)
        await checker.tick(MINUTE)
        await checker.service.pause_task(task_id)
        await checker.tick(timedelta(hours=1))
        assert len(handler.ran) == 1
        await checker.service.resume_task(task_id)
        await checker.tick()

        assert [attempt for _, attempt in handler.ran] == [1, 2]
        assert await status(checker, task_id) == "COMPLETE"


async def test_a_pause_that_ends_by_itself_lets_the_attempt_start(run: Run) -> None:
    handler = Failing(1)
    async with run(handler) as checker:
        task_id = await schedule(checker, schedule_cron="0 * * * *")
        await checker.run_until(timedelta(hours=1))
        await checker.service.pause_task(task_id, until="in 20m")
        await checker.run_until(timedelta(minutes=30))
        first, second = await attempts(checker, task_id)

        assert second.triggered_at - first.triggered_at == timedelta(minutes=20)
        assert (second.status, second.attempt) == ("completed", 2)


async def test_an_attempt_starts_though_its_schedule_has_ended(run: Run) -> None:
    handler = Failing(1)
    async with run(handler) as checker:
        until = {"kind": "bounded", "schedule": {"kind": "every", "every": "1m"}, "count": 2, "start": "now"}
        task_id = await schedule(checker, defer_until=None, schedule=until, retry={**FIXED, "delay": 600})
        await checker.run_until(timedelta(hours=1))

        assert sorted(attempt for _, attempt in handler.ran) == [1, 1, 2]
        assert await status(checker, task_id) == "COMPLETE"


async def test_a_run_by_hand_that_failed_is_tried_again(run: Run) -> None:
    handler = Failing(1)
    async with run(handler) as checker:
        task_id = await schedule(checker, schedule_cron="0 9 * * *")
        await checker.service.run_now(task_id)
        await checker.service.idle()
        await checker.run_until(timedelta(minutes=5))

        assert [(each.status, each.attempt, each.execution_type) for each in await attempts(checker, task_id)] == [
            ("failed", 1, "manual_trigger"),
            ("completed", 2, "manual_trigger"),
        ]


async def test_attempts_that_are_due_together_start_as_slots_are_free(run: Run) -> None:
    handler = Failing(7)
    async with run(handler, max_concurrent_handlers=2) as checker:
        for _ in range(7):
            await schedule(checker)
        await checker.run_until(timedelta(minutes=30))

        assert len(handler.ran) == 14
        assert {each.status for each in await checker.service.find_tasks(limit=100)} == {"COMPLETE"}


async def test_attempts_outlive_the_process_that_failed(run: Run) -> None:
    async with run(Failing(9)) as checker:
        task_id = await schedule(checker)
        await checker.tick(MINUTE)
        (first,) = await attempts(checker, task_id)
        assert first.retry_due_ms is not None
        assert from_ms(first.retry_due_ms) - checker.clock.now() == MINUTE

    handler = Failing(0)
    async with run(handler) as checker:
        await checker.tick()
        assert not handler.ran
        await checker.tick(MINUTE)
        assert [attempt for _, attempt in handler.ran] == [2]
        assert await status(checker, task_id) == "COMPLETE"


async def test_a_follower_waits_for_the_last_attempt(run: Run) -> None:
    followed: list[str] = []
    failing = Failing(1)

    async def handle(firing: Firing) -> object:
        if firing.task.schedule.kind != "after":
            return await failing(firing)
        followed.append(str((firing.execution.cause_detail or {})["status"]))
        return None

    async with run(handle) as checker:
        task_id = await schedule(checker)
        schedule_after = {"kind": "after", "task_id": task_id, "on": "ended"}
        await schedule(checker, defer_until=None, schedule=schedule_after, retry=None)
        for _ in range(8):
            await checker.tick(MINUTE / 2)

        assert followed == ["completed"]


async def test_statistics_count_every_attempt(run: Run) -> None:
    async with run(Failing(2)) as checker:
        await schedule(checker)
        await checker.run_until(timedelta(minutes=10))
        (counted,) = await checker.service.cypher(
            "MATCH (s:lifetime_statistics) RETURN sum(s.executions_started) AS started, "
            "sum(s.executions_failed) AS failed, sum(s.executions_completed) AS completed"
        )

        assert counted == {"started": 3, "failed": 2, "completed": 1}
