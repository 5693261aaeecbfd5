"""Halts: nothing begins while one is in force, and each task makes up for it once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Ask, Done, Failed, InvalidInput, ScheduleRequest, SchedulerHalted, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.engine.clock import SystemTime
from remembrancer.engine.gates import halt_gate
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.decision import PLAIN, PlanContext
from remembrancer.policies.pipeline import plan_page
from remembrancer.ports.writes import Lease
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
WHY = "It writes to the wrong people."


class Desk:
    """A scheduler driven by hand, and what its handler began."""

    def __init__(self, graph: str, clock: VirtualClock, **hooks: Any) -> None:
        self.clock = clock
        self.service = TaskSchedulerService(graph, clock, handler=self.handle, **hooks)
        self.by_hand = ManualScheduler(self.service, clock)
        self.begun: list[str] = []
        self.answer: HandlerReturn = None

    async def handle(self, firing: Firing) -> HandlerReturn:
        self.begun.append(firing.task.name)
        return self.answer

    async def schedule(self, name: str = "Task", **fields: Any) -> str:
        when = {} if {"schedule_cron", "schedule"} & fields.keys() else {"in_": "1m"}
        return (await self.service.schedule_task(name, "goal", "prompt", "thought", **when, **fields)).task_id

    async def outcomes(self, task_id: str) -> list[tuple[str, str | None, int]]:
        runs = await self.service.history(task_id)
        return [(each.status.value, each.reason_code, each.occurrences) for each in reversed(list(runs))]

    @property
    def store(self) -> Graph:
        store = self.service._process.store
        assert store
        return store


@pytest.fixture
async def desk(graph: str, clock: VirtualClock) -> AsyncIterator[Desk]:
    made = Desk(graph, clock)
    async with made.by_hand:
        yield made


async def test_nothing_begins_in_a_halt_and_nothing_is_lost(desk: Desk) -> None:
    once = await desk.schedule("once")
    state = await desk.service.halt(WHY)
    assert (state.is_halted, state.reason, state.halted_at) == (True, WHY, desk.clock.now())
    assert await desk.by_hand.tick(HOUR) == 0
    assert desk.begun == []
    assert (await desk.service.get_task(once)).status == "PENDING"
    assert desk.service.get_status().halt.reason == WHY
    assert desk.service.gauges.read()["scheduler.halted"] == 1

    state = await desk.service.release("It is mended.")
    assert (state.is_halted, state.released_at) == (False, desk.clock.now())
    await desk.by_hand.tick(SECOND)
    assert desk.begun == ["once"]
    assert desk.service.gauges.read()["scheduler.halted"] == 0
    kinds = [(each.kind, each.reason) for each in (await desk.service.read_events("0")).events]
    assert ("scheduler_halted", WHY) in kinds
    assert ("scheduler_released", "It is mended.") in kinds
    made = [(each.action, each.reason) for each in await desk.service.audit_entries() if each.task_id is None]
    assert made == [("halt", WHY), ("release", "It is mended.")]


@pytest.mark.parametrize(
    ("misfire", "held", "expected"),
    [
        ("run_once", 10 * MINUTE, [("missed", "held_by_halt", 9), ("completed", None, 1)]),
        ("run_all", 3 * MINUTE, [("completed", None, 1)] * 3),
        ("skip", 10 * MINUTE, [("missed", "held_by_halt", 9), ("completed", None, 1)]),
    ],
)
async def test_a_recurring_task_makes_up_as_its_misfire_says(
    desk: Desk, misfire: str, held: timedelta, expected: list[tuple[str, str | None, int]]
) -> None:
    task_id = await desk.schedule(schedule_cron="* * * * *", misfire=misfire)
    await desk.service.halt(WHY)
    await desk.by_hand.tick(held + 30 * SECOND)
    await desk.service.release()
    await desk.by_hand.tick(SECOND)
    assert await desk.outcomes(task_id) == expected
    missed = [each for each in await desk.service.history(task_id) if each.status == "missed"]
    assert all(WHY in (each.reason or "") for each in missed)
    await desk.by_hand.tick(MINUTE)
    assert (await desk.outcomes(task_id))[len(expected) :] == [("completed", None, 1)]


async def test_occurrences_within_the_grace_are_one_run_after_a_halt(desk: Desk) -> None:
    task_id = await desk.schedule(schedule={"kind": "every", "every": "10s", "anchor": desk.clock.now().isoformat()})
    await desk.by_hand.tick()
    before = len(await desk.outcomes(task_id))
    await desk.service.halt(WHY)
    await desk.by_hand.tick(45 * SECOND)
    await desk.service.release()
    await desk.by_hand.tick(SECOND)
    assert (await desk.outcomes(task_id))[before:] == [("missed", "held_by_halt", 3), ("completed", None, 1)]


async def test_a_late_occurrence_with_skip_is_missed_by_the_halt(desk: Desk) -> None:
    daily = await desk.schedule(schedule_cron="30 9 * * *", misfire="skip")
    once = await desk.schedule(misfire="skip")
    await desk.service.halt(WHY)
    await desk.by_hand.tick(2 * HOUR)
    await desk.service.release()
    await desk.by_hand.tick(SECOND)
    assert await desk.outcomes(daily) == await desk.outcomes(once) == [("missed", "held_by_halt", 1)]
    assert (await desk.service.get_task(once)).status == "FAILED"


async def test_a_retry_waits_for_the_end_of_a_halt(desk: Desk) -> None:
    desk.answer = Failed("It did not work.")
    retry = {"backoff": "fixed", "delay": 60, "jitter": "none"}
    await desk.schedule(retry=retry, max_attempts=2)
    await desk.by_hand.tick(MINUTE)
    await desk.service.halt(WHY)
    desk.answer = None
    await desk.by_hand.tick(HOUR)
    assert len(desk.begun) == 1
    await desk.service.release()
    await desk.by_hand.tick(SECOND)
    assert len(desk.begun) == 2


async def test_a_lost_run_is_settled_in_a_halt_and_retried_after_it(desk: Desk) -> None:
    retried, failed = await desk.schedule(on_lost="retry"), await desk.schedule(on_lost="fail")
    desk.clock.advance(MINUTE)
    dead = Lease("lease_dead", "replica_dead", desk.clock.now())
    due = await desk.store.queue.due(desk.clock.now(), 10)
    planned = await plan_page(due, PLAIN, PlanContext(to_ms(desk.clock.now()), "replica_dead"))
    assert len(await desk.store.queue.claim(planned.claims, dead)) == 2
    await desk.service.halt(WHY)
    desk.clock.advance(MINUTE)
    await desk.service.recover()
    await desk.by_hand.tick(MINUTE)
    assert desk.begun == []
    assert await desk.outcomes(retried) == [("running", None, 1)]
    await desk.service.release()
    desk.clock.advance(MINUTE)
    await desk.service.recover()
    await desk.by_hand.tick(MINUTE)
    assert {each[:2] for each in await desk.outcomes(retried)} == {("failed", "lease_expired"), ("completed", None)}
    assert [each[:2] for each in await desk.outcomes(failed)] == [("failed", "lease_expired")]


async def test_a_question_is_not_asked_again_in_a_halt(desk: Desk) -> None:
    desk.answer = Ask("May I?", "ada", HOUR, "remind", reminders=1)
    task_id = await desk.schedule()
    await desk.by_hand.tick(MINUTE)
    await desk.service.halt(WHY)
    await desk.by_hand.tick(5 * HOUR)
    (question,) = await desk.service.questions()
    assert question.reminders_left == 1
    await desk.service.answer_task(task_id, "yes")
    desk.answer = None
    await desk.by_hand.tick(MINUTE)
    assert len(desk.begun) == 1
    await desk.service.release()
    await desk.by_hand.tick(MINUTE)
    assert len(desk.begun) == 2


async def test_a_deferred_run_and_a_dependent_begin_after_a_halt(desk: Desk) -> None:
    first = await desk.schedule("first")
    await desk.schedule("second", depends_on=[{"task": first}])
    deferred = await desk.schedule("deferred")
    await desk.service.defer_task(deferred, "in 10m", "Later.")
    await desk.service.halt(WHY)
    await desk.by_hand.tick(HOUR)
    await desk.service.release()
    await desk.by_hand.tick(SECOND)
    await desk.by_hand.tick(2 * MINUTE)
    assert sorted(desk.begun) == ["deferred", "first", "second"]
    assert (await desk.outcomes(deferred))[-1][0] == "completed"


async def test_a_run_by_hand_is_refused_unless_a_person_forces_it(desk: Desk) -> None:
    task_id = await desk.schedule()
    await desk.service.halt(WHY)
    with pytest.raises(SchedulerHalted, match="wrong people"):
        await desk.service.run_now(task_id)
    for surface in ("rest", "mcp", "handler"):
        token = CURRENT_ACTOR.set(Actor(surface, "somebody"))
        with pytest.raises(SchedulerHalted):
            await desk.service.run_now(task_id, force=True)
        CURRENT_ACTOR.reset(token)
    await desk.service.run_now(task_id, force=True)
    await desk.by_hand.tick()
    assert len(desk.begun) == 1
    assert (await desk.service.halt_state()).is_halted


async def test_what_runs_is_asked_to_stop_if_it_is_to(graph: str, clock: VirtualClock) -> None:
    begun = asyncio.Event()

    async def handle(_firing: Firing) -> Done:
        begun.set()
        await asyncio.Event().wait()
        return Done()

    service = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(service, clock):
        made = await service.schedule_task("Task", "goal", "prompt", "thought", "in 1m")
        clock.advance(MINUTE)
        await service._process.running_scheduler().tick()
        await asyncio.wait_for(begun.wait(), 60)
        assert (await service.halt(WHY)).stopping == ()
        state = await service.halt(WHY, stop_running=True)
        assert len(state.stopping) == 1
        await service.tick()
        await service._process.running_scheduler().idle()
        (run,) = await service.history(made.task_id)
        assert (run.execution_id, run.status, run.reason_code) == (state.stopping[0], "cancelled", "stopped_by_halt")


async def test_a_forced_run_goes_on_until_the_next_halt(graph: str, clock: VirtualClock) -> None:
    held = asyncio.Event()

    async def handle(_firing: Firing) -> Done:
        await held.wait()
        return Done()

    service = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(service, clock):
        task_id = (await service.schedule_task("Task", "goal", "prompt", "thought", "in 1h")).task_id
        await service.halt(WHY, stop_running=True)
        clock.advance(-MINUTE)  # by the clock of this machine, it begins before the halt
        first = await service.run_now(task_id, force=True)
        await service._process.running_scheduler().tick()
        assert (await service.get_execution(first.execution_id)).status == "running"
        await service.halt("All of it.", stop_running=True)
        await service.idle()
        assert (await service.get_execution(first.execution_id)).reason_code == "stopped_by_halt"
        held.set()
        second = await service.run_now(task_id, force=True)
        await service.idle()
        assert (await service.get_execution(second.execution_id)).status == "completed"


async def test_a_halt_and_its_beginning_survive_a_restart(graph: str, clock: VirtualClock) -> None:
    first = Desk(graph, clock)
    async with first.by_hand:
        task_id = await first.schedule(schedule_cron="* * * * *")
        await first.service.halt("Too early.")
        began = clock.now()
    clock.advance(10 * MINUTE)
    second = Desk(graph, clock)
    async with second.by_hand:
        state = second.service.get_status().halt
        assert (state.is_halted, state.halted_at, state.reason) == (True, began, "Too early.")
        assert await second.by_hand.tick(HOUR) == 0
        await second.service.halt(WHY)
        assert (await second.service.halt_state()).halted_at == began
        await second.service.release()
    third = Desk(graph, clock)
    async with third.by_hand:
        await third.by_hand.tick(SECOND)
        (missed,) = [each for each in await third.service.history(task_id) if each.status == "missed"]
        assert missed.reason_code == "held_by_halt"
        assert third.begun == ["Task"]


@pytest.mark.parametrize(
    "spoiled",
    [
        "g.halted_ms = 'x'",
        "g.halted_ms = 1, g.released_ms = 'x'",
        "g.released_ms = true",
        "g.halted_ms = 1.5, g.halt_reason = 7",
    ],
)
async def test_a_record_that_cannot_be_read_is_a_halt(graph: str, clock: VirtualClock, spoiled: str) -> None:
    await write(graph, f"MATCH (g:remembrancer_graph) SET {spoiled}")
    desk = Desk(graph, clock)
    async with desk.by_hand:
        task_id = await desk.schedule()
        assert await desk.by_hand.tick(HOUR) == 0
        with pytest.raises(SchedulerHalted):
            await desk.service.run_now(task_id, force=True)
        await desk.service.release()
        await desk.by_hand.tick(SECOND)
        assert desk.begun == ["Task"]


async def test_a_halt_whose_node_is_missing_is_seen_and_mended(desk: Desk) -> None:
    """It was no record that cannot be read: `force` went past it, `release` wrote nothing, and `doctor` was silent."""
    task_id = await desk.schedule()
    connection: Any = desk.store._connection  # pyright: ignore[reportAttributeAccessIssue]
    text = "MATCH (g:remembrancer_graph) DETACH DELETE g"
    if desk.store.exclusive:
        with connection._database.transaction():
            connection._database.command("opencypher", text)
        store: Any = desk.store
        store.halts._known = None  # what no other process writes is read once
    else:
        await connection.run_idempotent(text, {})
    assert await desk.by_hand.tick(HOUR) == 0
    with pytest.raises(SchedulerHalted):
        await desk.service.run_now(task_id, force=True)
    found = {each.check: each for each in await desk.service.examine()}["service"]
    assert (found.health, "the record of the halt is missing" in found.saw) == ("critical", True)
    await desk.service.release()
    await desk.by_hand.tick(SECOND)
    assert desk.begun == ["Task"]


async def test_a_halt_is_seen_by_the_doctor(desk: Desk) -> None:
    await desk.service.halt(WHY)
    found = {each.check: each for each in await desk.service.examine()}["service"]
    assert (WHY.rstrip(".") in found.saw, found.numbers["halted"]) == (True, 1)
    assert found.health != "ok"
    await desk.service.release()
    found = {each.check: each for each in await desk.service.examine()}["service"]
    assert (WHY.rstrip(".") in found.saw, found.numbers["halted"]) == (False, 0)


async def write(graph: str, text: str) -> None:
    """Write what no query of the catalogue writes."""
    store = await open_store(graph)
    session: Any = store._connection
    if store.exclusive:
        with session._database.transaction():
            session._database.command("opencypher", text)
    else:
        await session.run_idempotent(text, {})
    await store.close()


# The host's own halt


class Host:
    """A host with a halt of its own."""

    def __init__(self) -> None:
        self.says: Any = False
        self.asked = 0

    async def __call__(self) -> Any:
        self.asked += 1
        if isinstance(self.says, BaseException):
            raise self.says
        if self.says == "silence":
            await asyncio.Event().wait()
        return self.says


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (True, "The host is halted"),
        ("A person has said so.", "A person has said so."),
        (None, "neither"),
        (0, "neither"),
        ("", "neither"),
        (OSError("gone"), "OSError: gone"),
        (asyncio.CancelledError(), "did not say"),
        ("silence", "did not say within"),
    ],
)
async def test_the_host_s_gate_fails_closed(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, says: Any, told: str
) -> None:
    host = Host()
    desk = Desk(graph, clock, is_halted=host)
    async with desk.by_hand:
        task_id = await desk.schedule(schedule_cron="* * * * *")
        await desk.by_hand.tick(MINUTE)
        assert desk.begun == ["Task"]
        if says == "silence":
            monkeypatch.setattr(halt_gate, "_HOST_SECONDS", 0.05)
        host.says = says
        assert await desk.by_hand.tick(10 * MINUTE) == 0
        state = await desk.service.halt_state()
        assert (state.is_halted, state.by_host) == (True, True)
        assert told in (state.reason or "")
        with pytest.raises(SchedulerHalted):
            await desk.service.run_now(task_id, force=True)
        assert (await desk.service.release()).is_halted
        monkeypatch.undo()
        host.says = False
        await desk.by_hand.tick(30 * SECOND)
        assert desk.begun == ["Task"] * 2
        expected = [("completed", None, 1), ("missed", "held_by_halt", 9), ("completed", None, 1)]
        assert await desk.outcomes(task_id) == expected


async def test_the_host_is_asked_once_a_tick_if_something_is_due(graph: str, clock: VirtualClock) -> None:
    host = Host()
    desk = Desk(graph, clock, is_halted=host)
    async with desk.by_hand:
        for number in range(30):
            await desk.schedule(f"Task {number}")
        await desk.service.tick()
        assert host.asked == 0
        clock.advance(HOUR)
        await desk.service.tick()
        assert (len(desk.begun), host.asked) == (30, 1)


def test_a_plain_function_is_no_gate() -> None:
    with pytest.raises(InvalidInput, match="async"):
        TaskSchedulerService(":memory:", is_halted=lambda: False)  # pyright: ignore[reportArgumentType]


# Many tasks, several processes


async def test_ten_thousand_due_tasks_cost_a_halted_tick_nothing(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(":memory:", clock)
    async with desk.by_hand:
        requests = [ScheduleRequest(f"Task {number}", "goal", "prompt", "thought", "in 1m") for number in range(10_000)]
        for begin in range(0, len(requests), 1000):
            await desk.service.schedule_tasks(requests[begin : begin + 1000], fires=1)
        await desk.service.halt(WHY)
        assert await desk.service.tick() == 0
        read: list[str] = []
        store: Any = desk.store
        connection: Any = store._connection
        for name in ("read", "write"):
            original = getattr(connection, name)

            async def noted(asked: Any, *rest: Any, original: Any = original) -> Any:
                read.append(str(asked))
                return await original(asked, *rest)

            monkeypatch.setattr(connection, name, noted)
        clock.advance(MINUTE)
        for _ in range(5):
            assert await desk.service.tick() == 0
        assert not any("due_key" in each or "claim" in each for each in read)
        monkeypatch.undo()
        await desk.service.release()
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        await desk.by_hand.tick(SECOND)
        beside.cancel()
        assert len(desk.begun) == 10_000
        assert turns > 1000  # the event loop goes on beside it


PROGRAM = """
import asyncio, os, signal, sys
from remembrancer import TaskSchedulerService

async def main():
    async with TaskSchedulerService(sys.argv[1]) as service:
        await service.schedule_task("Task", "goal", "prompt", "thought", "in 1s")
        await service.halt("It writes to the wrong people.")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_halt_is_in_force_after_kill_9(graph: str) -> None:
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", PROGRAM, graph], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    begun = asyncio.Event()

    async def handle(_firing: Firing) -> Done:
        begun.set()
        return Done()

    async with TaskSchedulerService(graph, SystemTime(), handler=handle) as service:
        assert (await service.halt_state()).reason == WHY
        (task,) = await service.find_tasks()
        while task.next_run_ms is None or to_ms(SystemTime().now()) < task.next_run_ms:  # noqa: ASYNC110 (a clock tells nobody)
            await asyncio.sleep(0.1)
        assert await service.tick() == 0
        assert not begun.is_set()
        await service.release()
        await asyncio.wait_for(begun.wait(), 60)


@pytest.mark.neo4j
async def test_a_halt_holds_for_another_replica_at_once(neo4j_server: Server) -> None:
    begun: list[str] = []

    async def note(firing: Firing) -> Done:
        begun.append(firing.task.name)
        return Done()

    services = [TaskSchedulerService(neo4j_server.graph, SystemTime(), handler=note) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for each in services:
            await stack.enter_async_context(each)
        await services[0].halt(WHY)
        for number in range(40):
            await services[number % 2].schedule_task(f"Task {number}", "goal", "prompt", "thought", "in 1s")
        for _ in range(5):
            await asyncio.sleep(0.5)
            assert await services[1].tick() == 0
        assert begun == []
        assert (await services[1].halt_state()).reason == WHY
        await services[1].release()
        async with asyncio.timeout(120):
            while len(await services[0].history(limit=100, status="completed")) < 40:  # noqa: ASYNC110 (they work in their own time)
                await asyncio.sleep(0.1)
        assert sorted(begun) == sorted(f"Task {number}" for number in range(40))


@pytest.mark.neo4j
async def test_a_halt_stops_what_runs_on_another_replica(neo4j_server: Server) -> None:
    begun = asyncio.Event()

    async def hang(_firing: Firing) -> Done:
        begun.set()
        await asyncio.Event().wait()
        return Done()

    runner = TaskSchedulerService(neo4j_server.graph, SystemTime(), handler=hang)
    other = TaskSchedulerService(neo4j_server.graph, SystemTime())
    async with runner:
        made = await runner.schedule_task("Task", "goal", "prompt", "thought", "in 1s")
        await asyncio.wait_for(begun.wait(), 60)
        await other.open()
        await other.halt(WHY, stop_running=True)
        async with asyncio.timeout(60):
            while (await runner.history(made.task_id))[0].status == "running":  # noqa: ASYNC110 (it polls in its own time)
                await asyncio.sleep(0.1)
        (run,) = await runner.history(made.task_id)
        assert run.reason_code == "stopped_by_halt"
        await other.close()


async def test_a_task_made_after_a_halt_was_not_held_by_it(desk: Desk) -> None:
    due = desk.clock.now() + MINUTE
    await desk.service.halt(WHY)
    await desk.by_hand.tick(HOUR)
    await desk.service.release()
    desk.clock.advance(SECOND)
    made = await desk.service.schedule_task("late", "goal", "prompt", "thought", due, misfire="skip")
    await desk.by_hand.tick(MINUTE)
    assert await desk.outcomes(made.task_id) == [("missed", "misfire_skipped", 1)]
