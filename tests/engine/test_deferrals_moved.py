"""A deferral is moved, to earlier and to later, by agents and handlers: one outcome each, no run too many."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings, strategies as st
from moments import Promise, stories

from remembrancer import Defer, TaskSchedulerService
from remembrancer.errors import InvalidInput, TaskEnded
from remembrancer.model.timestamps import from_ms
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn

pytestmark = pytest.mark.slow
START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
FORWARD: Final = "after now and after the run that is deferred"


def at(hour: int, minute: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute)


class Scene:
    """A checker by hand, and a handler that answers what it is told to."""

    def __init__(self, graph: str = ":memory:") -> None:
        self.clock = VirtualClock(START)
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.wait: timedelta | None = None

    async def handle(self, _: Firing) -> HandlerReturn:
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
    """The agent deferred the next moment, which holds: a run of both would be one too many."""
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
        assert made == [(at(12, 30), "completed"), (at(10), "deferred"), (START, "deferred")]


TASKS: Final = st.integers(0, 1)
ACTS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("defer"), TASKS, st.integers(-60, 60)),
        st.tuples(st.just("defer"), TASKS, st.integers(-60, 60)),
        st.tuples(st.just("look"), TASKS, st.integers(1, 60)),
        st.tuples(st.just("look"), TASKS, st.integers(1, 60)),
        st.tuples(st.just("pass"), TASKS, st.integers(1, 40)),
        st.tuples(st.just("wait"), TASKS, st.integers(-60, 60)),
        st.tuples(st.just("run"), TASKS, st.just(0)),
        st.tuples(st.just("cancel"), TASKS, st.integers(0, 3)),
    ),
    min_size=6,
    max_size=30,
)


async def act(scene: Scene, task_id: str, what: str, minutes: int) -> None:
    """Do one thing to a task, or let time go by; what may be refused is an answer too."""
    match what:
        case "defer":  # its next run, to earlier or to later
            ahead = (await scene.service.get_task(task_id)).next_run_ms
            until = (scene.clock.now() if ahead is None else from_ms(ahead)) + minutes * MINUTE
            await scene.service.defer_task(task_id, until, "Busy")
        case "look":
            await scene.look(scene.clock.now() + minutes * MINUTE)
        case "pass":
            scene.clock.advance(minutes * MINUTE)
        case "wait":
            scene.wait = minutes * MINUTE if minutes > 0 else None
        case "run":
            await scene.service.run_now(task_id)
            await scene.service.idle()
        case "cancel" if minutes == 0:
            await scene.service.cancel_task(task_id)
        case _:
            pass


async def wrong(scene: Scene, promises: dict[str, Promise]) -> list[str]:
    """Return what must not be: moments without their one outcome, and runs beyond them.

    A run that was deferred stands for a moment, or a run, that was recorded as deferred before it.
    """
    told, made = await stories(scene.service), await scene.service.history(limit=10_000)
    found = [
        fault for task_id, promise in promises.items() for fault in told[task_id].wrong(promise, scene.clock.now())
    ]
    for task_id in promises:
        deferred = False
        for each in sorted((each for each in made if each.task_id == task_id), key=lambda each: each.nominal_at):
            if each.execution_type == "deferred_trigger":
                found += [] if deferred else [f"a run beyond the schedule: {each}"]
                deferred = False
            deferred = deferred or each.status == "deferred"
    return found


@settings(max_examples=30)
@given(acts=ACTS)
def test_deferrals_by_all_make_one_outcome_each(acts: list[tuple[str, int, int]]) -> None:
    async def live() -> list[str]:
        scene = Scene()
        async with scene.checker:
            choices: list[dict[str, Any]] = [{"schedule_cron": "*/20 * * * *"}, {"defer_until": at(10)}]
            tasks = [await scene.schedule(**each) for each in choices]
            for what, place, minutes in acts:
                with suppress(InvalidInput, TaskEnded):
                    await act(scene, tasks[place], what, minutes)
            scene.wait = None
            await scene.look(scene.clock.now() + 300 * MINUTE)
            promises = Promise(cron="*/20 * * * *", since=START), Promise(at(10))
            return await wrong(scene, dict(zip(tasks, promises, strict=True)))

    assert asyncio.run(live()) == []
