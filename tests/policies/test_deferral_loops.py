"""Loops of deferrals: refused at the write that would close one, with the path."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from remembrancer import InvalidInput, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


class Agent:
    """An agent that defers, in each run, the next of the tasks that it is told."""

    def __init__(self, graph: str, clock: VirtualClock, *deferring: str) -> None:
        self.deferring = list(deferring)
        self.service = TaskSchedulerService(graph, clock, handler=self.handle)
        self.by_hand = ManualScheduler(self.service, clock)
        self.refused: list[str] = []
        self.resumed: list[str] = []

    async def handle(self, firing: Firing) -> None:
        self.resumed.append(firing.task.deferred_task_id or firing.task.task_id)
        if not self.deferring:
            return
        try:
            await self.service.schedule_deferred_task("thought", self.deferring.pop(0), MINUTE, "Not yet")
        except InvalidInput as error:
            self.refused.append(str(error))

    async def play(self, first: str | None = "a") -> str:
        """Defer the first task, or schedule one, and follow it while anything comes; return its id."""
        if first is None:
            task = await self.service.schedule_task("Task", "goal", "prompt", "thought", MINUTE)
            self.deferring = [each or task.task_id for each in self.deferring]
        else:
            task = await self.service.schedule_deferred_task("thought", first, MINUTE, "Later")
        for _ in range(6):
            await self.by_hand.tick(MINUTE)
        return task.task_id


async def test_a_loop_is_refused_with_its_path(graph: str, clock: VirtualClock) -> None:
    agent = Agent(graph, clock, "b", "c", "a")
    async with agent.by_hand:
        await agent.play()
        reactivations = await agent.service.cypher(
            "MATCH (t:scheduled_task {deferred_task_id: $id}) RETURN t.task_id AS id", {"id": "a"}
        )

    assert agent.resumed == ["a", "b", "c"]
    (refused,) = agent.refused
    assert "a > b > c > a" in refused
    assert len(reactivations) == 1, "nothing was written"


async def test_a_scheduled_task_in_a_loop_is_refused(graph: str, clock: VirtualClock) -> None:
    agent = Agent(graph, clock, "b", "")
    async with agent.by_hand:
        task_id = await agent.play(None)

    (refused,) = agent.refused
    assert f"{task_id} > b > {task_id}" in refused


async def test_a_chain_without_a_loop_goes_on(graph: str, clock: VirtualClock) -> None:
    agent = Agent(graph, clock, "b", "c", "d")
    async with agent.by_hand:
        await agent.play()

    assert (agent.refused, agent.resumed) == ([], ["a", "b", "c", "d"])


async def test_a_run_is_told_to_defer_itself_by_its_answer(graph: str, clock: VirtualClock) -> None:
    agent = Agent(graph, clock, "a")
    async with agent.by_hand:
        await agent.play()

    (refused,) = agent.refused
    assert "loop" not in refused
    assert "runs right now" in refused


async def test_a_caller_outside_of_a_run_closes_no_loop(graph: str, clock: VirtualClock) -> None:
    agent = Agent(graph, clock, "b")
    async with agent.by_hand:
        await agent.play()
        await agent.service.schedule_deferred_task("thought", "a", MINUTE, "Again")

    assert agent.refused == []
