"""The ten checks, each on a graph that is well and on one made bad in exactly that way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, Failed, InvalidInput, Options, TaskSchedulerService
from remembrancer.engine import checkup
from remembrancer.engine.checkup import Health, worst
from remembrancer.engine.clock import SystemTime
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from remembrancer import Firing
    from remembrancer.engine.checkup import Diagnosis

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
NAMES = (
    "executions drift memory database cron service deferrals performance limits integration".split()  # noqa: SIM905
)


async def answer(firing: Firing) -> object:
    match firing.task.name:
        case "bad":
            return Failed("The door was locked")
        case "later":
            return Defer(firing.execution.triggered_at + HOUR, "Not now")
        case "stuck":
            await asyncio.Event().wait()
    return "done"


@pytest.fixture
async def serving(clock: VirtualClock) -> AsyncIterator[TaskSchedulerService]:
    """A scheduler that runs by itself, on a clock that stands still."""
    options = Options(max_concurrent=2, stop_timeout_seconds=0)
    async with TaskSchedulerService(":memory:", clock, 7200, handler=answer, options=options) as service:
        yield service


async def said(service: TaskSchedulerService, check: str) -> Diagnosis:
    told = {each.check: each for each in await service.examine()}
    return told[check]


async def schedule(service: TaskSchedulerService, clock: VirtualClock, name: str, times: int = 1) -> None:
    for _ in range(times):
        await service.schedule_task(name, "g", "p", "thought", clock.now() + HOUR)


async def test_a_scheduler_that_runs_well_is_well(serving: TaskSchedulerService, clock: VirtualClock) -> None:
    await schedule(serving, clock, "good", 2)
    clock.advance(HOUR)
    await until(serving.history, 2)
    told = await serving.examine()

    assert [(each.number, each.check) for each in told] == list(enumerate(NAMES, 1))
    assert {each.check: each.saw for each in told if each.health != "ok"} == {}
    assert worst(told) is Health.OK
    assert all(each.saw and each.why and each.do for each in told)


async def until(ask: Any, count: int) -> None:
    async with asyncio.timeout(20):
        while len([each for each in await ask() if each.status != "running"]) < count:  # noqa: ASYNC110 (asked of the graph)
            await asyncio.sleep(0.01)


async def test_failures_are_seen_with_the_most_common_reason(clock: VirtualClock) -> None:
    service = TaskSchedulerService(":memory:", clock, handler=answer)
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, clock, "good", 17)
        await schedule(service, clock, "bad", 3)
        await checker.tick(HOUR)
        some = await said(service, "executions")
        await schedule(service, clock, "bad", 20)
        await checker.tick(HOUR)
        most = await said(service, "executions")

    assert (some.health, some.numbers) == (Health.WARN, {"failed": 3, "ended": 20, "rate": 0.15})
    assert "The door was locked" in some.saw
    assert (most.health, most.numbers["rate"]) == (Health.CRITICAL, 23 / 40)


async def test_drift_and_silent_misses_are_seen(clock: VirtualClock) -> None:
    service = TaskSchedulerService(":memory:", clock, handler=answer)
    async with ManualScheduler(service, clock) as checker:
        await service.schedule_task("hourly", "g", "p", "thought", schedule_cron="0 * * * *", misfire="skip")
        await checker.tick(HOUR)
        well = await said(service, "drift")
        await checker.tick(3 * HOUR)
        missed = await said(service, "drift")
        await schedule(service, clock, "good", 10)
        await checker.tick(HOUR + 30 * SECOND)
        late = await said(service, "drift")

    assert (well.health, well.numbers["missed"]) == (Health.OK, 0)
    assert (missed.health, missed.numbers["missed"]) == (Health.WARN, 2)
    assert late.health is Health.CRITICAL
    assert late.numbers["delay_p95_seconds"] == 60


async def test_memory_is_weighed(serving: TaskSchedulerService, monkeypatch: pytest.MonkeyPatch) -> None:
    well = await said(serving, "memory")
    monkeypatch.setattr(checkup, "LARGE_MEMORY", 1024)
    large = await said(serving, "memory")

    assert (well.health, large.health) == (Health.OK, Health.CRITICAL)
    assert well.numbers["resident_bytes"] > 10_000_000


async def test_a_graph_that_errs_or_has_no_room_is_seen(serving: TaskSchedulerService, clock: VirtualClock) -> None:
    well = await said(serving, "database")
    serving._graph().note("database_errors", "The graph did not answer")
    await schedule(serving, clock, "good")
    erred = await said(serving, "database")
    facts = await serving.gauges.facts()
    full = checkup.database(replace(facts, sounding=replace(facts.sounding, disk_free=1, disk_size=100)))
    near = checkup.database(replace(facts, sounding=replace(facts.sounding, disk_free=5, disk_size=100)))
    slow = checkup.database(replace(facts, answer_seconds=12.0))

    assert (well.health, well.numbers["errors_of_process"]) == (Health.OK, 0)
    assert (erred.health, erred.numbers["errors_of_process"]) == (Health.WARN, 1)
    assert (full[0], near[0], slow[0]) == (Health.CRITICAL, Health.WARN, Health.CRITICAL)


async def test_refused_cron_expressions_are_seen(service: TaskSchedulerService, clock: VirtualClock) -> None:
    well = await said(service, "cron")
    for _ in range(5):
        with pytest.raises(InvalidInput):
            await service.schedule_task("x", "g", "p", "thought", schedule_cron="61 * * * *")
    await schedule(service, clock, "good")
    bad = await said(service, "cron")

    assert (well.health, bad.health) == (Health.OK, Health.CRITICAL)
    assert bad.numbers == {"refused": 5, "accepted": 0, "share": 1.0}


async def test_a_graph_without_a_scheduler_is_a_worry_and_with_work_due_an_alarm(
    service: TaskSchedulerService, clock: VirtualClock
) -> None:
    await schedule(service, clock, "good")
    idle = await said(service, "service")
    clock.advance(HOUR + timedelta(minutes=2))
    due = await said(service, "service")

    assert (idle.health, due.health) == (Health.WARN, Health.CRITICAL)
    assert "1 tasks are due" in due.saw


async def test_a_checker_that_stands_or_died_is_seen(serving: TaskSchedulerService, clock: VirtualClock) -> None:
    facts = await serving.gauges.facts()
    assert facts.process is not None
    stands = checkup.service(replace(facts, process=replace(facts.process, pass_age_seconds=7300.0)))
    missed = checkup.service(replace(facts, process=replace(facts.process, missed_checks=1)))
    assert serving._task is not None
    serving._task.cancel()
    await asyncio.wait([serving._task])
    died = await said(serving, "service")
    serving._task = None

    assert (stands[0], missed[0]) == (Health.WARN, Health.WARN)
    assert died.health is Health.CRITICAL
    assert died.saw.startswith("the checker has died")


async def test_what_is_put_off_again_and_again_is_seen(clock: VirtualClock) -> None:
    service = TaskSchedulerService(":memory:", clock, handler=answer)
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, clock, "good", 20)
        await checker.tick(HOUR)
        well = await said(service, "deferrals")
        await schedule(service, clock, "later")
        for _ in range(5):
            await checker.tick(HOUR)
        chronic = await said(service, "deferrals")
        (task,) = await service.get_scheduled_tasks()
        await service.cancel_task(task.task_id)
        over = await said(service, "deferrals")

    assert (well.health, chronic.health, over.health) == (Health.OK, Health.WARN, Health.OK)
    assert (chronic.numbers["most_of_one_task"], chronic.numbers["deferrals"]) == (5, 5)
    assert "Not now" in chronic.saw
    assert task.task_id in chronic.saw


async def test_a_backlog_and_slower_handlers_are_seen(clock: VirtualClock) -> None:
    service = TaskSchedulerService(":memory:", clock)
    async with ManualScheduler(service, clock):
        await schedule(service, clock, "good", 3)
        well = await said(service, "performance")
        clock.advance(HOUR + timedelta(minutes=2))
        waits = await said(service, "performance")
        clock.advance(timedelta(minutes=10))
        piles = await said(service, "performance")
        facts = await service.gauges.facts()
    for window, seconds in ((facts.day, 100.0), (facts.hour, 30.0)):
        window.counts |= {"executions_completed": 10 if window is facts.hour else 100, "execution_seconds": seconds}
    calm = replace(facts, sounding=replace(facts.sounding, due=0, oldest_due_ms=None))

    assert (well.health, waits.health, piles.health) == (Health.OK, Health.WARN, Health.CRITICAL)
    assert (waits.numbers["due"], waits.numbers["due_seconds"]) == (3, 120)
    assert checkup.performance(calm)[0] is Health.WARN


async def test_the_limit_of_handlers_is_seen(serving: TaskSchedulerService, clock: VirtualClock) -> None:
    well = await said(serving, "limits")
    await schedule(serving, clock, "stuck", 2)
    clock.advance(HOUR)
    async with asyncio.timeout(20):
        while serving.gauges.read()["scheduler.executions.running"] < 2:  # noqa: ASYNC110 (a gauge has no event)
            await asyncio.sleep(0.01)
    full = await said(serving, "limits")

    assert (well.health, full.health) == (Health.OK, Health.CRITICAL)
    assert full.numbers == {"handlers": 2, "limit": 2, "share": 1.0}


async def test_a_lease_that_nobody_took_over_is_seen(tmp_path: Path, clock: VirtualClock) -> None:
    service = TaskSchedulerService(tmp_path / "graph", clock, handler=answer)
    async with ManualScheduler(service, clock):
        await schedule(service, clock, "good")
        well = await said(service, "integration")
        clock.advance(HOUR)
        scheduler: Any = service._scheduler
        plans = await scheduler._plan(await service._graph().due(clock.now(), 9), int(clock.now().timestamp() * 1000))
        await service._graph().claim(plans, scheduler._lease())
        held = await said(service, "integration")
        clock.advance(timedelta(minutes=2))
        stuck = await said(service, "integration")
        clock.advance(timedelta(minutes=20))
        long_stuck = await said(service, "integration")

    assert (well.health, held.health) == (Health.OK, Health.OK)
    assert (stuck.health, long_stuck.health) == (Health.WARN, Health.CRITICAL)
    assert stuck.numbers["stuck_seconds"] == 60


@pytest.mark.neo4j
async def test_a_clock_that_is_not_the_graphs_is_seen(neo4j_server: Any) -> None:
    async with TaskSchedulerService(neo4j_server.graph, handler=answer) as service:
        well = await said(service, "integration")
    ahead = VirtualClock()
    async with ManualScheduler(TaskSchedulerService(neo4j_server.graph, ahead, handler=answer), ahead) as checker:
        skewed = await said(checker.service, "integration")  # pyright: ignore[reportArgumentType]

    assert well.health is Health.OK
    assert (skewed.health, abs(skewed.numbers["clock_offset_seconds"]) > 30) == (Health.CRITICAL, True)


@pytest.mark.neo4j
async def test_a_wrong_clock_is_seen_though_the_scheduler_goes_by_the_graphs(neo4j_server: Any) -> None:
    late = SystemTime(lambda: datetime.now(UTC) - timedelta(minutes=5))
    async with TaskSchedulerService(neo4j_server.graph, late, handler=answer) as service:
        skewed = await said(service, "integration")
        values = service.gauges.read()

    assert skewed.health is Health.CRITICAL
    assert skewed.numbers["clock_offset_seconds"] == pytest.approx(300, abs=30)
    assert values["scheduler.clock.offset"] == pytest.approx(300, abs=30)
