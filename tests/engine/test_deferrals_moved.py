"""A deferral is moved, to earlier and to later, by agents and handlers: one outcome each, no run too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from moments import Promise, stories

from remembrancer import Defer, TaskSchedulerService
from remembrancer.errors import InvalidInput, TaskEnded
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from remembrancer import Execution, Firing
    from remembrancer.ports.handler import Answer

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
FORWARD: Final = "a deferral goes forward, past now and past the run that it puts off"


def at(hour: int, minute: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute)


class Scene:
    """A checker by hand, and a handler that answers what it is told to."""

    def __init__(self, graph: str = ":memory:") -> None:
        self.clock = VirtualClock(START)
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.wait: timedelta | None = None

    async def handle(self, _: Firing) -> Answer:
        return None if self.wait is None else Defer(self.clock.now() + self.wait, "Not just now")

    async def schedule(self, **choices: Any) -> str:
        return (await self.service.schedule_task("Task", "goal", "prompt", "thought", **choices)).task_id

    async def look(self, moment: datetime) -> None:
        self.clock.set(moment)
        await self.checker.tick()


@pytest.mark.parametrize("choices", [{"schedule_cron": "0 * * * *"}, {"defer_until": at(10)}])
async def test_a_deferral_moves_back_no_further_than_what_it_holds(graph: str, choices: dict[str, Any]) -> None:
    scene = Scene(graph)
    async with scene.checker:
        task_id = await scene.schedule(**choices)
        for until in (at(9, 30), at(10)):
            with pytest.raises(InvalidInput, match=FORWARD):
                await scene.service.defer_task(task_id, until, "Busy")
        await scene.service.defer_task(task_id, at(12, 30), "Busy")
        for until in (at(9, 30), at(10)):
            with pytest.raises(InvalidInput, match=FORWARD):
                await scene.service.defer_task(task_id, until, "Free")
        await scene.service.defer_task(task_id, at(10, 20), "Free")
        await scene.look(at(10, 59))

        made = [(each.nominal_at, each.status) for each in await scene.service.history(task_id)]
        assert made == [(at(10, 20), "completed"), (at(10), "deferred")]


async def test_a_run_that_a_handler_deferred_moves_back_to_now_only() -> None:
    scene = Scene()
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron="0 * * * *")
        scene.wait = timedelta(minutes=50)
        await scene.look(at(10))
        scene.wait = None
        scene.clock.set(at(10, 10))
        with pytest.raises(InvalidInput, match=FORWARD):
            await scene.service.defer_task(task_id, at(10, 10), "Free")
        await scene.service.defer_task(task_id, at(10, 20), "Free")
        await scene.look(at(11))

        made = [(each.nominal_at, each.status) for each in await scene.service.history(task_id)]
        assert made == [(at(11), "completed"), (at(10, 20), "completed"), (at(10), "deferred")]


async def test_a_handler_does_not_move_a_deferral_before_what_it_holds() -> None:
    """While it ran, the agent deferred the next moment: a run of both would be one too many."""
    scene = Scene()
    async with scene.checker:
        task_id = await scene.schedule(schedule_cron="0 * * * *")
        scene.wait = timedelta(minutes=20)
        await scene.service.defer_task(task_id, at(12, 30), "Busy")
        await scene.service.run_now(task_id)
        await scene.service.idle()
        scene.wait = None
        await scene.look(at(9, 40))
        await scene.look(at(12, 30))

        made = [(each.nominal_at, each.status) for each in await scene.service.history(task_id)]
        assert made == [(at(12, 30), "completed"), (at(10), "deferred"), (START, "failed")]


class Deferring(RuleBasedStateMachine):
    """One recurring task and one of one time, deferred by everybody in every direction."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.scene = Scene()
        self.run(self.scene.checker.__aenter__())
        self.promises = {
            self.run(self.scene.schedule(schedule_cron="*/20 * * * *")): Promise(cron="*/20 * * * *", since=START),
            self.run(self.scene.schedule(defer_until=at(10))): Promise(at(10)),
        }
        self.seen = START

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    @rule(minutes=st.integers(-30, 100), place=st.integers(0, 1))
    def defer(self, minutes: int, place: int) -> None:
        until = self.scene.clock.now() + minutes * MINUTE
        self.run(self.allowed(self.scene.service.defer_task([*self.promises][place], until, "Busy")))

    @rule(minutes=st.integers(1, 90))
    def a_while(self, minutes: int) -> None:
        self.run(self.scene.look(self.scene.clock.now() + minutes * MINUTE))
        self.seen = self.scene.clock.now()

    @rule(minutes=st.integers(1, 90))
    def a_while_in_which_nobody_looks(self, minutes: int) -> None:
        self.scene.clock.advance(minutes * MINUTE)

    @rule(minutes=st.none() | st.integers(1, 70))
    def from_now_on_the_handler_waits(self, minutes: int | None) -> None:
        self.scene.wait = None if minutes is None else minutes * MINUTE

    @rule(place=st.integers(0, 1))
    def run_now(self, place: int) -> None:
        self.run(self.allowed(self.scene.service.run_now([*self.promises][place])))
        self.run(self.scene.service.idle())

    @rule(place=st.integers(0, 1), really=st.integers(0, 4))
    def cancel(self, place: int, really: int) -> None:
        if really == 0:
            self.run(self.scene.service.cancel_task([*self.promises][place]))

    @staticmethod
    async def allowed(act: Coroutine[Any, Any, Any]) -> None:
        with suppress(InvalidInput, TaskEnded):
            await act

    @invariant()
    def each_moment_has_one_outcome(self) -> None:
        told = self.run(stories(self.scene.service))
        for task_id, promise in self.promises.items():
            assert told[task_id].wrong(promise, self.seen) == []

    @invariant()
    def no_run_is_beyond_the_schedule(self) -> None:
        """A run that was deferred stands for a moment, or a run, that was recorded as deferred before it."""
        made: list[Execution] = self.run(self.scene.service.history(limit=10_000))
        for task_id in self.promises:
            deferred: Counter[str] = Counter()
            for each in sorted((each for each in made if each.task_id == task_id), key=lambda each: each.nominal_at):
                if each.execution_type == "deferred_trigger":
                    assert deferred.pop("deferred", 0), each
                deferred[each.status] += 1

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.from_now_on_the_handler_waits(None)
            self.a_while(300)
            self.each_moment_has_one_outcome()
            self.no_run_is_beyond_the_schedule()
        finally:
            self.run(self.scene.checker.__aexit__())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()


Deferring.TestCase.settings = settings(max_examples=40, stateful_step_count=15)
TestDeferring = pytest.mark.slow(Deferring.TestCase)
