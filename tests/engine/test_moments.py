"""Whatever a task stands at and whatever befalls it then: each moment that came has one outcome and a reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest
from moments import Promise, stories
from planned import plan

from remembrancer import Defer, Failed, ScheduleRequest, TaskSchedulerService
from remembrancer.errors import InvalidInput, TaskEnded
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.writes import Lease
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
BEFORE: Final = timedelta(milliseconds=1)
TOO_LONG: Final = "the handler takes too long"


def at(hour: int, minute: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute)


ONCE: Final = {"defer_until": at(10)}
HOURLY: Final = {"schedule_cron": "0 * * * *"}
KINDS: Final[dict[str, tuple[dict[str, Any], Promise]]] = {
    "once": ({**ONCE, "on_lost": "retry"}, Promise(at(10))),
    "once or not": ({**ONCE, "misfire": "skip"}, Promise(at(10))),
    "slip": ({"defer_until": at(7) - 100 * HOUR}, Promise(at(7) - 100 * HOUR)),
    "hourly": (HOURLY, Promise(cron="0 * * * *", since=START)),
    "hourly or not": ({**HOURLY, "misfire": "skip"}, Promise(cron="0 * * * *", since=START)),
    "hourly at all costs": (
        {**HOURLY, "misfire": "run_all", "on_lost": "retry"},
        Promise(cron="0 * * * *", since=START),
    ),
    "held back": ({**HOURLY, "defer_until": at(11, 30)}, Promise(cron="0 * * * *", since=at(11, 30) - BEFORE)),
}


class Scene:
    """One graph with a task for each kind and each event, all of which stand at the same."""

    def __init__(self, graph: Path | str) -> None:
        self.clock = VirtualClock(START)
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.seen = START
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way: list[asyncio.Task[int]] = []
        self.waited: set[str] = set()
        self.tasks: dict[str, tuple[str, str]] = {}

    async def handle(self, firing: Firing) -> HandlerReturn:
        """Do what the event says that the task is named for."""
        await self.gate.wait()
        match firing.task.name:
            case "the handler fails":
                return Failed("It did not work")
            case "the handler raises":
                raise ValueError("It is odd")
            case "the handler takes too long":
                await asyncio.Event().wait()
            case "the handler waits" | "the handler waits, run by hand" if firing.task.task_id not in self.waited:
                self.waited.add(firing.task.task_id)
                return Defer(self.clock.now() + 25 * MINUTE, "Not just now")
            case _:
                pass
        return None

    async def schedule(self) -> None:
        pairs = list(product(KINDS, EVENTS))
        asked = [ScheduleRequest(event, "goal", "prompt", "thought", **KINDS[kind][0]) for kind, event in pairs]
        asked = [replace(each, timeout_seconds=0.01 if each.name == TOO_LONG else None) for each in asked]
        replies = await self.service.schedule_tasks(asked)
        self.tasks = {reply.task_id: pair for reply, pair in zip(replies, pairs, strict=True)}

    async def look(self, moment: datetime) -> None:
        """Do what is due at a moment."""
        self.clock.set(moment)
        await self.checker.tick()
        self.seen = moment

    async def put_off(self, until: datetime) -> None:
        await asyncio.gather(*(allowed(self.service.defer_task(task_id, until, "Busy")) for task_id in self.tasks))

    async def wrong(self) -> dict[str, list[str]]:
        """Return what must not be, by kind and event."""
        told = await stories(self.service)
        found = {
            f"{kind}, {event}": told[task_id].wrong(KINDS[kind][1], self.seen)
            for task_id, (kind, event) in self.tasks.items()
        }
        return {name: wrong for name, wrong in found.items() if wrong}


async def allowed(act: Awaitable[object]) -> None:
    """Do what may be refused; that is an answer too."""
    with suppress(InvalidInput, TaskEnded):
        await act


async def waiting(_: Scene) -> None:
    """Nothing has come yet."""


async def late(scene: Scene) -> None:
    scene.clock.set(at(12, 30))


async def served(scene: Scene) -> None:
    await scene.look(at(10))


async def running(scene: Scene) -> None:
    scene.gate.clear()
    scene.clock.set(at(10))
    scene.under_way.append(asyncio.ensure_future(scene.checker.tick()))
    # Counting what runs would wait without end: what takes too long has ended when a busy machine begins the rest.
    while any((task.next_run_ms or to_ms(at(11))) <= to_ms(at(10)) for task in await all_of(scene)):  # noqa: ASYNC110 (the checker works in its own time)
        await asyncio.sleep(0.01)


async def running_by_hand(scene: Scene) -> None:
    scene.gate.clear()
    await asyncio.gather(*(scene.service.run_now(task_id) for task_id in scene.tasks))


async def put_off(scene: Scene) -> None:
    await scene.put_off(at(12, 30))


async def put_off_and_its_moment_passed(scene: Scene) -> None:
    await scene.put_off(at(12, 30))
    scene.clock.set(at(11, 15))


async def put_off_and_looked_at(scene: Scene) -> None:
    await scene.put_off(at(12, 30))
    await scene.look(at(11, 15))


async def put_off_and_that_passed_too(scene: Scene) -> None:
    await scene.put_off(at(12, 30))
    scene.clock.set(at(12, 45))


async def put_off_again_and_again(scene: Scene) -> None:
    await scene.put_off(at(12, 30))
    scene.clock.set(at(12, 45))
    await scene.put_off(at(14, 15))
    scene.clock.set(at(13, 30))


async def put_off_to_before_its_moment(scene: Scene) -> None:
    await scene.put_off(at(12, 30))
    await scene.put_off(at(9, 30))
    scene.clock.set(at(9, 45))


async def put_off_to_before_its_moment_and_both_passed(scene: Scene) -> None:
    await scene.put_off(at(12, 30))
    await scene.put_off(at(9, 30))
    scene.clock.set(at(10, 15))


async def put_off_to_a_moment_of_the_schedule(scene: Scene) -> None:
    await scene.put_off(at(12))
    scene.clock.set(at(12))


async def lost(scene: Scene) -> None:
    """A replica claimed what was due, and died of it."""
    scene.clock.set(at(10))
    store: Any = scene.service._process.store
    due = [task for task in await all_of(scene) if (task.next_run_ms or 0) <= to_ms(at(10))]
    await store.queue.claim([plan(task, to_ms(at(10)), "dead") for task in due], Lease("lease_dead", "dead", at(9)))


async def all_of(scene: Scene) -> list[Any]:
    return await scene.service.find_tasks()


STATES: Final[list[Callable[[Scene], Awaitable[None]]]] = [
    waiting,
    late,
    served,
    running,
    running_by_hand,
    put_off,
    put_off_and_its_moment_passed,
    put_off_and_looked_at,
    put_off_and_that_passed_too,
    put_off_again_and_again,
    put_off_to_before_its_moment,
    put_off_to_before_its_moment_and_both_passed,
    put_off_to_a_moment_of_the_schedule,
    lost,
]


async def nothing(_: Scene, __: str) -> None:
    """Its time comes, and the handler does what it does."""


async def cancel(scene: Scene, task_id: str) -> None:
    await scene.service.cancel_task(task_id, "No longer needed")


async def cancel_twice(scene: Scene, task_id: str) -> None:
    await asyncio.gather(scene.service.cancel_task(task_id), scene.service.cancel_task(task_id))


async def defer(scene: Scene, task_id: str) -> None:
    ahead = (await scene.service.get_task(task_id)).next_run_ms or 0
    until = max(scene.clock.now(), START + timedelta(milliseconds=ahead - to_ms(START))) + 2 * HOUR + 20 * MINUTE
    await scene.service.defer_task(task_id, until, "Busy")


async def defer_to_soon(scene: Scene, task_id: str) -> None:
    await scene.service.defer_task(task_id, scene.clock.now() + 10 * MINUTE, "Busy")


async def defer_and_cancel(scene: Scene, task_id: str) -> None:
    await defer(scene, task_id)
    await cancel(scene, task_id)


async def run_now(scene: Scene, task_id: str) -> None:
    await scene.service.run_now(task_id)


EVENTS: Final[dict[str, Callable[[Scene, str], Awaitable[None]]]] = {
    "nothing": nothing,
    "it is cancelled": cancel,
    "it is cancelled twice at once": cancel_twice,
    "it is put off": defer,
    "it is put off to soon": defer_to_soon,
    "it is put off and cancelled": defer_and_cancel,
    "it is run by hand": run_now,
    "the handler fails": nothing,
    "the handler raises": nothing,
    "the handler takes too long": nothing,
    "the handler waits": nothing,
    "the handler waits, run by hand": run_now,
}


async def balance(service: TaskSchedulerService) -> None:
    """Compare books and event log with a recount."""
    made = await service.history(limit=100_000)
    dropped = [each for each in made if each.last_nominal_at]
    counted = (await service._process.graph().statistics.lifetime()).counts
    tasks = Counter(str(row["s"]) for row in await service.cypher("MATCH (t:scheduled_task) RETURN t.status AS s"))
    assert counted["occurrences_dropped"] == sum(each.occurrences for each in dropped)
    assert counted["executions_started"] == len(made) - len(dropped)
    ends = ("tasks_cancelled", "CANCELLED"), ("tasks_completed", "COMPLETE"), ("tasks_failed", "FAILED")
    assert {name: counted[name] for name, _ in ends} == {name: tasks[status] for name, status in ends}
    told, page = Counter[str](), await service.read_events("0", limit=1000)
    while page.events:
        for event in page.events:
            if event.execution_id and event.kind not in {"execution_started", "execution_progress"}:
                told[event.kind] += event.occurrences or 1
        page = await service.read_events(page.cursor, limit=1000)
    assert told == sum((Counter({f"execution_{each.status}": each.occurrences}) for each in made), Counter())


@pytest.mark.slow
@pytest.mark.parametrize("restarts", [False, True], ids=["it goes on", "an outage and a restart"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_each_moment_that_came_has_one_outcome_and_a_reason(
    tmp_path: Path, state: Callable[[Scene], Awaitable[None]], *, restarts: bool
) -> None:
    scene = Scene(tmp_path / "graph" if restarts else ":memory:")
    async with scene.checker:
        await scene.schedule()
        await state(scene)
        await asyncio.gather(*(allowed(EVENTS[event](scene, each)) for each, (_, event) in scene.tasks.items()))
        scene.gate.set()
        await asyncio.gather(*scene.under_way)
        await scene.service.idle()
        if not restarts:
            await scene.service.recover()
            for hour in range(14, 22):
                await scene.look(at(hour, 10))
            assert await scene.wrong() == {}
            await balance(scene.service)
    if restarts:
        scene.clock.set(at(21, 30))
        async with scene.checker:
            await scene.look(at(21, 30))
            assert await scene.wrong() == {}
            await balance(scene.service)


async def test_an_occurrence_held_by_a_deferral_is_cancelled_with_it(
    service: TaskSchedulerService, by_hand: ManualScheduler
) -> None:
    """The example that was found: it had an outcome nowhere."""
    task = await service.schedule_task("Report", "goal", "prompt", "thought", **HOURLY)
    await service.defer_task(task.task_id, at(12, 30), "Busy")
    assert await by_hand.tick(at(11, 15) - START) == 0
    assert await service.cancel_task(task.task_id, "No longer needed")
    (made,) = await service.history(task.task_id)

    assert (made.status, made.reason_code, made.occurrences) == ("cancelled", "task_cancelled", 2)
    assert (made.nominal_at, made.last_nominal_at) == (at(10), at(11))
    assert made.reason == "The task was cancelled before this occurrence ran."
    assert await by_hand.tick(5 * HOUR) == 0
    assert (await service.history(task.task_id)) == [made]
