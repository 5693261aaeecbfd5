"""Deferred runs that a pause held, and what becomes of their tasks next: each has one outcome, at its own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
from moments import Promise, stories

from remembrancer import Defer, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing
    from remembrancer.model.policy import Misfire
    from remembrancer.ports.handler import HandlerReturn

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THIRDS: Final = "*/20 * * * *"
HELD: Final = ("deferred", "held_by_deferral", 1, "10:50")


def at(hour: int, minute: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute)


class Scene:
    """A checker by hand, and a handler that defers if it is told to."""

    def __init__(self, graph: str) -> None:
        self.clock = VirtualClock(START)
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.wait: timedelta | None = None

    async def handle(self, _: Firing) -> HandlerReturn:
        return None if self.wait is None else Defer(self.clock.now() + self.wait, "Not just now")

    async def schedule(self, cron: str | None = THIRDS, until: datetime | None = None) -> str:
        made = await self.service.schedule_task("Task", "goal", "prompt", "t", schedule_cron=cron, defer_until=until)
        return made.task_id

    async def look(self, moment: datetime) -> None:
        self.clock.set(moment)
        for _ in range(4):
            await self.checker.tick()

    async def outcomes(self, task_id: str) -> list[tuple[str, str | None, int, str]]:
        made = sorted(await self.service.history(task_id), key=lambda each: each.nominal_at)
        return [(each.status, each.reason_code, each.occurrences, f"{each.nominal_at:%H:%M}") for each in made]

    async def wrong(self, task_id: str, promise: Promise) -> list[str]:
        return (await stories(self.service))[task_id].wrong(promise, self.clock.now())


@pytest.fixture
async def scene(graph: str) -> AsyncIterator[Scene]:
    made = Scene(graph)
    async with made.checker:
        yield made


@pytest.mark.parametrize("on_missed", [None, "skip", "run_once", "run_all"])
async def test_a_run_that_a_pause_held_is_deferred_again(scene: Scene, on_missed: Misfire | None) -> None:
    task_id = await scene.schedule()
    await scene.service.defer_task(task_id, at(10, 50), "Busy")
    await scene.service.pause_task(task_id)
    scene.clock.set(at(10, 55))
    await scene.service.update_task(task_id, schedule_cron=THIRDS, timezone="UTC")
    await scene.service.resume_task(task_id, on_missed)
    await scene.service.defer_task(task_id, at(12, 26), "Busy again")
    assert HELD in await scene.outcomes(task_id)
    rows = await scene.service.cypher("MATCH (x:task_deferral) RETURN x.original_time AS original ORDER BY original")
    assert [row["original"] for row in rows] == [at(9, 20), at(10, 50)]

    await scene.look(at(12, 59))
    assert await scene.wrong(task_id, Promise(cron=THIRDS, since=START)) == []


async def test_a_new_schedule_leaves_a_held_run_its_own_time(scene: Scene) -> None:
    task_id = await scene.schedule()
    await scene.service.defer_task(task_id, at(10, 50), "Busy")
    await scene.service.pause_task(task_id)
    scene.clock.set(at(10, 40))
    await scene.service.update_task(task_id, schedule_cron="7 * * * *")
    scene.clock.set(at(10, 59))
    await scene.service.resume_task(task_id, "run_once")
    await scene.service.defer_task(task_id, at(12, 26), "Busy again")
    assert (await scene.outcomes(task_id))[1:] == [HELD]

    await scene.look(at(12, 59))
    later = Promise(cron="7 * * * *", since=at(10, 40))
    assert await scene.wrong(task_id, Promise(cron=THIRDS, since=START, until=at(10, 40), then=later)) == []


@pytest.mark.parametrize("cron", [THIRDS, None])
async def test_a_run_held_by_a_timed_pause_is_deferred_again(scene: Scene, cron: str | None) -> None:
    task_id = await scene.schedule(cron, None if cron else at(10))
    await scene.service.defer_task(task_id, at(10, 50), "Busy")
    await scene.service.pause_task(task_id, at(11))
    scene.clock.set(at(11, 30))
    await scene.service.defer_task(task_id, at(12, 30), "Busy again")
    assert await scene.outcomes(task_id) == [HELD]

    await scene.look(at(12, 31))
    promise = Promise(cron=THIRDS, since=START) if cron else Promise(at(10))
    assert await scene.wrong(task_id, promise) == []
    assert ("completed", None, 1, "12:30") in await scene.outcomes(task_id)


@pytest.mark.parametrize("until", [None, at(13)])
async def test_a_handler_defers_again_in_a_pause_that_goes_on(scene: Scene, until: datetime | None) -> None:
    task_id = await scene.schedule()
    await scene.service.defer_task(task_id, at(10, 50), "Busy")
    await scene.service.pause_task(task_id, until)
    scene.clock.set(at(11))
    scene.wait = timedelta(hours=1)
    await scene.service.run_now(task_id)
    await scene.service.idle()
    scene.wait = None
    assert (await scene.outcomes(task_id))[0] == HELD
    held = await scene.service.get_task(task_id)
    assert (held.paused_at, held.paused_until) == (START, until)
    assert held.next_run_ms == (until and until.timestamp() * 1000)

    scene.clock.set(at(13))
    await scene.service.resume_task(task_id)
    await scene.look(at(13))
    assert await scene.wrong(task_id, Promise(cron=THIRDS, since=START)) == []


@pytest.mark.parametrize("ends", ["skip", "cancel"])
async def test_a_handler_deferred_its_only_run_which_counts_once(scene: Scene, ends: str) -> None:
    task_id = await scene.schedule(None, at(10))
    scene.wait = timedelta(minutes=20)
    await scene.look(at(10))
    scene.wait = None
    await scene.service.pause_task(task_id)
    scene.clock.set(at(11))
    if ends == "skip":
        await scene.service.resume_task(task_id, "skip")
    else:
        await scene.service.cancel_task(task_id)
    await scene.look(at(11))
    last = ("skipped", "held_by_pause") if ends == "skip" else ("cancelled", "task_cancelled")
    assert (await scene.outcomes(task_id))[1:] == [(*last, 1, "10:20")]


@pytest.mark.parametrize("until", [None, at(13)])
async def test_a_cancelled_task_accounts_for_a_run_that_was_held(scene: Scene, until: datetime | None) -> None:
    """Its new schedule has nothing due, and the pause keeps it from being armed for the deferred run."""
    task_id = await scene.schedule()
    await scene.service.defer_task(task_id, at(10, 50), "Busy")
    await scene.service.pause_task(task_id, until)
    scene.clock.set(at(10, 40))
    await scene.service.update_task(task_id, schedule_cron="7 * * * *")
    scene.clock.set(at(10, 59))
    assert await scene.service.cancel_task(task_id)
    assert (await scene.outcomes(task_id))[1:] == [("cancelled", "task_cancelled", 1, "10:50")]


async def test_a_deferral_ahead_in_a_pause_is_cancelled_at_once(scene: Scene) -> None:
    task_id = await scene.schedule()
    await scene.service.defer_task(task_id, at(10, 50), "Busy")
    await scene.service.pause_task(task_id)
    assert await scene.service.cancel_task(task_id)
    assert await scene.outcomes(task_id) == []
