"""The checker and the handlers, driven by hand: what is due runs, and what became of it is written."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from planned import plan

from remembrancer import Defer, Done, Failed, InvalidInput, SchedulerOptions, TaskSchedulerService, Thought
from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.writes import Lease
from remembrancer.stores.embedded.connection import load_engine
from remembrancer.stores.embedded.directory import database_path
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from remembrancer import Execution, Firing
    from remembrancer.testing import VirtualClock

    Run = Callable[..., Any]

MINUTE = timedelta(minutes=1)
OPTIONS = SchedulerOptions(shutdown_timeout_seconds=0.2)


@pytest.fixture
def run_on(clock: VirtualClock) -> Run:
    """Open a scheduler over a graph, with a handler of one's own, driven by hand."""

    @asynccontextmanager
    async def opened(graph: str | Path, handler: Any) -> AsyncIterator[ManualScheduler]:
        service = TaskSchedulerService(graph, clock, handler=handler, options=OPTIONS)
        async with ManualScheduler(service, clock) as checker:
            yield checker

    return opened


@pytest.fixture
def run(graph: str, run_on: Run) -> Run:
    """Open a scheduler over a graph of each kind in turn."""
    return partial(run_on, graph)


async def schedule(checker: ManualScheduler, name: str = "Task", **choices: Any) -> str:
    """Schedule a task for the next minute, or as said; return its id."""
    if "schedule_cron" not in choices:
        choices.setdefault("defer_until", checker.clock.now() + MINUTE)
    return (await checker.service.schedule_task(name, "goal", "prompt", "thought", **choices)).task_id


async def last(checker: ManualScheduler, task_id: str) -> Execution:
    return (await checker.service.history(task_id, 1))[0]


async def test_async_and_plain_handlers_both_run(run: Run) -> None:
    async def asynchronous(firing: Firing) -> str:
        await asyncio.sleep(0)
        return f"async: {firing.trigger_prompt}"

    def plain(firing: Firing) -> str:
        time.sleep(0.01)
        return f"plain: {firing.trigger_prompt}"

    class Calling:
        async def __call__(self, firing: Firing) -> str:
            return f"object: {firing.task.name}"

    for handler, said in ((asynchronous, "async: prompt"), (plain, "plain: prompt"), (Calling(), "object: Task")):
        async with run(handler) as checker:
            task_id = await schedule(checker)
            assert await checker.tick(MINUTE) == 1
            assert ((done := await last(checker, task_id)).status, done.result) == ("completed", said)


ANSWERS: list[tuple[object, str, str | None]] = [
    (None, "completed", None),
    ("well done", "completed", None),
    (Done("well", Thought("thought_made", "x")), "completed", None),
    (Failed("no such file"), "failed", "handler_failed"),
    (42, "failed", "handler_failed"),
    (Done(thought=Thought("", "x")), "failed", "handler_failed"),
    (ValueError("lone \ud800"), "failed", "handler_raised"),
    ("lone \ud800", "completed", None),
    (TimeoutError("its own"), "failed", "handler_raised"),
    (asyncio.CancelledError(), "failed", "handler_raised"),
    (Defer("yesterday", "x"), "failed", "handler_failed"),  # pyright: ignore[reportArgumentType]
    ("sleep", "failed", "timed_out"),
]


async def test_each_answer_is_an_outcome_and_none_stops_the_others(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")

    async def handle(firing: Firing) -> object:
        answer = ANSWERS[int(firing.task.name)][0]
        if isinstance(answer, BaseException):
            raise answer
        if answer == "sleep":
            await asyncio.sleep(600)
        return answer

    async with run(handle) as checker:
        limits = [0.2 if answer == "sleep" else 600 for answer, *_ in ANSWERS]
        ids = [await schedule(checker, str(place), timeout_seconds=limit) for place, limit in enumerate(limits)]
        assert await checker.tick(MINUTE) == len(ANSWERS)
        for task_id, (answer, status, code) in zip(ids, ANSWERS, strict=True):
            done = await last(checker, task_id)
            assert (done.status, done.reason_code) == (status, code), answer
            assert (await checker.service.get_task(task_id)).status == (
                "COMPLETE" if status == "completed" else "FAILED"
            )
            assert status == "completed" or done.reason


async def test_a_handler_that_defers_is_called_again_at_the_moment_it_named(run: Run, clock: VirtualClock) -> None:
    until = clock.now() + timedelta(hours=1)
    calls: list[str] = []

    async def handle(firing: Firing) -> Defer | None:
        calls.append(firing.execution.execution_type)
        return Defer(until, "Not yet", "thought_wait") if len(calls) == 1 else None

    async with run(handle) as checker:
        task_id = await schedule(checker)
        await checker.tick(MINUTE)
        assert (await checker.service.get_task(task_id)).deferral_history[0]["reason"] == "Not yet"
        assert await checker.tick(timedelta(minutes=58)) == 0
        assert await checker.tick(MINUTE) == 1
        assert calls == ["one_time_trigger", "deferred_trigger"]
        assert [each.status for each in await checker.service.history(task_id)] == ["completed", "deferred"]


async def test_a_recurring_task_deferred_once_fires_once_and_goes_on(run: Run, clock: VirtualClock) -> None:
    fired: list[str] = []

    async def handle(firing: Firing) -> None:
        fired.append(firing.execution.nominal_at.strftime("%H:%M:%S"))

    async with run(handle) as checker:
        task_id = await schedule(checker, schedule_cron="*/5 * * * *")
        until = clock.now() + timedelta(minutes=17, seconds=30)
        await checker.service.defer_task(task_id, until, "Busy")
        for _ in range(25):
            await checker.tick(MINUTE)
        assert fired == ["09:17:30", "09:20:00", "09:25:00"]
        held = next(each for each in await checker.service.history(task_id) if each.status == "deferred")
        assert (held.occurrences, held.reason_code) == (3, "held_by_deferral")


async def test_a_task_cancelled_before_its_moment_never_fires(run: Run) -> None:
    fired: list[Firing] = []
    async with run(fired.append) as checker:
        task_id = await schedule(checker)
        await checker.service.cancel_task(task_id)
        assert await checker.tick(2 * MINUTE) == 0
        assert fired == []


async def test_what_a_handler_does_is_on_record_as_its_own_whoever_started_it(run: Run) -> None:
    async def goes_on(firing: Firing) -> None:
        if firing.task.name == "first":
            task = await checker.service.schedule_task("second", "g", "p", "thought", "2026-04-01T00:00:00Z")
            await checker.service.cancel_task(task.task_id)

    async with run(goes_on) as checker:
        task_id = await schedule(checker, "first")
        CURRENT_ACTOR.set(Actor("rest", "ada"))
        started = await checker.service.run_now(task_id)
        await checker.service.idle()
        told = [(each.action, each.surface, each.actor) for each in await checker.service.audit_entries()]

    assert told == [
        ("create", "service", None),
        ("run_now", "rest", "ada"),
        ("create", "handler", started.execution_id),
        ("cancel", "handler", started.execution_id),
    ]


async def test_a_run_by_hand_leaves_the_schedule_alone(run: Run) -> None:
    async with run(lambda firing: firing.execution.execution_type) as checker:
        task_id = await schedule(checker)
        started = await checker.service.run_now(task_id)
        assert started.status == "running"
        await checker.service.idle()
        assert (await last(checker, task_id)).result == "manual_trigger"
        assert await checker.tick(MINUTE) == 1
        assert sorted(each.result or "" for each in await checker.service.history(task_id)) == [
            "manual_trigger",
            "one_time_trigger",
        ]
        assert (await checker.service.get_task(task_id)).status == "COMPLETE"


SPOILT = [
    "t.schedule_cron = 'every day'",
    "t.timezone = 'Mars/Olympus'",
    "t.status = 'BOGUS'",
    "t.nominal_ms = -100000000000000000",
    "t.nominal_ms = 9000000000000000000",
    "t.context = '{torn'",
    "t.created_at = 'long ago'",
]


async def test_tasks_that_cannot_be_read_or_planned_are_set_aside_and_the_rest_goes_on(
    run_on: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")
    async with run_on(tmp_path / "graph", None) as checker:
        ids = [await schedule(checker, str(place), schedule_cron="* * * * *") for place in range(len(SPOILT) + 2)]
    spoil(tmp_path / "graph", {**dict(zip(ids, SPOILT, strict=False)), ids[-2]: "t.nominal_ms = null"})
    async with run_on(tmp_path / "graph", None) as checker:
        for _ in range(2):
            await checker.tick(MINUTE)
        history = await checker.service.history()
        assert sorted(each.task_id for each in history if each.status == "completed") == sorted(ids[-2:] * 2)
        set_aside = {each.task_id: each for each in history if each.status == "skipped"}
        assert sorted(set_aside) == sorted(ids[: len(SPOILT)])
        first = checker.clock.now() - MINUTE
        assert {(each.nominal_at, each.reason_code) for each in set_aside.values()} == {(first, "quarantined")}
        assert len(history) == len(SPOILT) + 4
        states = await checker.service.cypher("MATCH (t:scheduled_task) RETURN t.name AS n, t.status AS s ORDER BY n")
        assert [row["s"] for row in states] == ["FAILED"] * len(SPOILT) + ["ACTIVE"] * 2


@pytest.mark.parametrize("spoilt", SPOILT[:3])
async def test_a_task_that_cannot_be_read_is_set_aside_by_who_cancels_it_late(
    run_on: Run, tmp_path: Path, spoilt: str
) -> None:
    async with run_on(tmp_path / "graph", None) as checker:
        late, ahead = [await schedule(checker, schedule_cron=f"{minute} * * * *") for minute in (1, 10)]
    spoil(tmp_path / "graph", dict.fromkeys([late, ahead], spoilt))
    async with run_on(tmp_path / "graph", None) as checker:
        checker.clock.advance(2 * MINUTE)
        assert await checker.service.cancel_task(late)
        assert await checker.service.cancel_task(ahead)
        (made,) = await checker.service.history()

        assert (made.task_id, made.status, made.reason_code) == (late, "skipped", "quarantined")
        assert await checker.tick(30 * MINUTE) == 0


async def test_what_a_crash_left_of_a_task_that_cannot_be_read_holds_up_no_other(run_on: Run, tmp_path: Path) -> None:
    async with run_on(tmp_path / "graph", None) as checker:
        ids = [await schedule(checker) for _ in range(3)]
        store, now = checker.service._process.store, checker.clock.now() + MINUTE
        claims = [plan(await store.tasks.get(each), to_ms(now), "dead") for each in ids]
        await store.queue.claim(claims, Lease("lease_dead", "dead", now))
    spoil(tmp_path / "graph", {ids[1]: "t.timezone = null, t.context = '{torn'"})
    async with run_on(tmp_path / "graph", None) as checker:
        became = {each.task_id: (each.status, each.reason_code) for each in await checker.service.history()}

        assert became == dict.fromkeys(ids, ("failed", "lease_expired"))


def spoil(graph: Path, changes: dict[str, str]) -> None:
    """Write into tasks what no version of ours would."""
    database = load_engine().open_database(str(database_path(graph)))
    with database.transaction():
        for task_id, change in changes.items():
            database.command("opencypher", f"MATCH (t:scheduled_task {{task_id: '{task_id}'}}) SET {change}", {})
    database.close()


@pytest.mark.parametrize(("on_lost", "outcomes"), [("fail", ["failed"]), ("retry", ["completed", "failed"])])
async def test_what_a_crash_left_is_failed_and_tried_again_if_its_task_says_so(
    run_on: Run, tmp_path: Path, on_lost: str, outcomes: list[str]
) -> None:
    begun: asyncio.Queue[None] = asyncio.Queue()

    async def hang(firing: Firing) -> None:
        begun.put_nowait(None)
        await asyncio.sleep(600)

    async with run_on(tmp_path / "graph", hang) as checker:
        task_id = await schedule(checker, on_lost=on_lost)
        for _ in range(2):  # two in one millisecond, beside the one of the schedule
            await checker.service.run_now(task_id)
        ticking = asyncio.create_task(checker.tick(MINUTE))
        for _ in range(3):
            await begun.get()
        await crash(checker.service)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
    async with run_on(tmp_path / "graph", lambda _: "well") as checker:
        await checker.service.idle()
        made = await checker.service.history(task_id)
        assert sorted(each.status for each in made) == sorted(outcomes * 3)
        assert {each.reason_code for each in made if each.status == "failed"} == {"lease_expired"}
        assert (await checker.service.get_task(task_id)).status == ("COMPLETE" if on_lost == "retry" else "FAILED")


async def crash(service: TaskSchedulerService) -> None:
    """Take the graph away beneath the service, and let its handlers perish unheard."""
    assert service._process.store
    assert service._process.scheduler
    await service._process.store.close()
    service._process.store = None
    executor = service._process.scheduler._dispatch
    executor._cut_off = True  # as when the loop ends without a stop: nothing more is written
    while runs := list(executor._runs.tasks):
        for each in runs:
            each.cancel()
        await asyncio.sleep(0)


async def test_a_deferral_is_refused_while_the_only_run_is_under_way(run: Run) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def handle(firing: Firing) -> None:
        begun.set()
        await finish.wait()

    async with run(handle) as checker:
        task_id = await schedule(checker)
        ticking = asyncio.create_task(checker.tick(MINUTE))
        await begun.wait()
        with pytest.raises(InvalidInput, match="runs right now"):
            await checker.service.defer_task(task_id, checker.clock.now() + MINUTE, "Busy")
        finish.set()
        assert await ticking == 1
