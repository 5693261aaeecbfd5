"""Counts of waiting attempts, dead letters and waiting tasks, and the counters of attempts and final failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Failed, TaskSchedulerService
from remembrancer.model.timestamps import from_ms
from remembrancer.operations.catalog import GET_STATUS
from remembrancer.operations.parameters import NoParams
from remembrancer.ports.health import WAITED_FOR
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing
    from remembrancer.model.service_status import ServiceStatus

MINUTE = timedelta(minutes=1)
LATER = {"backoff": "fixed", "delay": "10h", "jitter": "none"}


async def handle(firing: Firing) -> Any:
    return Failed("No paper") if firing.task.name.startswith("bad") else "done"


@pytest.fixture
async def desk(graph: str) -> AsyncIterator[ManualScheduler]:
    clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    service = TaskSchedulerService(graph, time_service=clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        yield scheduler


async def due(desk: ManualScheduler, name: str, **fields: Any) -> str:
    """Schedule a task for a minute from now."""
    at = desk.clock.now() + MINUTE
    return (await desk.service.schedule_task(name, "goal", "prompt", "thought", at, **fields)).task_id


async def told(desk: ManualScheduler) -> ServiceStatus:
    """Return the status as HTTP and the command line ask for it."""
    return await GET_STATUS.run(desk.service, NoParams())


async def test_a_graph_without_failures_has_no_counts(desk: ManualScheduler) -> None:
    assert desk.service.get_status().waiting is None  # nobody has asked the graph
    await due(desk, "good")
    await desk.tick(MINUTE)
    status = await told(desk)

    assert status.waiting is not None
    assert status.waiting.tasks == dict.fromkeys(WAITED_FOR, 0)
    assert (status.waiting.retries, status.waiting.dead_letters, status.waiting.longest_wait_seconds) == (0, 0, 0)
    assert (status.retries_begun, status.failures_for_good) == (0, 0)
    assert status.waiting.as_of == desk.clock.now()
    assert desk.service.get_status().waiting == status.waiting


async def test_attempts_and_dead_letters_are_counted_until_cleared(desk: ManualScheduler) -> None:
    await due(desk, "bad, again", retry={"backoff": "fixed", "delay": "10m", "jitter": "none"}, max_attempts=2)
    await due(desk, "bad, once")
    await desk.tick(MINUTE)
    first = await told(desk)
    await desk.tick(10 * MINUTE)
    second = await told(desk)
    for letter in await desk.service.dead_letters():
        await desk.service.clear_dead_letter(letter.dead_letter_id, "Paper is there")
    third = await told(desk)

    def counted(status: ServiceStatus) -> tuple[int, ...]:
        waiting = status.waiting
        assert waiting is not None
        of_graph = (waiting.retries, waiting.dead_letters, waiting.dead_letter_failures)
        return (*of_graph, status.retries_begun, status.failures_for_good)

    assert counted(first) == (1, 1, 1, 0, 1)
    assert counted(second) == (0, 2, 2, 1, 2)
    assert counted(third) == (0, 0, 0, 1, 2)
    life = await desk.service._process.store.statistics.lifetime()  # type: ignore[union-attr]
    assert (life.counts["executions_retried"], life.counts["failures_final"]) == (1, 2)


async def test_waiting_tasks_are_counted_by_what_they_wait_for(desk: ManualScheduler) -> None:
    await desk.service.set_limit("closed", 0)
    other = await desk.service.schedule_task("later", "goal", "prompt", "thought", desk.clock.now() + 900 * MINUTE)
    await due(desk, "for a slot", concurrency_key="closed")
    for _ in range(2):  # the attempt that is to follow the first keeps the key
        await due(desk, "bad, in the way", overlap="buffer_all", overlap_key="door", retry=LATER)
    await due(desk, "for a task", depends_on=[other.task_id])
    for _ in range(2):
        await due(desk, "for a worker", queue="mail")
    await desk.tick(MINUTE)
    await desk.tick(90 * MINUTE)
    waiting = (await told(desk)).waiting
    values = desk.service.gauges.read()
    tasks = [await desk.service.get_task(each.task_id) for each in await desk.service.get_scheduled_tasks()]
    since = min(each.waits_since_ms for each in tasks if each.waits_since_ms is not None)

    assert waiting is not None
    assert waiting.tasks == {"budget": 0, "circuit": 0, "overlap": 1, "queue": 2, "slot": 1, "task": 1}
    assert waiting.longest_wait_seconds == (desk.clock.now() - from_ms(since)).total_seconds() >= 5400
    assert {name: value for name, value in values.items() if name.startswith("scheduler.tasks.waiting.")} == {
        "scheduler.tasks.waiting.budget": 0,
        "scheduler.tasks.waiting.circuit": 0,
        "scheduler.tasks.waiting.overlap": 1,
        "scheduler.tasks.waiting.queue": 2,
        "scheduler.tasks.waiting.slot": 1,
        "scheduler.tasks.waiting.task": 1,
        "scheduler.tasks.waiting.longest": waiting.longest_wait_seconds,
    }


async def test_status_is_told_after_the_graph_has_gone(desk: ManualScheduler) -> None:
    await told(desk)
    await desk.service.stop()
    assert (await told(desk)).waiting is None
