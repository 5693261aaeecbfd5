"""Limits of what runs at once: a slot in the claim itself, and a queue in order for what found none."""

from __future__ import annotations

import asyncio
import unicodedata
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Done, Failed, InvalidInput, LimitReached, TaskSchedulerService, check_graph, repair_graph
from remembrancer.engine.clock import SystemTime
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.decision import PLAIN, PlanContext
from remembrancer.policies.pipeline import plan_page
from remembrancer.ports.writes import Lease
from remembrancer.stores.commits.statement import Statement
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.ports.graph import Graph
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


class Desk:
    """A handler that holds what it is given until it is let go, and knows how many it held at most."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.begun: list[str] = []
        self.holds = self.most = 0
        self.changed = asyncio.Event()

    async def __call__(self, firing: Firing) -> Done:
        self.begun.append(firing.task.name)
        self.holds += 1
        self.most = max(self.most, self.holds)
        self.changed.set()
        try:
            await self.open.wait()
        finally:
            self.holds -= 1
        return Done()


def store_of(service: Any) -> Graph:
    return service._process.store


async def scheduled(service: Any, count: int, **fields: Any) -> list[str]:
    requests = [
        await service.schedule_task(f"Task {number}", "goal", "prompt", "thought", f"in {50 + number}s", **fields)
        for number in range(count)
    ]
    return [each.task_id for each in requests]


async def test_one_at_a_time_under_a_key_that_nobody_limited(graph: str, clock: VirtualClock) -> None:
    running = most = 0

    async def note(_firing: Firing) -> Done:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return Done()

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=note), clock) as scheduler:
        await scheduled(scheduler.service, 5, concurrency_key="db")
        await scheduler.tick(MINUTE)
        runs = await scheduler.service.history()
        assert [run.status for run in runs] == ["completed"] * 5
        assert most == 1
        (limit,) = await scheduler.service.list_limits()
        assert (limit.key, limit.slots, limit.taken, limit.waiting) == ("key:db", 1, 0, 0)


@pytest.mark.parametrize(
    ("key", "fields"), [("all", {}), ("group:team", {"group": "team"}), ("db", {"concurrency_key": "db"})]
)
async def test_a_limit_holds_and_says_who_is_in_the_way(
    graph: str, clock: VirtualClock, key: str, fields: dict[str, Any]
) -> None:
    desk = Desk()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=desk), clock) as scheduler:
        service = scheduler.service
        await service.set_limit(key, 2)
        ids = await scheduled(service, 5, **fields)
        clock.advance(MINUTE)
        ticking = asyncio.create_task(scheduler.tick())
        async with asyncio.timeout(60):
            while len(desk.begun) < 2 or (await service.list_limits())[0].waiting < 3:  # noqa: ASYNC110 (it works in its own time)
                await asyncio.sleep(0.01)
        assert (desk.begun, desk.most) == (["Task 0", "Task 1"], 2)
        (limit,) = await service.list_limits()
        assert (limit.slots, limit.taken, limit.waiting) == (2, 2, 3)
        assert [held.task_id for held in limit.holders] == ids[:2]
        waits = await service.get_task(ids[2])
        assert waits.wait_key == f"slot:{limit.key}"
        assert limit.holders[0].execution_id in (waits.wait_reason or "")

        with pytest.raises(LimitReached) as refused:
            await service.run_now(ids[4])
        assert refused.value.holders == ids[:2]
        forced = await service.run_now(ids[4], force=True)
        assert (await service.list_limits())[0].taken == 3
        desk.open.set()
        await ticking
        await scheduler.tick()
        assert (await service.get_execution(forced.execution_id)).status == "completed"
        assert len(await service.history()) == 6
        assert desk.begun[3:] == ["Task 2", "Task 3", "Task 4"]
        assert (await service.list_limits())[0].taken == 0


async def test_a_raised_limit_lets_those_run_that_wait(graph: str, clock: VirtualClock) -> None:
    desk = Desk()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=desk), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("db", 0)
        await scheduled(service, 3, concurrency_key="db")
        assert await scheduler.tick(MINUTE) == 0
        assert (await service.list_limits())[0].waiting == 3
        desk.open.set()
        await service.set_limit("db", None)
        await scheduler.tick()
        assert [run.status for run in await service.history()] == ["completed"] * 3


async def test_a_recount_frees_slots_of_what_is_gone(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("db", 1)
        store: Any = store_of(service)
        row = {"limit_key": "key:db", "ended": {}, "begun": ["exec_gone"]}
        await store._connection.write([Statement("release_slots", [row])])
        (task_id,) = await scheduled(service, 1, concurrency_key="db")
        await scheduler.tick(MINUTE)
        await scheduler.tick(MINUTE)
        assert [run.task_id for run in await service.history()] == [task_id]
        assert (await service.list_limits())[0].taken == 0


async def test_stray_slots_are_found_and_unused_limits_go(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await scheduled(service, 1, concurrency_key="unset")
        await scheduler.tick(MINUTE)
        await service.set_limit("db", 1)
        store: Any = store_of(service)
        row = {"limit_key": "key:db", "ended": {}, "begun": ["exec_gone"]}
        await store._connection.write([Statement("release_slots", [row])])

        (check,) = [each for each in await service.examine() if each.check == "limits"]
        assert (check.health, check.numbers["stray_slots"]) == ("warn", 1)
        assert "key:db" in check.saw
        store.limits._refreshed = 99
        await store.limits.refresh()
        (check,) = [each for each in await service.examine() if each.check == "limits"]
        assert check.health == "ok"
        assert [each.key for each in await service.list_limits()] == ["key:db"]


async def test_stray_slots_of_overlap_keys_are_found(graph: str, clock: VirtualClock) -> None:
    """The key that an attempt keeps which waits is not stray: `check` called it so, and a repair let others in."""
    later = {"backoff": "fixed", "delay": 3600, "jitter": "none"}

    async def fail(_firing: Firing) -> Failed:
        return Failed("No.")

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=fail), clock) as scheduler:
        service = scheduler.service
        await scheduled(service, 1, overlap="skip", overlap_key="door", retry=later, concurrency_key="db")
        await scheduler.tick(MINUTE)
        assert await taken(service) == {"key:db": 0, "overlap:door": 1}
        (check,) = [each for each in await service.examine() if each.check == "limits"]
        assert (check.health, check.numbers["stray_slots"]) == ("ok", 0)
        store: Any = store_of(service)
        row = {"limit_key": "overlap:other", "slots": 1, "wanted": ["exec_gone"], "force": True, "at_us": 0}
        await store._connection.write([Statement("take_slots", [row])])
        (check,) = [each for each in await service.examine() if each.check == "limits"]
        assert (check.health, check.numbers["stray_slots"]) == ("warn", 1)
    report = await check_graph(graph)
    assert [list(each.examples) for each in report.findings if each.part == "slot"] == [["overlap:other: exec_gone"]]
    repaired = await repair_graph(graph)
    assert list(repaired.after.findings) == []
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=fail), clock) as scheduler:
        assert (await taken(scheduler.service))["overlap:door"] == 1


async def taken(service: TaskSchedulerService) -> dict[str, int]:
    """Return how many slots of each limit are taken."""
    return {each.key: each.taken for each in await service.list_limits()}


async def test_a_task_that_waits_does_not_begin_early(graph: str, clock: VirtualClock) -> None:
    """The clock was set back while it waited: a slot that became free let it begin before its time."""
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.set_limit("db", 0)
        (task_id,) = await scheduled(service, 1, concurrency_key="db")
        begun = clock.now()
        await scheduler.tick(MINUTE)
        assert (await service.get_task(task_id)).wait_key == "slot:key:db"
        clock.set(begun - 5 * MINUTE)
        await service.set_limit("db", 1)
        await scheduler.tick()
        await scheduler.tick(5 * MINUTE)
        assert [run.status for run in await service.history(task_id)] == []
        await scheduler.tick(MINUTE)
        assert [run.status for run in await service.history(task_id)] == ["completed"]


@pytest.mark.parametrize(
    ("slots", "holders", "said"),
    [
        (1, ["task_a"], "The only slot of the limit key:db is taken by task_a;"),
        (2, ["task_a", "task_b"], "All 2 slots of the limit key:db are taken by task_a, task_b;"),
        (0, [], "No slot of the limit key:db is there;"),
    ],
)
def test_a_full_limit_is_told_in_whole_sentences(slots: int, holders: list[str], said: str) -> None:
    assert str(LimitReached("key:db", slots, holders)).startswith(said)


async def test_an_execution_that_is_lost_frees_its_slot(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        store = store_of(service)
        for on_lost in ("fail", "retry"):
            (task_id,) = await scheduled(service, 1, concurrency_key="db", on_lost=on_lost)
            clock.advance(MINUTE)
            dead = Lease("lease_dead", "replica_dead", clock.now())
            (due,) = await store.queue.due(clock.now(), 10)
            planned = await plan_page([due], PLAIN, PlanContext(to_ms(clock.now()), "replica_dead"))
            assert len(await store.queue.claim(planned.claims, dead)) == 1
            assert (await service.list_limits())[0].taken == 1
            await service.recover()
            await scheduler.tick()
            assert "failed" in {run.status for run in await service.history(task_id)}
            assert (await service.list_limits())[0].taken == 0


async def test_cancelling_a_running_task_frees_its_slot(graph: str, clock: VirtualClock) -> None:
    desk = Desk()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=desk), clock) as scheduler:
        service = scheduler.service
        first, second = await scheduled(service, 2, concurrency_key="db")
        clock.advance(MINUTE)
        ticking = asyncio.create_task(scheduler.tick())
        await asyncio.wait_for(desk.changed.wait(), 60)
        await service.cancel_task(first)
        desk.open.set()
        await ticking
        await scheduler.tick()
        assert [run.status for run in await service.history(second)] == ["completed"]
        assert (await service.list_limits())[0].taken == 0


@pytest.mark.neo4j
async def test_two_replicas_never_share_the_last_slot(neo4j_server: Server) -> None:
    running: dict[str, int] = {}
    most = 0

    async def note(firing: Firing) -> Done:
        nonlocal most
        running[firing.task.task_id] = 1
        most = max(most, len(running))
        await asyncio.sleep(0.01)
        del running[firing.task.task_id]
        return Done()

    services = [TaskSchedulerService(neo4j_server.graph, SystemTime(), handler=note) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for each in services:
            await stack.enter_async_context(each)
        await services[0].set_limit("db", 2)
        for number in range(30):
            await services[number % 2].schedule_task("Task", "goal", "prompt", "t", "in 1s", concurrency_key="db")
        async with asyncio.timeout(120):
            while len(await services[0].history(limit=100)) < 30 or running:  # noqa: ASYNC110 (they work in their own time)
                await asyncio.sleep(0.1)
        (limit,) = await services[0].list_limits()
        assert {run.status for run in await services[0].history(limit=100)} <= {"completed", "running"}
    assert 1 <= most <= 2
    assert limit.taken <= 2


@pytest.mark.parametrize("key", ["my db", "{name}", "group: garden", "100%", "key:", "x" * 41, "group:" + "x" * 41])
async def test_a_key_that_no_task_can_have_is_refused(service: TaskSchedulerService, key: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await service.set_limit(key, 2)
    assert refused.value.field == "key"
    await service.set_limit(str(refused.value.example), 2)


async def test_a_limit_holds_for_a_key_in_another_form(service: TaskSchedulerService) -> None:
    decomposed = unicodedata.normalize("NFD", "Café")
    assert (await service.set_limit(decomposed, 2)).key == "key:café"
    await service.set_limit("key:db:main", 2)
    made = await service.schedule_task("n", "g", "p", "t", "in 1h", concurrency_key=decomposed)
    assert (await service.get_task(made.task_id)).concurrency_key == "café"


@pytest.mark.parametrize("key", ["open:agent:OFFICE\\user", 'open:origin:a "thought"', "open:origin:" + "x" * 256])
async def test_a_limit_of_any_name_is_in_the_audit_log(graph: str, clock: VirtualClock, key: str) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        assert (await scheduler.service.set_limit(key, 3)).key == key
        (entry,) = await scheduler.service.audit_entries()
        assert entry.after == {"limit": key, "slots": 3, "rate": None}


async def test_overlap_keys_that_are_not_used_any_longer_go(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await scheduled(service, 3, overlap="skip")
        await scheduler.tick(MINUTE)
        count = "MATCH (l:concurrency_limit) RETURN count(l) AS n"
        assert await service.cypher(count) == [{"n": 3}]
        await service.set_limit("db", 1)
        store: Any = store_of(service)
        store.limits._refreshed = 99
        await store.limits.refresh()
        assert await service.cypher(count) == [{"n": 1}]
