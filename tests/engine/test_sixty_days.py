"""Sixty days of a mixed schedule, with the real store: every moment is accounted for, every count is true."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from moments import Promise, stories

from remembrancer import Defer, Failed, ScheduleRequest, TaskSchedulerService
from remembrancer.errors import InvalidInput, TaskEnded
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn

pytestmark = pytest.mark.slow
START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DAYS: Final = 60
CRONS: Final = ["0 * * * *", "15 */6 * * *", "30 7 * * *", "0 9 * * 1", "45 23 * * 1-5", "0 0 1 * *"]
DAILY: Final = "20 4 * * *"
YEARLY: Final = "0 9 1 1 *"


class Life:
    """A scheduler, and an agent that acts upon it once an hour."""

    def __init__(self, graph: str) -> None:
        self.chance = Random(7)
        self.hours = [1, 1, 1, 6, 9] if "://" not in graph else [6, 12, 24, 36]  # each request costs more on a server
        self.clock = VirtualClock(START)
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.promises: dict[str, Promise] = {}
        self.calls = 0

    async def handle(self, firing: Firing) -> HandlerReturn:
        """Fail, raise, defer or do, in turns."""
        self.calls += 1
        match self.calls % 7:
            case 3:
                return Failed("It did not work")
            case 4:
                raise ValueError("It is odd")
            case 5 if firing.execution.execution_type != "deferred_trigger":
                return Defer(self.clock.now() + timedelta(minutes=95), "Not just now")
            case _:
                return None

    async def schedule(self, *promises: Promise) -> None:
        asked = [
            ScheduleRequest("Task", "goal", "prompt", "thought", defer_until=each.due, schedule_cron=each.cron)
            for each in promises
        ]
        for task, promise in zip(await self.service.schedule_tasks(asked), promises, strict=True):
            self.promises[task.task_id] = promise

    async def begin(self) -> None:
        await self.schedule(*(Promise(cron=cron, since=START) for cron in CRONS))

    async def a_while(self, number: int) -> None:
        """Something is asked for, and a few hours go by: one mostly."""
        now = self.clock.now()
        await self.schedule(Promise(cron=YEARLY, since=now))
        if number % 5:  # in some hours nothing of one time happens: what is kept by hour and type is then kept once
            due = now + self.chance.randint(1, 2000) * timedelta(minutes=1)
            await self.schedule(Promise(cron=YEARLY, since=now), Promise(due))
        if number % 20 == 5:
            await self.schedule(Promise(cron=DAILY, since=now))
        task_id = self.chance.choice([*self.promises])
        with suppress(InvalidInput, TaskEnded):
            match number % 6:
                case 0:
                    await self.service.defer_task(task_id, now + self.chance.randint(1, 60) * HOUR, "Busy")
                case 1 if task_id not in [*self.promises][: len(CRONS)]:
                    await self.service.cancel_task(task_id, "No longer needed")
                case 2:
                    await self.service.run_now(task_id)
                    await self.service.idle()
                case _:
                    pass
        await self.checker.tick(self.chance.choice(self.hours) * HOUR)

    async def wrong(self) -> list[str]:
        told = await stories(self.service)
        return [
            f"{task_id}: {fault}"
            for task_id, promise in self.promises.items()
            for fault in told[task_id].wrong(promise, self.clock.now())
        ]


async def counted_wrong(service: TaskSchedulerService) -> list[str]:
    """Return which counters are not what a recount of the nodes says."""
    store: Any = service._process.store
    counts = (await store.statistics.lifetime()).counts
    made = await service.history(limit=100_000)
    ran = [each for each in made if each.last_nominal_at is None]
    dropped = [each for each in made if each.last_nominal_at is not None]
    by = Counter(each.status.value for each in ran)
    tasks = Counter(str(row["s"]) for row in await service.cypher("MATCH (t:scheduled_task) RETURN t.status AS s"))
    rows = await service.cypher("MATCH (d:task_deferral) RETURN count(d) AS n")
    truth: dict[str, object] = {
        "executions_started": len(ran),
        "executions_completed": by["completed"],
        "executions_failed": by["failed"],
        "executions_deferred": by["deferred"],
        "occurrences_dropped": sum(each.occurrences for each in dropped),
        "occurrences_missed": sum(each.occurrences for each in dropped if each.status == "missed"),
        "tasks_created": sum(tasks.values()),
        "tasks_completed": tasks["COMPLETE"],
        "tasks_failed": tasks["FAILED"],
        "tasks_cancelled": tasks["CANCELLED"],
        "deferrals": rows[0]["n"],
    }
    window = await store.statistics.window(START)
    return [
        f"{name}: counted {counts[name]}, by the hour {window.counts[name]}, there are {there}"
        for name, there in truth.items()
        if not counts[name] == window.counts[name] == there
    ]


async def test_sixty_days_of_a_mixed_schedule_add_up(graph: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "remembrancer")
    life = Life(graph)
    async with life.checker:
        await life.begin()
        number = 0
        while life.clock.now() < START + DAYS * 24 * HOUR:
            await life.a_while(number := number + 1)
        assert await life.wrong() == []
        assert await counted_wrong(life.service) == []
    assert caplog.records == []

    async with life.checker:
        await life.a_while(0)
        assert await life.wrong() == []
        assert await counted_wrong(life.service) == []
    assert caplog.records == []
