"""The ten checks, each on a graph that is well and on one made bad in exactly that way."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from bolt_proxy import BoltProxy
from disks import mounted

from remembrancer import (
    Defer,
    Done,
    Failed,
    InvalidInput,
    ScheduleRequest,
    SchedulerOptions,
    TaskSchedulerService,
    Thought,
)
from remembrancer.engine.clock import SystemTime
from remembrancer.errors import DiskFull
from remembrancer.operations.diagnostics.checks import Severity, worst
from remembrancer.policies.decision import PlanContext
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.operations.diagnostics.checks import CheckResult

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
PIECE = 64 << 20
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
    options = SchedulerOptions(max_concurrent_handlers=5, shutdown_timeout_seconds=0)
    async with TaskSchedulerService(":memory:", clock, 7200, handler=answer, options=options) as service:
        yield service


async def said(service: TaskSchedulerService, check: str) -> CheckResult:
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
    assert worst(told) is Severity.OK
    assert all(each.saw and each.why and each.do for each in told)


async def looked(service: TaskSchedulerService, clock: VirtualClock) -> None:
    """Wait until the checker has had a good look at this moment."""
    scheduler: Any = service._process.scheduler
    async with asyncio.timeout(120):
        while scheduler.last_tick_at != clock.now():  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.01)


async def until(ask: Any, count: int) -> None:
    async with asyncio.timeout(120):
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

    assert (some.health, some.numbers) == (Severity.WARN, {"failed": 3, "ended": 20, "rate": 0.15, "dead_letters": 3.0})
    assert "The door was locked" in some.saw
    assert (most.health, most.numbers["rate"]) == (Severity.CRITICAL, 23 / 40)


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

    assert (well.health, well.numbers["missed"]) == (Severity.OK, 0)
    assert (missed.health, missed.numbers["missed"]) == (Severity.WARN, 2)
    assert late.health is Severity.CRITICAL
    assert late.numbers["delay_p95_seconds"] == 60


@contextlib.contextmanager
def holding(folder: Path, gibibytes: int) -> Iterator[None]:
    """Let this process hold so much more: of a small file again and again, so that the machine need not have it."""
    file = folder / f"{gibibytes}"
    file.write_bytes(bytes(PIECE))
    with file.open("r+b") as pages:
        held = [mmap.mmap(pages.fileno(), PIECE) for _ in range(gibibytes * (1 << 30) // PIECE)]
    for each in held:
        each[:: mmap.PAGESIZE]  # touched, a page is resident
    yield
    for each in held:
        each.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the peak is known")
async def test_a_process_that_has_grown_large_is_seen(serving: TaskSchedulerService, tmp_path: Path) -> None:
    well = await said(serving, "memory")
    with holding(tmp_path, 1):
        large = await said(serving, "memory")
    with holding(tmp_path, 2):
        larger = await said(serving, "memory")

    assert (well.health, large.health, larger.health) == (Severity.OK, Severity.WARN, Severity.CRITICAL)
    assert well.numbers["resident_bytes"] > 10_000_000
    assert larger.numbers["resident_bytes"] > 2 << 30


async def test_a_silent_graph_is_critical_and_the_process_reports(
    serving: TaskSchedulerService, clock: VirtualClock
) -> None:
    well = await said(serving, "database")
    session: Any = serving._process.graph()._connection  # pyright: ignore[reportAttributeAccessIssue]
    session._database.close()
    clock.advance(3 * HOUR)
    async with asyncio.timeout(120):
        while serving.get_status().task_execution.error_count < 1:  # noqa: ASYNC110 (a counter has no event)
            await asyncio.sleep(0.01)
    told = {each.check: each for each in await serving.examine()}

    assert (well.health, well.numbers["errors_of_process"]) == (Severity.OK, 0)
    assert [each.check for each in told.values()] == NAMES
    assert told["database"].health is Severity.CRITICAL
    assert told["database"].saw.startswith("the graph does not respond: ")
    assert told["service"].health is Severity.WARN
    assert re.search(r"[1-9]\d* ticks failed", told["service"].saw)
    assert told["memory"].numbers["resident_bytes"] > 0
    assert (told["limits"].health, told["drift"].health) == (Severity.OK, Severity.WARN)
    assert told["drift"].saw == "unknown while the graph does not respond"


@pytest.mark.neo4j
async def test_a_graph_that_is_slow_is_seen(neo4j_server: Server, clock: VirtualClock) -> None:
    async with BoltProxy(neo4j_server.graph) as proxy:
        service = TaskSchedulerService(proxy.graph, clock, handler=answer)
        async with ManualScheduler(service, clock):
            proxy.delay_seconds = 0.25
            slow = await said(service, "database")
            proxy.delay_seconds = 0.0

    assert slow.health is not Severity.OK
    assert slow.numbers["answer_seconds"] > 1


async def test_a_full_disk_and_the_writes_it_refused_are_seen(tmp_path: Path, clock: VirtualClock) -> None:
    with mounted(tmp_path / "disk", "size=64m") as disk:
        filled = [disk / f"filled {number}" for number in range(3)]
        many = [ScheduleRequest("good", "x" * 20_000, "p", "thought", clock.now() + HOUR)] * 200
        async with TaskSchedulerService(disk / "graph", clock) as service:
            told = [await said(service, "database")]
            for file, left in zip(filled, (4 << 20, 1 << 20, 0), strict=True):
                file.write_bytes(bytes(int(told[-1].numbers["disk_free_bytes"]) - left))
                told.append(await said(service, "database"))
            with pytest.raises(DiskFull):
                await service.schedule_tasks(many)
            for file in filled:
                file.unlink()
            await schedule(service, clock, "good")
            told.append(await said(service, "database"))

    assert [each.health for each in told] == ["ok", "warn", "critical", "critical", "warn"]
    assert [each.numbers["errors_of_process"] for each in told] == [0, 0, 0, 0, 1]


async def test_refused_cron_expressions_are_seen(service: TaskSchedulerService, clock: VirtualClock) -> None:
    well = await said(service, "cron")
    for _ in range(5):
        with pytest.raises(InvalidInput):
            await service.schedule_task("x", "g", "p", "thought", schedule_cron="61 * * * *")
    await schedule(service, clock, "good")
    bad = await said(service, "cron")

    assert (well.health, bad.health) == (Severity.OK, Severity.CRITICAL)
    assert bad.numbers == {"refused": 5, "accepted": 0, "share": 1.0, "set_aside": 0}


async def test_a_stored_expression_turned_unreadable_is_seen_for_a_day(
    service: TaskSchedulerService, by_hand: ManualScheduler, clock: VirtualClock
) -> None:
    task = await service.schedule_task("hourly", "g", "p", "thought", schedule_cron="0 * * * *")
    session: Any = service._process.graph()._connection  # pyright: ignore[reportAttributeAccessIssue]
    session._database.command("opencypher", "MATCH (t:scheduled_task) SET t.schedule_cron = '0 * * * 99'")
    await by_hand.tick(HOUR)
    bad = await said(service, "cron")
    kept = await service.get_task(task.task_id)
    clock.advance(26 * HOUR)
    over = await said(service, "cron")

    assert (bad.health, bad.numbers["set_aside"], kept.status) == (Severity.WARN, 1, "FAILED")
    assert over.health is Severity.OK


async def test_a_graph_without_a_scheduler_warns_or_with_work_alarms(
    service: TaskSchedulerService, clock: VirtualClock
) -> None:
    await schedule(service, clock, "good")
    idle = await said(service, "service")
    clock.advance(HOUR + timedelta(minutes=2))
    due = await said(service, "service")

    assert (idle.health, due.health) == (Severity.WARN, Severity.CRITICAL)
    assert "due tasks: 1" in due.saw


async def test_a_checker_that_died_is_seen(serving: TaskSchedulerService) -> None:
    assert serving._process.loop_task is not None
    serving._process.loop_task.cancel()
    await asyncio.wait([serving._process.loop_task])
    died = await said(serving, "service")
    serving._process.loop_task = None

    assert died.health is Severity.CRITICAL
    assert died.saw.startswith("the scheduler's loop has died")


class Stalling(VirtualClock):
    """A clock that may cease to wake those who wait for it."""

    stalls = False

    async def wait(self, until: datetime, wake: asyncio.Event) -> None:
        await (wake.wait() if self.stalls else super().wait(until, wake))


async def test_missed_ticks_and_a_stopped_loop_are_seen() -> None:
    clock = Stalling()
    async with TaskSchedulerService(":memory:", clock, 60, handler=answer) as service:
        await looked(service, clock)
        well = await said(service, "service")
        clock.advance(HOUR)  # the process was held up for so long
        await looked(service, clock)
        missed = await said(service, "service")
        clock.stalls = True
        clock.advance(61 * SECOND)
        await looked(service, clock)
        clock.advance(80 * SECOND)
        stands = await said(service, "service")
        clock.advance(HOUR)
        long = await said(service, "service")

    assert (well.health, missed.health) == (Severity.OK, Severity.WARN)
    assert missed.numbers["missed_checks"] == 59
    assert (stands.numbers["pass_age_seconds"], stands.health, long.health) == (80, Severity.WARN, Severity.CRITICAL)


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
        for _ in range(15):
            await checker.tick(HOUR)
        for_ever = await said(service, "deferrals")
        (task,) = await service.get_scheduled_tasks()
        await service.cancel_task(task.task_id)
        clock.advance(26 * HOUR)
        over = await said(service, "deferrals")
        await schedule(service, clock, "good")
        (other,) = await service.get_scheduled_tasks()
        for number in range(2, 7):
            await service.defer_task(other.task_id, clock.now() + number * HOUR, "Not yet")
        nothing_else = await said(service, "deferrals")

    assert (well.health, chronic.health, for_ever.health) == (Severity.OK, Severity.WARN, Severity.CRITICAL)
    assert (over.health, nothing_else.health) == (Severity.OK, Severity.CRITICAL)
    assert (for_ever.numbers["most_of_one_task"], nothing_else.numbers["share"]) == (20, 1)
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

    assert (well.health, waits.health, piles.health) == (Severity.OK, Severity.WARN, Severity.CRITICAL)
    assert (waits.numbers["due"], waits.numbers["due_seconds"]) == (3, 120)


async def test_handlers_that_take_longer_than_they_did_are_seen(clock: VirtualClock) -> None:
    took = SECOND

    async def works(_: Firing) -> None:
        clock.advance(took)

    service = TaskSchedulerService(
        ":memory:", clock, handler=works, options=SchedulerOptions(max_concurrent_handlers=1)
    )
    async with ManualScheduler(service, clock) as checker:
        for _ in range(20):
            await schedule(service, clock, "good")
            await checker.tick(HOUR / 4)
            await checker.tick(HOUR)
        steady = await said(service, "performance")
        clock.advance(HOUR)
        took = 3 * SECOND
        slower = await once(service, clock, checker)
        took = 1000 * SECOND
        clock.advance(HOUR)
        slowest = await once(service, clock, checker)

    assert (steady.health, slower.health, slowest.health) == (Severity.OK, Severity.WARN, Severity.CRITICAL)
    assert (steady.numbers["hour_seconds"], slower.numbers["hour_seconds"]) == (1, 3)


async def once(service: TaskSchedulerService, clock: VirtualClock, checker: ManualScheduler) -> CheckResult:
    await schedule(service, clock, "good")
    await checker.tick(HOUR)
    return await said(service, "performance")


async def test_the_limit_of_handlers_is_seen(serving: TaskSchedulerService, clock: VirtualClock) -> None:
    told = [await said(serving, "limits")]
    for begun, running in ((4, 4), (1, 5)):
        await schedule(serving, clock, "stuck", begun)
        clock.advance(HOUR)
        async with asyncio.timeout(120):
            while serving.gauges.read()["scheduler.executions.running"] < running:  # noqa: ASYNC110 (a gauge has no event)
                await asyncio.sleep(0.01)
        told.append(await said(serving, "limits"))

    assert [each.health for each in told] == [Severity.OK, Severity.WARN, Severity.CRITICAL]
    others = {"stray_slots": 0, "exhausted_budgets": 0, "open_circuits": 0}
    assert told[-1].numbers == {"handlers": 5, "limit": 5, "share": 1.0, **others}


async def test_a_lease_that_nobody_took_over_is_seen(tmp_path: Path, clock: VirtualClock) -> None:
    service = TaskSchedulerService(tmp_path / "graph", clock, handler=answer)
    async with ManualScheduler(service, clock):
        await schedule(service, clock, "good")
        well = await said(service, "integration")
        clock.advance(HOUR)
        scheduler: Any = service._process.scheduler
        due, now_ms = await service._process.graph().queue.due(clock.now(), 9), int(clock.now().timestamp() * 1000)
        plans = await scheduler._claims._plan(due, PlanContext(now_ms, scheduler.replica_id))
        await service._process.graph().queue.claim(plans, scheduler._lease())
        held = await said(service, "integration")
        clock.advance(timedelta(minutes=2))
        stuck = await said(service, "integration")
        clock.advance(timedelta(minutes=20))
        long_stuck = await said(service, "integration")

    assert (well.health, held.health) == (Severity.OK, Severity.OK)
    assert (stuck.health, long_stuck.health) == (Severity.WARN, Severity.CRITICAL)
    assert stuck.numbers["stuck_seconds"] == 60


async def test_lost_thoughts_are_seen_and_counted_as_one_kind(clock: VirtualClock) -> None:
    async def thinks(firing: Firing) -> Done:
        return Done(thought=Thought(f"thought_{firing.task.name}", "words" if firing.task.name == "good" else "\0"))

    service = TaskSchedulerService(":memory:", clock, handler=thinks)
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, clock, "good")
        await checker.tick(HOUR)
        well = await said(service, "integration")
        for number in range(30):
            await schedule(service, clock, f"bad {number}")
        await checker.tick(HOUR)
        bad = await said(service, "integration")
        clock.advance(26 * HOUR)
        over = await said(service, "integration")

    assert (well.health, bad.health, over.health) == (Severity.OK, Severity.WARN, Severity.OK)
    assert (well.numbers["thoughts_refused"], bad.numbers["thoughts_refused"]) == (0, 30)


@pytest.mark.neo4j
async def test_a_clock_that_is_not_the_graphs_is_seen(neo4j_server: Any) -> None:
    async with TaskSchedulerService(neo4j_server.graph, handler=answer) as service:
        well = await said(service, "integration")
    ahead = VirtualClock()
    async with ManualScheduler(TaskSchedulerService(neo4j_server.graph, ahead, handler=answer), ahead) as checker:
        skewed = await said(checker.service, "integration")  # pyright: ignore[reportArgumentType]

    assert well.health is Severity.OK
    assert (skewed.health, abs(skewed.numbers["clock_offset_seconds"]) > 30) == (Severity.CRITICAL, True)


@pytest.mark.neo4j
async def test_a_wrong_clock_is_seen_though_the_graphs_clock_is_used(neo4j_server: Any) -> None:
    late = SystemTime(lambda: datetime.now(UTC) - timedelta(minutes=5))
    async with TaskSchedulerService(neo4j_server.graph, late, handler=answer) as service:
        skewed = await said(service, "integration")
        values = service.gauges.read()

    assert skewed.health is Severity.CRITICAL
    assert skewed.numbers["clock_offset_seconds"] == pytest.approx(300, abs=30)
    assert values["scheduler.clock.offset"] == pytest.approx(300, abs=30)
