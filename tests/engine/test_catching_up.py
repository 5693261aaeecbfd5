"""Tasks of every second come back from an outage: it is counted, not named, and holds nobody up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings, strategies as st

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.model.policy import Fold, Gap
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.composed.exclusions import excluding
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.cron.schedule import CronSchedule
from remembrancer.schedules.cron.wall_times import WallTimes
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.schedules.cron.expression import CronExpression

pytestmark = pytest.mark.slow
START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
SECONDLY: Final[dict[str, Any]] = {"schedule_cron": "* * * * * *", "seconds_field": "first"}
EXPRESSIONS: Final = ["* * * * *", "*/7 1-3 * * *", "30 2 * * *", "0,30 1,2,3 * * 0", "15 3 L * *", "0 2 1,25,29 * 0"]
ZONES: Final = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]


CRONS: Final = st.builds(
    parse_cron,
    st.sampled_from(EXPRESSIONS),
    timezone=st.sampled_from(ZONES),
    gap=st.sampled_from(Gap),
    fold=st.sampled_from(Fold),
)
NEAR_CLOCK_CHANGES: Final = st.builds(
    lambda begin, shift_ms: to_ms(begin) + shift_ms,
    st.sampled_from([datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)]),
    st.integers(0, 3 * 86_400_000),
)


@settings(max_examples=200)
@given(cron=CRONS, start_ms=NEAR_CLOCK_CHANGES, span_ms=st.integers(0, 4 * 86_400_000))
def test_a_count_says_how_many_fires_there_are(cron: CronExpression, start_ms: int, span_ms: int) -> None:
    until_ms = start_ms + span_ms
    fires = cron.between(start_ms, until_ms, 100_000)

    assert cron.count(start_ms, until_ms) == len(fires)
    assert [cron.last_ms(until_ms, place) for place in range(1, min(5, len(fires)) + 1)] == fires[:-6:-1]
    stretch = (start_ms + span_ms // 3, start_ms + span_ms // 2)
    beside = excluding(CronSchedule(cron), stretch)
    left = beside.between(start_ms, until_ms, 100_000)
    assert left == [each for each in fires if not stretch[0] <= each < stretch[1]]
    assert beside.count(start_ms, until_ms) == len(left)


def test_an_outage_of_years_is_counted_within_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty million moments, and the wall clock is looked at some hundred times."""
    looks: list[int] = []
    at_or_after = WallTimes.at_or_after

    def counted(walls: WallTimes, wall: int) -> int:
        looks.append(wall)
        return at_or_after(walls, wall)

    monkeypatch.setattr(WallTimes, "at_or_after", counted)
    cron = parse_cron("* * * * * *", timezone="Europe/Berlin", seconds_field="first")  # pyright: ignore[reportArgumentType]
    begin_ms = to_ms(START)

    assert cron.count(begin_ms + 1, begin_ms + 31_536_000_000) == 31_536_000
    assert cron.last_ms(begin_ms + 31_536_000_000, 100) == begin_ms + 31_536_000_000 - 99_000
    assert len(looks) < 1000


class Scene:
    """A checker by hand that was away for a day, and a hundred tasks of every second."""

    def __init__(self, graph: str) -> None:
        self.clock = VirtualClock(START)
        self.fired: list[str] = []
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)

    def handle(self, firing: Firing) -> None:
        self.fired.append(firing.task.name)

    async def begin(self, misfire: str, tasks: int = 100) -> None:
        asked = [
            ScheduleRequest(
                "often",
                "goal",
                "prompt",
                "thought",
                misfire=misfire,
                misfire_limit=10,
                misfire_grace_seconds=1,
                **SECONDLY,
            )
            for _ in range(tasks)
        ]
        await self.service.schedule_tasks(asked)

    async def claim_round(self) -> int:
        """Claim once what is due, as the loop does before it reads new due tasks."""
        scheduler: Any = self.service._process.scheduler
        done: int = await scheduler._claim_round()
        await self.service.idle()
        return done


@pytest.mark.parametrize("misfire", ["skip", "run_once", "run_all"])
async def test_others_fire_while_tasks_of_a_second_catch_up(graph: str, misfire: str) -> None:
    scene = Scene(graph)
    async with scene.checker:
        await scene.begin(misfire)
        scene.clock.advance(DAY)
        await scene.claim_round()
        await scene.service.schedule_task("other", "goal", "prompt", "thought", defer_until=scene.clock.now())
        await scene.claim_round()
        assert "other" in scene.fired

        left = 0
        while await scene.claim_round():
            left += 1
        assert left < 50
        rows = await scene.service.cypher(
            "MATCH (e:task_execution) WHERE e.execution_type = 'cron_trigger' RETURN sum(e.occurrences) AS n"
        )
        assert rows == [{"n": 100 * 86_400}]
        runs = scene.fired.count("often")
        assert runs == 100 * {"skip": 2, "run_once": 2, "run_all": 12}[misfire]


async def test_a_cancelled_task_of_a_second_is_counted_out(graph: str) -> None:
    scene = Scene(graph)
    async with scene.checker:
        await scene.begin("run_all", tasks=1)
        (task,) = await scene.service.get_scheduled_tasks()
        scene.clock.advance(365 * DAY)
        assert await scene.service.cancel_task(task.task_id)
        (made,) = await scene.service.history(task.task_id)

        assert (made.status, made.occurrences) == ("cancelled", 365 * 86_400)
        assert (made.nominal_at, made.last_nominal_at) == (START + timedelta(seconds=1), scene.clock.now())
