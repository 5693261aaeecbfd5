"""The limits of deferrals in a row: by count and by time, of a task or of the scheduler, at the door and in a run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, SchedulerOptions, TaskSchedulerService
from remembrancer.errors import DeferralsExhausted, InvalidInput
from remembrancer.testing import ManualScheduler
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Execution, Firing
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Scene:
    """A scheduler driven by hand, whose handler defers for as long as it is told to."""

    def __init__(self, graph: str, clock: VirtualClock, **options: Any) -> None:
        self.clock = clock
        self.service = TaskSchedulerService(graph, clock, handler=self.handle, **options)
        self.by_hand = ManualScheduler(self.service, clock)
        self.wait: timedelta | None = None

    async def handle(self, _: Firing) -> HandlerReturn:
        return None if self.wait is None else Defer(self.wait, "Not just now")

    async def schedule(self, **choices: Any) -> str:
        when = {} if "schedule_cron" in choices else {"defer_until": self.clock.now() + HOUR}
        return (await self.service.schedule_task("Task", "goal", "prompt", "thought", **when, **choices)).task_id

    async def outcomes(self, task_id: str) -> list[tuple[str, str | None]]:
        runs: list[Execution] = list(await self.service.history(task_id))
        return [(each.status.value, each.reason_code) for each in reversed(runs)]

    async def defer(self, task_id: str, wait: timedelta) -> datetime:
        until = self.clock.now() + wait
        await self.service.defer_task(task_id, until, "Busy")
        return until

    async def deferrals(self, task_id: str) -> list[dict[str, Any]]:
        return [row["d"] for row in await self.service.cypher(query("deferrals_of_task"), {"task_id": task_id})]


@pytest.fixture
async def scene(graph: str, clock: VirtualClock) -> AsyncIterator[Scene]:
    made = Scene(graph, clock)
    async with made.by_hand:
        yield made


async def test_deferrals_in_a_row_are_one_chain(scene: Scene) -> None:
    task_id = await scene.schedule()
    scene.wait = 2 * HOUR
    await scene.by_hand.tick(HOUR)
    await scene.defer(task_id, 3 * HOUR)
    await scene.by_hand.tick(3 * HOUR)
    made = await scene.deferrals(task_id)

    assert [each["chain_place"] for each in made] == [1, 2, 3]
    assert [each.get("follows_id") for each in made] == [None, made[0]["deferral_id"], made[1]["deferral_id"]]
    assert len({each["chain_since_ms"] for each in made}) == 1
    walked = await scene.service.run_query("chain_of_deferral", {"deferral_id": made[-1]["deferral_id"]})
    assert [row["place"] for row in walked] == [1, 2, 3]
    (chain,) = await scene.service.run_query("deferral_chains")
    assert (chain["task_id"], chain["deferrals"], chain["reason"]) == (task_id, 3, "Not just now")
    assert chain["since"] == made[0]["deferred_at"]


async def test_a_chain_ends_with_a_run_that_is_not_deferred(scene: Scene) -> None:
    task_id = await scene.schedule(schedule_cron="0 * * * *", max_deferrals=1)
    for _ in range(3):
        scene.wait = 10 * MINUTE
        await scene.by_hand.tick(HOUR - timedelta(minutes=scene.clock.now().minute))
        scene.wait = None
        await scene.by_hand.tick(10 * MINUTE)

    assert await scene.outcomes(task_id) == 3 * [("deferred", "deferred_by_handler"), ("completed", None)]
    assert [each["chain_place"] for each in await scene.deferrals(task_id)] == [1, 1, 1]


async def test_a_run_deferred_too_often_fails_by_its_own_reason(scene: Scene) -> None:
    task_id = await scene.schedule(max_deferrals=2)
    scene.wait = HOUR
    for _ in range(4):
        await scene.by_hand.tick(HOUR)

    deferred = ("deferred", "deferred_by_handler")
    assert await scene.outcomes(task_id) == [deferred, deferred, ("failed", "deferrals_exhausted")]
    task = await scene.service.get_task(task_id)
    assert (task.status, task.next_run_ms, task.deferral_count) == ("FAILED", None, 2)


async def test_a_caller_cannot_defer_more_often_than_allowed(scene: Scene) -> None:
    task_id = await scene.schedule(max_deferrals=1)
    until = await scene.defer(task_id, 2 * HOUR)
    with pytest.raises(DeferralsExhausted, match="1 times in a row") as refused:
        await scene.defer(task_id, 3 * HOUR)
    assert isinstance(refused.value, InvalidInput)
    task = await scene.service.get_task(task_id)
    assert task.next_fires is None or task.next_fires[0] == until
    assert len(await scene.deferrals(task_id)) == 1


async def test_a_run_is_put_off_no_longer_than_allowed(scene: Scene) -> None:
    task_id = await scene.schedule(max_deferral_seconds=7200)
    latest = scene.clock.now() + 3 * HOUR  # two hours after the time at which it was to run
    with pytest.raises(DeferralsExhausted) as refused:
        await scene.defer(task_id, 3 * HOUR + MINUTE)
    assert refused.value.example == latest.isoformat().replace("+00:00", "Z")
    await scene.defer(task_id, 2 * HOUR)
    with pytest.raises(DeferralsExhausted):
        await scene.defer(task_id, 3 * HOUR + MINUTE)
    assert await scene.defer(task_id, 3 * HOUR) == latest


async def test_deferrals_of_a_minute_are_bounded_by_time(scene: Scene) -> None:
    task_id = await scene.schedule(max_deferral_seconds=300)
    scene.wait = MINUTE
    await scene.by_hand.tick(HOUR)
    for _ in range(10):
        await scene.by_hand.tick(MINUTE)
    outcomes = await scene.outcomes(task_id)
    assert outcomes == [*5 * [("deferred", "deferred_by_handler")], ("failed", "deferrals_exhausted")]


async def test_the_scheduler_limits_tasks_without_limits(graph: str, clock: VirtualClock) -> None:
    scene = Scene(graph, clock, options=SchedulerOptions(max_deferrals=1))
    async with scene.by_hand:
        own, plain = await scene.schedule(max_deferrals=3), await scene.schedule()
        for task_id in (own, plain):
            await scene.defer(task_id, 2 * HOUR)
        await scene.defer(own, 3 * HOUR)
        with pytest.raises(DeferralsExhausted):
            await scene.defer(plain, 3 * HOUR)


async def test_limits_of_zero_refuse_each_deferral(scene: Scene) -> None:
    task_id = await scene.schedule(max_deferrals=0)
    with pytest.raises(DeferralsExhausted, match="max_deferrals is 0"):
        await scene.defer(task_id, 2 * HOUR)


async def test_a_limit_may_be_raised_by_an_update(scene: Scene) -> None:
    task_id = await scene.schedule(max_deferrals=1)
    await scene.defer(task_id, 2 * HOUR)
    await scene.service.update_task(task_id, max_deferrals=2)
    await scene.defer(task_id, 3 * HOUR)
    assert (await scene.service.get_task(task_id)).chain_deferrals == 2


async def test_a_recurring_task_deferred_once_fires_once(scene: Scene) -> None:
    task_id = await scene.schedule(schedule_cron="0 * * * *")
    await scene.defer(task_id, 2 * HOUR + 30 * MINUTE)
    for _ in range(11):
        await scene.by_hand.tick(15 * MINUTE)
    held, ran = await scene.outcomes(task_id)
    assert (held, ran) == (("deferred", "held_by_deferral"), ("completed", None))


async def test_a_second_deferral_takes_the_place_of_the_first(scene: Scene) -> None:
    task_id = await scene.schedule()
    await scene.defer(task_id, 2 * HOUR)
    await scene.defer(task_id, 5 * HOUR)
    await scene.by_hand.tick(3 * HOUR)
    assert await scene.outcomes(task_id) == []
    await scene.by_hand.tick(3 * HOUR)
    assert await scene.outcomes(task_id) == [("deferred", "held_by_deferral"), ("completed", None)]
