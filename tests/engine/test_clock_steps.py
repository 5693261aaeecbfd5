"""A clock that is set, or that a suspend leaves behind: noticed at once, told, and nothing measured by it is lost."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.engine import clock as clocks
from remembrancer.engine.clock import RealTime
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer import Firing

pytestmark = pytest.mark.slow
GENEROUS = 60.0


class HostTime:
    """The time service of a host whose clock somebody sets."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Frozen:
    """A time service that stands still."""

    def now(self) -> datetime:
        return datetime(2031, 5, 6, tzinfo=UTC)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not true():  # noqa: ASYNC110 (a value has no event)
            await asyncio.sleep(0.02)


def scheduler_of(service: TaskSchedulerService) -> Any:
    return service._process.scheduler


def collected(into: list[Firing]) -> Any:
    async def handle(firing: Firing) -> None:
        into.append(firing)

    return handle


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(timedelta(hours=-5), "set back by 5 h"), (timedelta(minutes=3), "went forward by 3 min")],
)
async def test_a_clock_that_is_set_is_told_once(ahead: timedelta, said: str, caplog: pytest.LogCaptureFixture) -> None:
    host = HostTime()
    async with TaskSchedulerService(time_service=host, check_interval_seconds=3600) as service:
        await until(lambda: scheduler_of(service).ticks)
        host.ahead = ahead
        await until(lambda: scheduler_of(service).clock_steps)

        assert said in (service.get_status().last_error or "")
        assert scheduler_of(service).clock_steps == 1
        assert await service.is_healthy()
    assert len([each for each in caplog.records if said in each.getMessage()]) == 1
    assert {each.levelno for each in caplog.records if said in each.getMessage()} == {logging.WARNING}


async def test_a_step_forward_fires_what_is_due_then() -> None:
    """A suspend looks the same: the wall has gone on, and the monotonic clock has not."""
    host, fired = HostTime(), list["Firing"]()
    async with TaskSchedulerService(
        time_service=host, check_interval_seconds=3600, handler=collected(fired)
    ) as service:
        await service.schedule_task("later", "goal", "prompt", "thought", host.now() + timedelta(minutes=30))
        await until(lambda: scheduler_of(service).last_tick_at)
        host.ahead = timedelta(minutes=30)
        await until(lambda: fired)


async def test_what_is_scheduled_after_a_step_back_fires() -> None:
    host, fired = HostTime(timedelta(hours=5)), list["Firing"]()
    async with TaskSchedulerService(
        time_service=host, check_interval_seconds=3600, handler=collected(fired)
    ) as service:
        await service.schedule_task("old", "g", "p", "t", schedule_cron="* * * * * *", seconds_field="first")
        await until(lambda: len(fired) > 1)
        host.ahead = timedelta(0)
        await until(lambda: scheduler_of(service).clock_steps)
        await service.schedule_task("new", "goal", "prompt", "thought", host.now() + timedelta(seconds=1))
        await until(lambda: [each for each in fired if each.task.name == "new"])

        assert len({each.execution.occurrence_key for each in fired}) == len(fired)
        assert await service.is_healthy()


async def test_the_work_of_a_scheduler_goes_on_after_a_step_back() -> None:
    """Signs of life, recovery and forgetting go by how long ago the last one was."""
    host = HostTime(timedelta(hours=5))
    options = SchedulerOptions(lease_seconds=3.0)
    async with TaskSchedulerService(
        time_service=host, check_interval_seconds=0.2, handler=lambda _: None, options=options
    ) as service:
        await until(lambda: scheduler_of(service).last_tick_at)
        host.ahead = timedelta(0)
        store: Any = service._process.store
        beats: list[datetime] = []
        sign_on, abandoned, prune = store.replicas.heartbeat, store.queue.expired_leases, store.events.prune
        recovered, forgotten = list[datetime](), list[datetime]()
        store.replicas.heartbeat = noting(beats, host, sign_on)
        store.queue.expired_leases = noting(recovered, host, abandoned)
        store.events.prune = noting(forgotten, host, prune)

        await until(lambda: len(beats) > 1 and len(recovered) > 1 and forgotten)


def noting(into: list[datetime], host: HostTime, work: Any) -> Any:
    async def noted(*args: Any, **kwargs: Any) -> Any:
        into.append(host.now())
        return await work(*args, **kwargs)

    return noted


async def test_a_virtual_clock_set_back_is_a_step() -> None:
    clock, fired = VirtualClock(), list["Firing"]()
    async with TaskSchedulerService(time_service=clock, check_interval_seconds=60, handler=collected(fired)) as service:
        await until(lambda: scheduler_of(service).last_tick_at)
        clock.set(clock.now() - timedelta(hours=5))
        await until(lambda: scheduler_of(service).clock_steps == 1)
        await service.schedule_task("new", "goal", "prompt", "thought", clock.now() + timedelta(minutes=1))
        clock.advance(timedelta(minutes=1))
        await until(lambda: fired)

        assert "set back by 5 h" in (service.get_status().last_error or "")
        assert scheduler_of(service).clock_steps == 1


class Hand:
    """A wall and a monotonic clock moved by hand, where both are looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.seconds = datetime(2031, 5, 6, tzinfo=UTC), 1000.0
        monkeypatch.setattr(clocks.time, "monotonic", lambda: self.seconds)
        self.clock = RealTime(lambda: self.wall)

    def go(self, wall: float, seconds: float) -> int:
        self.wall += timedelta(seconds=wall)
        self.seconds += seconds
        self.clock.steps.observe()
        return self.clock.steps.count


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patched:
        yield Hand(patched)


def test_a_clock_that_drifts_or_is_slewed_makes_no_step(hand: Hand) -> None:
    hand.clock.steps.observe()

    assert [hand.go(0.5 + drift, 0.5) for drift in (0, 0.4, -0.4, 0.9, -0.9)] == [0] * 5


def test_a_process_that_stood_still_makes_no_step(hand: Hand) -> None:
    hand.clock.steps.observe()

    assert hand.go(600, 600) == 0


def test_a_step_is_counted_once_with_its_size(hand: Hand) -> None:
    hand.clock.steps.observe()

    assert [hand.go(0.5 - 18_000, 0.5), hand.go(0.5, 0.5), hand.go(1800, 0.5)] == [1, 1, 2]
    assert (hand.clock.steps.forward, hand.clock.steps.back) == pytest.approx((1799.5, 18_000))


def test_a_step_seen_by_one_reading_alone_is_counted(hand: Hand) -> None:
    """Work was done by that reading, which no look of the checker may have met."""
    hand.clock.steps.observe()
    hand.wall += timedelta(hours=1)
    hand.clock.now()
    hand.wall -= timedelta(hours=1)

    assert hand.go(0, 0) == 2
    assert (hand.clock.steps.forward, hand.clock.steps.back) == pytest.approx((3600, 3600))


async def test_steps_to_and_fro_between_two_looks_are_met(caplog: pytest.LogCaptureFixture) -> None:
    host = HostTime()

    async def handle(_: Firing) -> None:
        for hours in (1, 0):
            host.ahead = timedelta(hours=hours)
            scheduler_of(service)._clock.now()

    service = TaskSchedulerService(time_service=host, check_interval_seconds=3600, handler=handle)
    async with service:
        await service.schedule_task("every second", "g", "p", "t", schedule_cron="* * * * * *", seconds_field="first")
        await until(lambda: "The clock went forward by 1 h at once and was set back by 1 h" in caplog.text)


def test_a_look_that_was_held_up_makes_no_step(hand: Hand) -> None:
    """The process is stopped between the two readings that are compared."""
    hand.clock.steps.observe()
    slow = hand.clock._now

    def held_up() -> datetime:
        hand.seconds += 30
        hand.wall += timedelta(seconds=30)
        return slow()

    hand.clock._now = held_up
    hand.clock.steps.observe()
    hand.clock._now = slow

    assert [hand.go(0.5, 0.5), hand.go(0.5, 0.5)] == [0, 0]


async def test_a_wait_by_a_clock_that_stands_still_ends() -> None:
    clock = RealTime(Frozen().now)
    async with asyncio.timeout(GENEROUS):
        await clock.wait(clock.now() + timedelta(seconds=1.2), asyncio.Event())

    assert clock.steps.count <= 2  # none on a machine that has time for it


async def test_a_wait_passes_its_cancellation_on_though_it_is_woken() -> None:
    clock, wake = RealTime(), asyncio.Event()
    waiting = asyncio.create_task(clock.wait(clock.now() + timedelta(hours=1), wake))
    await asyncio.sleep(0.1)
    wake.set()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_no_sleep_of_the_engine_is_bounded_by_wait_for() -> None:
    """On Python 3.11 it loses a cancellation that comes together with what it waits for."""
    package = Path(clocks.__file__).parents[1]
    assert [each.name for each in package.rglob("*.py") if "wait_for(" in each.read_text("utf-8")] == []
