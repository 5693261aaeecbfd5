"""A task that waits leaves the due index and keeps its place; every other write of it ends its wait."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remembrancer import Defer, Done, TaskSchedulerService
from remembrancer.model.timestamps import to_ms
from remembrancer.policies import pipeline
from remembrancer.policies.decision import Park
from remembrancer.ports.waits import NewWait
from remembrancer.stores.rows.node_rows import task_properties
from remembrancer.testing import ManualScheduler
from remembrancer_schema.catalog import queries, query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import pytest

    from remembrancer import Firing, ScheduledTask
    from remembrancer.policies.decision import PlanContext, Situation
    from remembrancer.ports.graph import Graph
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)
OPEN_KEY, PREFIX = "shop:open", "shop:"
BY_ROWS = {
    "claim_executions",
    "claim_limited",
    "record_outcomes",
    "edit_tasks",
    "rearm_tasks",
    "add_reactions",
    "create_tasks",
}
"""Writes whose rows hold the properties that change, the end of a wait among them."""
OF_KEYS = {"set_derived", "disarm_unreadable", "skip_unreadable"}
"""Writes that derive the key from the other properties, or touch nothing else."""


class Shop:
    """A policy: a task called *Shop* waits while the shop is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.closed = True
        self.asked = 0
        monkeypatch.setattr(pipeline, "POLICIES", (self, *pipeline.POLICIES))

    def __call__(self, task: ScheduledTask, _situation: Situation, _context: PlanContext) -> Park | None:
        self.asked += 1
        return Park(OPEN_KEY, "The shop is closed.") if self.closed and task.name.startswith("Shop") else None


def store_of(scheduler: ManualScheduler) -> Graph:
    service: Any = scheduler.service
    store: Graph = service._process.store
    return store


async def scheduled(scheduler: ManualScheduler, name: str = "Shop") -> str:
    task = await scheduler.service.schedule_task(name, "goal", "prompt", "thought", schedule_cron="* * * * *")
    return task.task_id


async def parked(scheduler: ManualScheduler, name: str = "Shop") -> ScheduledTask:
    """Return a task that waits since the present minute."""
    task_id = await scheduled(scheduler, name)
    await scheduler.tick(MINUTE)
    task = await scheduler.service.get_task(task_id)
    assert task.wait_key == OPEN_KEY
    return task


async def due_now(scheduler: ManualScheduler) -> int:
    return len(await store_of(scheduler).queue.due(scheduler.clock.now(), 10))


async def test_a_task_that_waits_is_not_due_and_keeps_its_place(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(monkeypatch)
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await parked(scheduler)
        assert task.next_run_ms == task.nominal_ms == to_ms(clock.now())
        assert (task.waits_since_ms, task.wait_reason) == (to_ms(clock.now()), "The shop is closed.")
        asked = shop.asked
        assert await scheduler.tick() == 0
        assert shop.asked == asked

        assert [each.task_id for each in await scheduler.service.find_tasks()] == [task.task_id]
        assert await due_now(scheduler) == 0
        (row,) = await scheduler.service.cypher(query("waits"), {"limit": 10})
        assert (row["task_id"], row["waits_for"], row["reason"]) == (task.task_id, OPEN_KEY, "The shop is closed.")


async def test_woken_tasks_are_due_again_the_first_ones_first(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(monkeypatch)
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        first = await parked(scheduler, "Shop 1")
        second = await parked(scheduler, "Shop 2")
        waits = store_of(scheduler).waits
        assert [each.task_id for each in await waits.first(OPEN_KEY, 5)] == [first.task_id, second.task_id]
        assert await waits.first(PREFIX, 5) == []

        assert await waits.wake(OPEN_KEY, 1) == 1
        woken = await scheduler.service.get_task(first.task_id)
        assert (woken.wait_key, woken.waits_since_ms, woken.wait_reason) == (None, None, None)
        assert woken.next_run_ms == first.next_run_ms
        shop.closed = False
        assert await waits.wake(OPEN_KEY) == 1
        assert await waits.wake(OPEN_KEY) == 0
        await scheduler.tick()
        assert {run.task_id for run in await scheduler.service.history()} == {first.task_id, second.task_id}


async def test_the_sweep_asks_again_without_a_wake(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(monkeypatch)
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        task = await parked(scheduler)
        since_ms = task.waits_since_ms
        await scheduler.tick(timedelta(minutes=2))
        still = await scheduler.service.get_task(task.task_id)
        assert (still.waits_since_ms, still.fence) == (since_ms, task.fence)
        shop.closed = False
        await scheduler.tick(timedelta(minutes=2))
        assert (await scheduler.service.get_task(task.task_id)).wait_key is None
        assert [run.status for run in await scheduler.service.history(task.task_id)][:1] == ["completed"]


async def test_each_change_of_a_task_ends_its_wait(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Shop(monkeypatch)
    service = TaskSchedulerService(graph, clock)
    later = timedelta(hours=1)
    changes: dict[str, Callable[[str], Awaitable[object]]] = {
        "edited": lambda task_id: service.update_task(task_id, name="Else"),
        "moved": lambda task_id: service.update_task(task_id, schedule_cron="0 0 1 1 *"),
        "deferred": lambda task_id: service.defer_task(task_id, clock.now() + later, "not yet"),
        "paused": service.pause_task,
        "paused for a time": lambda task_id: service.pause_task(task_id, until=clock.now() + later),
        "cancelled": service.cancel_task,
        "set aside": lambda task_id: store_of(scheduler).tasks.quarantine(task_id, "odd", clock.now()),
    }
    async with ManualScheduler(service, clock) as scheduler:
        for name, change in changes.items():
            task = await parked(scheduler, f"Shop {name}")
            await change(task.task_id)
            after = await service.get_task(task.task_id)
            assert (after.wait_key, after.waits_since_ms, after.wait_reason) == (None, None, None), name
            (row,) = await service.cypher(
                "MATCH (t:scheduled_task {task_id: $id}) RETURN t.due_key AS due_key, t.wait_index_key AS wait_index",
                {"id": task.task_id},
            )
            assert row == {"due_key": task_properties(after)["due_key"], "wait_index": None}, name


async def test_a_deferral_by_a_handler_ends_the_wait(graph: str, clock: VirtualClock) -> None:
    async def put_off(firing: Firing) -> Defer:
        task = await scheduler.service.get_task(firing.task.task_id)
        wait = NewWait(task, OPEN_KEY, "The shop is closed.", to_ms(clock.now()))
        assert await store_of(scheduler).waits.park([wait]) == [True]
        return Defer(clock.now() + timedelta(hours=2), "later")

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=put_off), clock) as scheduler:
        task_id = await scheduled(scheduler)
        await scheduler.tick(MINUTE)
        after = await scheduler.service.get_task(task_id)
        assert (after.deferral_count, after.wait_key) == (1, None)


async def test_a_parked_task_can_still_be_run_by_hand(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Shop(monkeypatch)
    ran: list[str] = []

    async def note(firing: Firing) -> Done:
        ran.append(firing.task.task_id)
        return Done()

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=note), clock) as scheduler:
        task = await parked(scheduler)
        await scheduler.service.run_now(task.task_id)
        await scheduler.tick()
        assert ran == [task.task_id]
        assert (await scheduler.service.get_task(task.task_id)).wait_key == OPEN_KEY


def armed_writes() -> Iterator[str]:
    for each in queries().values():
        if "$rows" in each.text and ("t.due_key =" in each.text.partition("SET")[2] or "t += r.task" in each.text):
            yield each.name


def test_every_write_of_a_due_key_ends_the_wait() -> None:
    found = set(armed_writes())
    assert {"cancel_tasks", "defer_tasks", "arm_next_checks", *BY_ROWS - {"create_tasks"}} <= found
    for name in found - BY_ROWS - OF_KEYS - {"park_tasks"}:
        assert "t.wait_index_key = null" in queries()[name].text, name
