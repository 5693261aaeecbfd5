"""Lineages on each kind of graph: where tasks belong, how far handlers may schedule, and how a lineage is stopped."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import (
    InvalidInput,
    LineageLimitReached,
    ScheduleRequest,
    SchedulerOptions,
    TaskNotFound,
    TaskSchedulerService,
    TaskStatus,
)
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from remembrancer import Firing

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
EDGES = """
MATCH (t:scheduled_task)-[:SPAWNED_BY]->(e:task_execution)-[:EXECUTION_OF]->(p:scheduled_task)
RETURN t.name AS task, p.name AS parent ORDER BY task
"""


class Agent:
    """A service whose handler does what a test gives it, by the name of the task."""

    def __init__(self, graph: str, **options: Any) -> None:
        self.clock = VirtualClock(NOW)
        self.work: dict[str, Callable[[Firing], Any]] = {}
        self.faults: list[InvalidInput] = []
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle, options=SchedulerOptions(**options))

    async def handle(self, firing: Firing) -> None:
        if work := self.work.get(firing.task.name):
            try:
                await work(firing)
            except InvalidInput as fault:
                self.faults.append(fault)

    async def root(self, name: str = "root", **fields: Any) -> str:
        made = await self.service.schedule_task(name, "g", "p", "thought_root", in_="1h", **fields)
        return made.task_id

    async def fire(self, hours: int = 1) -> None:
        for _ in range(hours):
            self.clock.set(self.clock.now() + HOUR)
            await self.service.tick()
            await self.service.idle()

    async def child(self, name: str, **fields: Any) -> Any:
        return await self.service.schedule_task(name, "g", "p", "thought_other", in_="1h", **fields)


@pytest.fixture
async def agent(graph: str) -> AsyncIterator[Agent]:
    made = Agent(graph)
    await made.service.open()
    yield made
    await made.service.close()


@pytest.fixture
async def embedded() -> AsyncIterator[Agent]:
    made = Agent(":memory:")
    await made.service.open()
    yield made
    await made.service.close()


async def test_a_task_of_a_handler_belongs_to_the_lineage_of_its_task(agent: Agent) -> None:
    agent.work["root"] = lambda _: agent.child("child")
    agent.work["child"] = lambda _: agent.child("grandchild")
    root = await agent.root()
    await agent.fire(2)

    lineage = await agent.service.lineage("thought_root")
    child, grandchild = lineage.tasks[1:]

    assert [(each.name, each.generation) for each in lineage.tasks] == [("root", 0), ("child", 1), ("grandchild", 2)]
    assert (child.parent_id, grandchild.parent_id) == (root, child.task_id)
    assert (lineage.spawned, lineage.depth, lineage.open_tasks) == (2, 2, 1)
    assert await agent.service.lineage(grandchild.task_id) == lineage
    kept = await agent.service.get_task(grandchild.task_id)
    assert (kept.lineage_id, kept.origin_thought_id, kept.generation) == ("thought_root", "thought_other", 2)
    assert await agent.service.cypher(EDGES) == [
        {"task": "child", "parent": "root"},
        {"task": "grandchild", "parent": "child"},
    ]


async def test_a_task_from_outside_is_a_root_of_its_thought(agent: Agent) -> None:
    first, second = await agent.root("first"), await agent.root("second")

    lineage = await agent.service.lineage("thought_root")

    assert [each.task_id for each in lineage.tasks] == [first, second]
    assert {each.generation for each in lineage.tasks} == {0}
    with pytest.raises(TaskNotFound):
        await agent.service.lineage("thought_unknown")


async def test_the_origin_follows_what_a_handler_starts(embedded: Agent) -> None:
    async def work(_: Firing) -> None:
        await asyncio.gather(embedded.child("a"), asyncio.create_task(embedded.child("b")))
        await asyncio.to_thread(embedded.service.blocking.schedule_task, "c", "g", "p", "thought_other", in_="1h")

    embedded.work["root"] = work
    await embedded.root()
    await embedded.fire()

    assert {each.name for each in (await embedded.service.lineage("thought_root")).tasks} == {"root", "a", "b", "c"}


async def test_the_calls_of_a_firing_are_those_of_its_handler() -> None:
    def handler(firing: Firing) -> None:
        def spawn(name: str) -> None:
            firing.scheduler.schedule_task(name, "g", "p", "thought_other", in_="1h")

        if firing.task.name == "root":
            spawn("a")
            thread = threading.Thread(target=spawn, args=("b",))
            thread.start()
            thread.join()

    clock = VirtualClock(NOW)
    service = TaskSchedulerService(":memory:", clock, handler=handler)
    await service.open()
    await service.schedule_task("root", "g", "p", "thought_root", in_="1h")
    clock.set(NOW + HOUR)
    await service.tick()
    await service.idle()

    assert {each.name for each in (await service.lineage("thought_root")).tasks} == {"root", "a", "b"}
    await service.close()


async def test_a_reactivation_and_a_set_of_a_handler_belong_to_it(agent: Agent) -> None:
    async def work(_: Firing) -> None:
        await agent.service.schedule_deferred_task("thought_x", "their_task", NOW + 5 * HOUR, "Not yet")
        await agent.service.apply_set("reports", {"daily": {"trigger_prompt": "p", "cron": "0 9 * * *"}})

    agent.work["root"] = work
    root = await agent.root()
    await agent.fire()

    made = (await agent.service.lineage("thought_root")).tasks[1:]
    assert [each.parent_id for each in made] == [root, root]


async def test_a_lineage_ends_at_its_depth(agent: Agent) -> None:
    agent.work["root"] = agent.work["child"] = lambda _: agent.child("child")
    await agent.root(budget={"max_depth": 2})
    await agent.fire(4)

    (fault,) = agent.faults
    assert isinstance(fault, LineageLimitReached)
    assert (fault.limit, fault.lineage_id, fault.most, fault.value) == ("max_depth", "thought_root", 2, 3)
    assert "remembrancer budget set thought_root" in str(fault)
    assert (await agent.service.lineage("thought_root")).depth == 2


async def test_a_refusal_says_how_to_raise_the_bound(agent: Agent) -> None:
    """The thought is quoted for a shell, and the value is beyond the bound, whatever has ended since."""
    agent.work["root"] = lambda _: agent.child("child")
    await agent.service.schedule_task("root", "g", "p", "a thought", in_="1h", budget={"max_open_tasks": 0})
    await agent.fire()

    (fault,) = agent.faults
    assert "`remembrancer budget set 'a thought' --budget max_open_tasks=1` raises it" in str(fault)
    with pytest.raises(TaskNotFound, match="no thought with this id has tasks"):
        await agent.service.lineage("nothing")


async def test_siblings_at_once_do_not_go_beyond_the_fan_out(agent: Agent) -> None:
    async def work(_: Firing) -> None:
        made = await asyncio.gather(*(agent.child(f"{place}") for place in range(20)), return_exceptions=True)
        agent.faults += [each for each in made if isinstance(each, InvalidInput)]

    agent.work["root"] = work
    await agent.root(budget="max_fan_out=7")
    await agent.fire()

    assert len(agent.faults) == 13
    assert (await agent.service.lineage("thought_root")).spawned == 7


async def test_a_batch_is_admitted_as_a_whole_or_not_at_all(agent: Agent) -> None:
    async def work(_: Firing) -> None:
        requests = [ScheduleRequest(f"{place}", "g", "p", "t", NOW + 9 * HOUR) for place in range(3)]
        await agent.service.schedule_tasks(requests[:2])
        await agent.service.schedule_tasks(requests)

    agent.work["root"] = work
    await agent.root(budget={"max_fan_out": 4})
    await agent.fire()

    (fault,) = agent.faults
    assert fault.value == 5
    assert len((await agent.service.lineage("thought_root")).tasks) == 3


async def test_open_tasks_of_handlers_are_bounded(agent: Agent) -> None:
    async def work(firing: Firing) -> None:
        await agent.child(f"of {firing.task.name}")

    agent.work["first"] = agent.work["second"] = agent.work["third"] = work
    for name in ("first", "second", "third"):
        await agent.root(name, budget={"max_open_tasks": 2})
    await agent.fire()
    assert [fault.value for fault in agent.faults] == [3]

    await agent.fire()  # those two have run
    agent.work["fourth"] = work
    await agent.root("fourth")
    await agent.fire()
    assert len(agent.faults) == 1


async def test_the_settings_bound_lineages_without_a_budget(graph: str) -> None:
    agent = Agent(graph, lineage_max_fan_out=1)
    await agent.service.open()

    async def work(_: Firing) -> None:
        await agent.child("a")
        await agent.child("b")

    agent.work["root"] = work
    await agent.root()
    await agent.fire()
    assert [fault.value for fault in agent.faults] == [2]
    assert (await agent.service.lineage("thought_root")).budget == {"max_fan_out": 1}
    await agent.service.close()


@pytest.mark.neo4j
async def test_two_services_do_not_go_beyond_a_bound_together(neo4j_graph_twice: tuple[Agent, Agent]) -> None:
    one, two = neo4j_graph_twice

    async def spawn(agent: Agent, name: str) -> None:
        async def work(_: Firing) -> None:
            made = await asyncio.gather(*(agent.child(f"{name}{n}") for n in range(10)), return_exceptions=True)
            agent.faults += [each for each in made if isinstance(each, InvalidInput)]

        agent.work[name] = work
        task_id = await agent.root(name, budget={"max_open_tasks": 6})
        await agent.service.run_now(task_id)
        await agent.service.idle()

    await asyncio.gather(spawn(one, "a"), spawn(two, "b"))

    lineage = await one.service.lineage("thought_root")
    assert lineage.spawned == 6
    assert len(one.faults) + len(two.faults) == 14


@pytest.fixture
async def neo4j_graph_twice(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Agent, Agent]]:
    server = request.getfixturevalue("neo4j_server")
    pair = (Agent(server.graph), Agent(server.graph))
    for each in pair:
        await each.service.open()
    yield pair
    for each in pair:
        await each.service.close()


async def test_a_handler_sets_no_budget(embedded: Agent) -> None:
    async def work(firing: Firing) -> None:
        for act in (
            embedded.child("a", budget={"max_depth": 9}),
            embedded.service.set_budget("thought_root", {"max_depth": 9}),
            embedded.service.update_task(firing.task.task_id, budget={"max_depth": 9}),
        ):
            with pytest.raises(InvalidInput, match="set from outside"):
                await act
        await embedded.child("b")

    embedded.work["root"] = work
    await embedded.root(budget={"max_depth": 1})
    await embedded.fire()

    assert embedded.faults == []
    assert (await embedded.service.lineage("thought_root")).budget == {"max_depth": 1}


async def test_a_budget_is_changed_from_outside(agent: Agent) -> None:
    root = await agent.root(budget={"max_depth": 1, "max_fan_out": 3})

    changed = await agent.service.set_budget(root, {"max_depth": 4, "max_fan_out": None}, "More room")
    assert changed.budget == {"max_depth": 4}
    (entry,) = [each for each in await agent.service.audit_entries() if each.action == "set_budget"]
    assert (entry.reason, entry.thought_id) == ("More room", "thought_root")

    await agent.service.update_task(root, budget="max_open_tasks=5")
    assert (await agent.service.lineage(root)).budget == {"max_depth": 4, "max_open_tasks": 5}


@pytest.mark.parametrize(
    ("budget", "field"),
    [
        ({}, "budget"),
        ("max_depth", "budget"),
        ({"max_dept": 3}, "budget.max_dept"),
        ({"max_depth": -1}, "budget.max_depth"),
        ({"max_depth": 1.5}, "budget.max_depth"),
        ("max_depth=many", "budget.max_depth"),
    ],
)
async def test_a_wrong_budget_is_refused(embedded: Agent, budget: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await embedded.root(budget=budget)
    assert refused.value.field == field


async def test_a_stop_cancels_the_whole_tree(agent: Agent) -> None:
    agent.work["root"] = agent.work["child"] = lambda _: agent.child("child")
    await agent.root()
    other = await agent.root("other")
    await agent.fire(3)

    planned = await agent.service.stop_lineage("thought_root", dry_run=True)
    assert [each.name for each in planned.tasks] == ["child"]
    assert (await agent.service.get_task(planned.tasks[0].task_id)).is_open

    await agent.service.stop_lineage("thought_root", "Enough")
    lineage = await agent.service.lineage("thought_root")
    assert lineage.open_tasks == 0
    assert (await agent.service.get_task(other)).status is TaskStatus.COMPLETE


async def test_a_stop_of_a_task_leaves_its_siblings(agent: Agent) -> None:
    agent.work["left"] = lambda _: agent.child("of left")
    agent.work["right"] = lambda _: agent.child("of right")
    left, _ = await agent.root("left"), await agent.root("right")
    await agent.fire()

    await agent.service.stop_lineage(left)
    assert {each.name: each.status for each in (await agent.service.lineage(left)).tasks} == {
        "left": TaskStatus.COMPLETE,
        "right": TaskStatus.COMPLETE,
        "of left": TaskStatus.CANCELLED,
        "of right": TaskStatus.PENDING,
    }


async def test_a_handler_of_a_cancelled_task_schedules_nothing_more(agent: Agent) -> None:
    async def work(_: Firing) -> None:
        try:
            await agent.service.stop_lineage("thought_root")
            await asyncio.sleep(60)
        finally:
            await agent.child("late")

    agent.work["root"] = work
    await agent.root()
    await agent.fire()

    assert [each.name for each in (await agent.service.lineage("thought_root")).tasks] == ["root"]
    assert [fault.field for fault in agent.faults] == ["execution_id"]


async def test_open_lineages_are_listed_with_what_is_spent(agent: Agent) -> None:
    async def plan(_: Firing) -> None:
        for name in ("a", "b"):
            await agent.service.schedule_task(name, "g", "p", "any", in_="2h")

    assert await agent.service.lineages() == []
    await agent.service.schedule_task("alone", "g", "p", "thought_alone", in_="9h")
    await agent.service.schedule_task("bound", "g", "p", "thought_bound", in_="9h", budget={"runs": 7})
    agent.work["root"] = plan
    root = await agent.root(budget="runs=5,max_depth=3")
    await agent.fire()
    grown, bound = await agent.service.lineages()
    assert (grown.lineage_id, grown.open_tasks, grown.generation) == ("thought_root", 2, 1)
    assert (grown.spent["runs"], grown.left["runs"], grown.budget["max_depth"]) == (1, 4, 3)
    assert (bound.lineage_id, bound.open_tasks, bound.generation, bound.left) == ("thought_bound", 1, 0, {"runs": 7})
    assert [each.lineage_id for each in await agent.service.lineages(1)] == ["thought_root"]
    assert grown.spent == (await agent.service.lineage(root)).spent
    await agent.service.stop_lineage("thought_root")
    assert [each.lineage_id for each in await agent.service.lineages()] == ["thought_bound"]
