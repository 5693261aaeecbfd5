"""`ManualScheduler.run_until`: every armed time is a stop of the clock, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, InvalidInput, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing

START = datetime(2026, 3, 1, tzinfo=UTC)
TEA: dict[str, Any] = {"goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "thought"}


class Watched:
    """A scheduler whose handler notes the clock and the task of each run."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.runs: list[tuple[str, str]] = []
        service = TaskSchedulerService(":memory:", self.clock, handler=self.handle)
        self.scheduler = ManualScheduler(service, self.clock)

    async def handle(self, firing: Firing) -> Defer | None:
        self.runs.append((f"{self.clock.now():%H:%M}", firing.task.name))
        return Defer("in 30m", "Not yet.") if firing.task.name == "Later" and len(self.runs) == 1 else None


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    made = Watched()
    async with made.scheduler:
        yield made


async def test_each_fire_happens_with_the_clock_at_its_time(watched: Watched) -> None:
    service = watched.scheduler.service
    await service.schedule_task("Hours", **TEA, schedule_cron="0 * * * *")
    await service.schedule_task("Once", **TEA, in_="90m")

    assert await watched.scheduler.run_until(START + timedelta(hours=3, minutes=10)) == 4
    assert watched.runs == [("01:00", "Hours"), ("01:30", "Once"), ("02:00", "Hours"), ("03:00", "Hours")]
    assert watched.clock.now() == START + timedelta(hours=3, minutes=10)


async def test_a_run_that_a_handler_makes_is_a_stop_too(watched: Watched) -> None:
    await watched.scheduler.service.schedule_task("Later", **TEA, in_="1h")

    await watched.scheduler.run_until("in 3h")
    assert watched.runs == [("01:00", "Later"), ("01:30", "Later")]


async def test_a_pause_ends_at_its_own_time(watched: Watched) -> None:
    made = await watched.scheduler.service.schedule_task("Hours", **TEA, schedule_cron="0 * * * *")
    await watched.scheduler.service.pause_task(made.task_id, "in 90m")

    await watched.scheduler.run_until(timedelta(hours=2))
    assert watched.runs == [("01:30", "Hours"), ("02:00", "Hours")]


async def test_what_is_due_already_runs_first(watched: Watched) -> None:
    await watched.scheduler.service.schedule_task("Now", **TEA, defer_until="now")

    assert await watched.scheduler.run_until("now") == 1


@pytest.mark.parametrize("until", ["tomorrow", START - timedelta(seconds=1), "1h ago", None])
async def test_a_time_that_cannot_be_reached_is_refused(watched: Watched, until: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^until="):
        await watched.scheduler.run_until(until)
    assert watched.clock.now() == START
