"""The clock goes back: what is armed is derived again, and no moment of a schedule gets a second outcome."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from moments import Promise, stories

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.engine.maintenance.schedule_recheck import ScheduleRecheck
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing

pytestmark = pytest.mark.slow
START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AHEAD: Final = timedelta(hours=5)
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)
CAUSE: Final = "The clock went back by 18000 s."


class Scene:
    """A checker driven by hand, whose clock starts five hours ahead of the right time, START."""

    def __init__(self, graph: str, begin: datetime = START + AHEAD) -> None:
        self.clock = VirtualClock(begin)
        self.fired: list[datetime] = []
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)

    def handle(self, firing: Firing) -> None:
        self.fired.append(firing.execution.nominal_at)

    async def schedule(self, **choices: Any) -> str:
        return (await self.service.schedule_task("Task", "goal", "prompt", "thought", **choices)).task_id

    async def live(self, steps: int, by: timedelta) -> None:
        for _ in range(steps):
            await self.checker.tick(by)

    async def set_back(self, to: datetime = START) -> int:
        self.clock.set(to)
        store: Any = self.service._process.store
        return await ScheduleRecheck(store, self.clock, "replica_1").run(CAUSE, self.clock.now())

    async def assert_one_outcome_each(self) -> None:
        """No moment has two outcomes, and the books say what the nodes say."""
        made = [each for each in await self.service.history(limit=100_000) if each.execution_type == "cron_trigger"]
        assert len({each.occurrence_key for each in made}) == len(made)
        counts: Any = (await self.service._process.store.statistics.lifetime()).counts  # pyright: ignore[reportOptionalMemberAccess]
        by = Counter(
            {status: sum(e.occurrences for e in made if e.status == status) for status in ("completed", "missed")}
        )
        assert (counts["executions_completed"], counts["occurrences_missed"]) == (by["completed"], by["missed"])


async def test_a_task_made_while_the_clock_was_ahead_goes_on(graph: str, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(graph)
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron="* * * * * *", seconds_field="first")
        await scene.live(3, SECOND)
        with caplog.at_level(logging.INFO, "remembrancer"):
            moved = await scene.set_back()
        await scene.live(4, SECOND)

        assert moved == 1
        assert scene.fired == [
            *(START + AHEAD + each * SECOND for each in (1, 2, 3)), *(START + each * SECOND for each in (1, 2, 3, 4)),
        ]  # fmt: skip
        assert CAUSE in caplog.text
        changes = [each for each in await scene.service.audit_entries(task_id) if each.action == "rearm"]
        assert [(each.surface, each.reason, each.actor) for each in changes] == [("scheduler", CAUSE, "replica_1")]
        await scene.assert_one_outcome_each()


class SetClock:
    """The real time, some hours ahead until it is set right."""

    ahead = AHEAD

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def test_a_running_checker_goes_on_firing_each_second() -> None:
    clock, fired = SetClock(), list[datetime]()

    def handle(firing: Firing) -> None:
        fired.append(firing.execution.nominal_at)

    async def fires(count: int) -> None:
        async with asyncio.timeout(60):
            while len(fired) < count:  # noqa: ASYNC110 (the checker works in its own time)
                await asyncio.sleep(0.05)

    async with TaskSchedulerService(":memory:", clock, 3600, handler=handle) as service:
        await service.schedule_task("Task", "g", "p", "t", schedule_cron="* * * * * *", seconds_field="first")
        await fires(2)
        clock.ahead, before = timedelta(0), len(fired)
        await fires(before + 4)
        assert max(fired[before + 1 :]) < min(fired[:before])
        assert len(set(fired)) == len(fired)


async def test_a_task_passes_over_what_it_did_while_ahead(graph: str) -> None:
    """Once the right time has come to where the clock has been, nothing there is done again."""
    scene = Scene(graph)
    async with scene.checker:
        await scene.schedule(schedule_cron="*/10 * * * *")
        await scene.schedule(schedule_cron="*/10 * * * *", misfire="run_all", misfire_limit=1000)
        await scene.live(6, 10 * MINUTE)
        await scene.live(1, timedelta(hours=2))
        assert await scene.set_back() == 2
        await scene.live(9, 10 * MINUTE)
        assert await scene.set_back(START + 45 * MINUTE) == 0, "all that lies between has its outcome"
        assert await scene.set_back(START - timedelta(hours=1)) == 2
        await scene.live(12 * 6, 10 * MINUTE)

        everything = [START + each * 10 * MINUTE for each in range(-5, 11 * 6 + 1)]
        history = await scene.service.history(limit=10_000)
        for task_id in {each.task_id for each in history}:
            served: Counter[datetime] = Counter()
            for each in (each for each in history if each.task_id == task_id):
                last = each.last_nominal_at or each.nominal_at
                served.update(moment for moment in everything if each.nominal_at <= moment <= last)
            assert served == Counter(everything)
        await scene.assert_one_outcome_each()


async def test_a_clock_set_wrongly_back_repeats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(":memory:", START)
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron="* * * * *")
        await scene.live(120, MINUTE)
        with caplog.at_level(logging.INFO, "remembrancer"):
            moved = await scene.set_back()
        await scene.live(121, MINUTE)

        assert moved == 0
        assert "1 wait for a later one, because the occurrences before it have outcomes" in caplog.text
        assert scene.fired == [START + each * MINUTE for each in range(1, 122)]
        assert (await stories(scene.service))[task_id].wrong(
            Promise(cron="* * * * *", since=START), scene.clock.now()
        ) == []


@pytest.mark.parametrize(
    ("graph", "misfire"),
    [
        *(("embedded", misfire) for misfire in ("skip", "run_once", "run_all")),
        pytest.param("neo4j", "run_once", marks=pytest.mark.neo4j),
    ],
    indirect=["graph"],
)
async def test_a_clock_that_was_ahead_for_a_while_silences_nobody(graph: str, misfire: str) -> None:
    """What was missed while it was ahead is ahead again; what ran there does not run twice."""
    scene = Scene(graph, START)
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron="* * * * *", misfire=misfire, misfire_limit=3)
        young = await scene.schedule(schedule_cron="30 * * * *", misfire=misfire, misfire_limit=3)
        await scene.live(3, MINUTE)
        await scene.live(1, AHEAD)
        await scene.live(2, MINUTE)
        assert await scene.set_back(START + 5 * MINUTE) == 2
        before = len(scene.fired)
        await scene.live(3, MINUTE)

        assert scene.fired[before:] == [START + each * MINUTE for each in (6, 7, 8)]
        await scene.assert_one_outcome_each()
        await scene.live(6 * 60, MINUTE)
        told = await stories(scene.service)
        assert told[task_id].wrong(Promise(cron="* * * * *", since=START), scene.clock.now()) == []
        assert told[young].wrong(Promise(cron="30 * * * *", since=START), scene.clock.now()) == []
        await scene.assert_one_outcome_each()


async def test_all_that_was_missed_and_is_ahead_again_runs(graph: str) -> None:
    """The clock goes to and fro, and further each time: each round leaves records of what was missed."""
    scene, cron, step = Scene(graph, START), "*/10 * * * *", 10 * MINUTE
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron=cron)
        await scene.live(2, step)
        for hours in (1, 3, 2, 5):
            present = scene.clock.now()
            scene.clock.set(START + timedelta(hours=hours))
            await scene.live(3, step)
            assert await scene.set_back(present) == 1
            before = len(scene.fired)
            await scene.live(1, step)
            assert scene.fired[before:] == [present + step]
            await scene.assert_one_outcome_each()
        await scene.live(6 * 6, step)

        history = await scene.service.history(limit=10_000)
        assert {each.status for each in history} == {"completed"}
        assert len(scene.fired) == len(set(scene.fired))
        assert (await stories(scene.service))[task_id].wrong(Promise(cron=cron, since=START), scene.clock.now()) == []
        await scene.assert_one_outcome_each()


async def test_a_record_is_taken_back_as_a_whole_too() -> None:
    scene = Scene(":memory:", START)
    async with scene.checker:
        await scene.schedule(schedule_cron="* * * * *", misfire="skip")
        await scene.live(1, AHEAD)
        assert await scene.set_back(START) == 1
        await scene.live(5, MINUTE)

        ran = [START + AHEAD - MINUTE, START + AHEAD, *(START + each * MINUTE for each in range(1, 6))]
        assert scene.fired == ran
        assert {each.status for each in await scene.service.history()} == {"completed"}
        await scene.assert_one_outcome_each()


async def test_a_live_deferral_stays_when_the_clock_goes_back() -> None:
    scene = Scene(":memory:")
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron="* * * * *")
        until = START + AHEAD + timedelta(hours=1)
        await scene.service.defer_task(task_id, until, "Busy")
        assert await scene.set_back() == 0
        await scene.live(1, timedelta(hours=2))
        assert (await scene.service.get_task(task_id)).next_run_ms == int(until.timestamp() * 1000)


async def test_a_task_held_back_stays_held_back() -> None:
    scene = Scene(":memory:")
    async with scene.checker:
        until = START + timedelta(hours=2)
        task_id = await scene.schedule(schedule_cron="0 * * * *", defer_until=START + AHEAD + timedelta(hours=2))
        soon = await scene.schedule(schedule_cron="0 * * * *", defer_until=until)
        assert await scene.set_back() == 1

        assert (await scene.service.get_task(task_id)).next_run_ms == int((until + AHEAD).timestamp() * 1000)
        assert (await scene.service.get_task(soon)).next_run_ms == int(until.timestamp() * 1000)


async def test_a_start_finds_that_the_clock_went_back(graph: str, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(graph)
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron="* * * * *")
        await scene.live(2, MINUTE)
    again = Scene(graph, START)
    async with again.checker:
        await again.live(2, MINUTE)
        assert again.fired == [START + MINUTE, START + 2 * MINUTE]
        assert [each.action for each in await again.service.audit_entries(task_id)] == ["create", "rearm"]
    assert "The clock went back while no scheduler ran" in caplog.text
    caplog.clear()
    async with Scene(graph, START + AHEAD + timedelta(hours=1)).checker:
        assert "clock went back" not in caplog.text


async def test_a_thousand_tasks_are_derived_in_pages() -> None:
    scene = Scene(":memory:")
    async with scene.checker:
        asked = [ScheduleRequest("Task", "goal", "prompt", "thought", schedule_cron="*/5 * * * *") for _ in range(1200)]
        await scene.service.schedule_tasks(asked)
        assert await scene.set_back() == 1200
        assert await scene.checker.tick(5 * MINUTE) == 1200
        await scene.assert_one_outcome_each()
