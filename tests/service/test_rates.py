"""Rates: how many executions may begin in a time, over all replicas of a graph."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings, strategies as st

from remembrancer import Done, InvalidInput, LimitReached, SchedulerOptions, TaskSchedulerService
from remembrancer.engine.clock import SystemTime
from remembrancer.model.limit import Rate, read_limit_key, read_rate
from remembrancer.ports.limits import LimitState
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from neo4j_server import Server

    from remembrancer import Firing

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def scheduled(service: Any, count: int, **fields: Any) -> list[str]:
    requests = [
        await service.schedule_task(f"Task {number}", "goal", "prompt", "thought", f"in {30 + number}s", **fields)
        for number in range(count)
    ]
    return [each.task_id for each in requests]


async def begun(service: Any) -> list[str]:
    runs = await service.history(limit=100)
    return [run.task_id for run in sorted(runs, key=lambda run: run.triggered_at)]


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("60/minute", Rate("60/minute", 1_000_000, 1)),
        ("7/second", Rate("7/second", 142_858, 1)),
        (" 1000 / s ", Rate("1000/second", 1000, 100)),
        ("1/day", Rate("1/day", 86_400_000_000, 1)),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize("wrong", ["60", "0/minute", "-1/minute", "60/fortnight", "1.5/second", "9999999/second", 60])
def test_a_wrong_rate_is_refused_with_an_example(wrong: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_rate(wrong)
    assert (refused.value.field, refused.value.example) == ("rate", "60/minute")


def test_a_burst_without_a_rate_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none without a rate"):
        read_rate(None, 3)
    with pytest.raises(InvalidInput):
        read_rate("60/minute", 0)
    assert read_limit_key("weather") == "key:weather"


@settings(max_examples=200)
@given(
    burst=st.integers(1, 5),
    steps=st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 7)), max_size=40),
)
def test_no_more_begin_in_any_time_than_the_rate_allows(burst: int, steps: list[tuple[int, int]]) -> None:
    """As `take_slots` does: what is free is taken, and moves the bucket."""
    rate, now_ms, spent_us = Rate("60/minute", 1_000_000, burst), 1_000_000, 0
    took: list[int] = []
    for wait_ms, wanted in steps:
        now_ms += wait_ms
        state = LimitState("key:a", None, (), rate, spent_us)
        free = state.free_at(now_ms, wanted)
        assert (free > 0) == (state.permit_ms(now_ms) <= now_ms)
        assert free == wanted or state.permit_ms(now_ms, free) > now_ms
        spent_us = max(spent_us, now_ms * 1000) + free * rate.permit_us
        took += [now_ms] * free
    for first, began_ms in enumerate(took):
        for last in range(first, len(took)):
            assert last - first + 1 <= burst + (took[last] - began_ms) / 1000


async def test_a_rate_lets_one_begin_after_the_other(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        limit = await service.set_limit("weather", rate="60/minute")
        assert (limit.slots, limit.rate, limit.burst, limit.next_at) == (None, "60/minute", 1, None)
        ids = await scheduled(service, 4, concurrency_key="weather")
        assert await scheduler.tick(MINUTE) == 1
        waits = await service.get_task(ids[1])
        assert waits.wait_key == "slot:key:weather"
        assert "60/minute" in (waits.wait_reason or "")
        (limit,) = await service.list_limits()
        assert (limit.waiting, limit.next_at) == (3, clock.now() + SECOND)
        assert await scheduler.tick(SECOND / 2) == 0
        assert await scheduler.tick(SECOND / 2) == 1
        assert await scheduler.run_until("in 10s") == 2
        assert await begun(service) == ids
        (limit,) = await service.list_limits()
        assert (limit.taken, limit.waiting, limit.next_at) == (0, 0, None)


async def test_a_burst_begins_at_once_after_a_quiet_time(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("weather", rate="6/minute", burst=3)
        await scheduled(service, 8, concurrency_key="weather")
        assert await scheduler.tick(MINUTE) == 3
        assert await scheduler.tick(10 * SECOND) == 1
        assert await scheduler.tick(25 * SECOND) == 2
        assert await scheduler.tick(5 * SECOND) == 1
        assert await scheduler.tick(5 * MINUTE) == 1


async def test_a_rate_and_slots_of_one_limit_both_hold(graph: str, clock: VirtualClock) -> None:
    gate = asyncio.Event()

    async def wait(_firing: Firing) -> Done:
        await gate.wait()
        return Done()

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=wait), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("weather", 2, "60/minute", 4)
        await scheduled(service, 5, concurrency_key="weather")
        clock.advance(MINUTE)
        ticking = asyncio.create_task(scheduler.tick())
        async with asyncio.timeout(60):
            while (await service.list_limits())[0].waiting < 3:  # noqa: ASYNC110 (it works in its own time)
                await asyncio.sleep(0.01)
        (limit,) = await service.list_limits()
        assert (limit.taken, limit.next_at) == (2, None)
        gate.set()
        await ticking
        assert len(await begun(service)) == 4
        assert await scheduler.tick(SECOND) == 1


async def test_a_permit_that_was_not_used_is_given_back(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("weather", rate="1/hour")
        await service.set_limit("group:team", 0)
        (task_id,) = await scheduled(service, 1, concurrency_key="weather", group="team")
        assert await scheduler.tick(MINUTE) == 0
        assert {limit.key: limit.next_at for limit in await service.list_limits()} == {
            "group:team": None,
            "key:weather": None,
        }
        await service.set_limit("group:team", 1)
        assert await scheduler.tick() == 1
        with pytest.raises(LimitReached, match="1/hour"):
            await service.run_now((await scheduled(service, 1, concurrency_key="weather"))[0])
        assert (await service.get_task(task_id)).status == "COMPLETE"


async def test_a_person_may_force_a_run_past_a_rate(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("weather", rate="1/hour")
        (task_id,) = await scheduled(service, 1, concurrency_key="weather")
        await service.run_now(task_id)
        with pytest.raises(LimitReached) as refused:
            await service.run_now(task_id)
        assert refused.value.rate == "1/hour"
        await service.run_now(task_id, force=True)
        assert len(await service.history()) == 2


async def test_a_clock_that_is_set_back_neither_freezes_nor_floods_it(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("weather", rate="60/minute", burst=2)
        await scheduled(service, 6, concurrency_key="weather")
        clock.advance(timedelta(days=1))
        assert await scheduler.tick(MINUTE) == 2
        clock.set(clock.now() - timedelta(hours=23))
        (limit,) = await service.list_limits()
        assert limit.next_at == clock.now() + SECOND
        assert await scheduler.tick() == 0
        assert await scheduler.tick(SECOND) == 1
        assert await scheduler.tick(timedelta(days=2)) == 2
        assert await scheduler.tick(SECOND) == 1


async def test_a_rate_that_is_lifted_lets_all_begin(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("weather", rate="1/day")
        await scheduled(service, 4, concurrency_key="weather")
        assert await scheduler.tick(MINUTE) == 1
        await service.set_limit("weather")
        assert await scheduler.tick() == 3
        assert [each.after for each in await service.audit_entries() if each.action == "set_limit"][-1] == {
            "limit": "key:weather",
            "slots": None,
            "rate": None,
        }


async def test_the_loop_wakes_when_the_next_permit_is_there(graph: str) -> None:
    ended = asyncio.Event()
    seen: list[str] = []

    async def note(firing: Firing) -> Done:
        seen.append(firing.task.task_id)
        if len(seen) == 5:
            ended.set()
        return Done()

    options = SchedulerOptions(check_interval_seconds=3600)
    async with TaskSchedulerService(graph, SystemTime(), handler=note, options=options) as service:
        await service.set_limit("weather", rate="10/second")
        for _ in range(5):
            await service.schedule_task("Task", "goal", "prompt", "t", "in 1s", concurrency_key="weather")
        await asyncio.wait_for(ended.wait(), 60)


@pytest.mark.neo4j
async def test_two_replicas_share_one_bucket(neo4j_server: Server) -> None:
    async def note(_firing: Firing) -> Done:
        return Done()

    services = [TaskSchedulerService(neo4j_server.graph, SystemTime(), handler=note) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for each in services:
            await stack.enter_async_context(each)
        await services[0].set_limit("weather", rate="10/second", burst=2)
        for number in range(20):
            await services[number % 2].schedule_task("Task", "goal", "prompt", "t", "in 1s", concurrency_key="weather")
        async with asyncio.timeout(120):
            while len(await services[0].history(limit=100)) < 20:  # noqa: ASYNC110 (they work in their own time)
                await asyncio.sleep(0.1)
        times = sorted(run.triggered_at for run in await services[0].history(limit=100))
    for first, began in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= 2 + (times[last] - began).total_seconds() * 10 + 0.02
