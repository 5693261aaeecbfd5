"""Numbers that do not mislead: averages of what was measured, the truly most common, and no fault but the graph's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, Failed, InvalidInput, TaskSchedulerService
from remembrancer.ports.statistics import OTHER, mean_seconds
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Agent:
    """A service whose handler takes ten seconds, and answers what a task's name says."""

    def __init__(self, graph: str) -> None:
        self.clock = VirtualClock(START)
        self.service = TaskSchedulerService(graph, time_service=self.clock, handler=self.handle)
        self.by_hand = ManualScheduler(self.service, self.clock)

    async def handle(self, firing: Firing) -> Any:
        self.clock.advance(timedelta(seconds=10))
        match firing.task.name.partition(" "):
            case ("wait", _, _) if firing.task.deferral_count < 9:
                return Defer(self.clock.now() + HOUR, "The other side is away")
            case ("fail", _, why):
                return Failed(why)
            case _:
                return "done"

    async def run(self, name: str) -> None:
        """Have one task fire, and fire again as long as it is put off."""
        await self.service.schedule_task(name, "goal", "prompt", "thought", defer_until=self.clock.now())
        for _ in range(12):
            self.clock.advance(timedelta(minutes=61))
            await self.by_hand.tick()

    async def fail(self, *reasons: str) -> None:
        """Have a task fail for each reason, each in a commit of its own."""
        for reason in reasons:
            await self.service.schedule_task(
                f"fail {reason}", "goal", "prompt", "thought", defer_until=self.clock.now()
            )
            await self.by_hand.tick()


@pytest.fixture
async def agent(graph: str) -> AsyncIterator[Agent]:
    made = Agent(graph)
    async with made.by_hand:
        yield made


@pytest.fixture
async def embedded() -> AsyncIterator[Agent]:
    made = Agent(":memory:")
    async with made.by_hand:
        yield made


async def test_the_average_run_is_as_long_as_every_run(agent: Agent) -> None:
    await agent.run("wait")
    await agent.run("done")
    life = await agent.service._graph().statistics.lifetime()

    assert life.counts["executions_deferred"] == 9
    assert mean_seconds(life.counts) == pytest.approx(10.0)
    assert agent.service.get_status().metrics["avg_task_execution_time"] == pytest.approx(10.0)


def test_a_lost_run_has_no_part_in_the_average() -> None:
    counts = {"execution_seconds": 30.0, "executions_completed": 3, "executions_failed": 2, "executions_lost": 2}

    assert mean_seconds(counts) == 10.0
    assert mean_seconds({"executions_failed": 1, "executions_lost": 1}) == mean_seconds({}) == 0.0


async def test_a_newcomer_that_comes_often_is_the_most_common(embedded: Agent) -> None:
    rare = [f"Rare {number}" for number in range(80)]
    await embedded.fail(*rare, *rare, *["Common"] * 40)
    report = await embedded.service.telemetry.performance()
    window = await embedded.service._graph().statistics.window(START)

    assert report.error_analysis.most_common_error == "Common"
    assert 0 < window.failures["Common"] <= 40
    assert sum(window.failures.values()) == 200
    assert all(count <= 2 for text, count in window.failures.items() if text not in {"Common", OTHER})
    (executions, *_) = await embedded.service.examine()
    assert "most often: Common" in executions.saw


async def test_what_comes_in_turns_is_counted_as_well(embedded: Agent) -> None:
    await embedded.fail(*(reason for number in range(100) for reason in (f"Rare {number}", "Common")))
    window = await embedded.service._graph().statistics.window(START)

    assert window.failures["Common"] == 100
    assert window.failures[OTHER] == 100 - (len(window.failures) - 2)


async def test_many_texts_of_one_commit_hide_no_common_one(embedded: Agent) -> None:
    until = embedded.clock.now() + HOUR
    names = [f"Rare {number}" for number in range(150)] + ["Common"] * 50
    for reason in names:
        task = await embedded.service.schedule_task("n", "g", "p", "t", defer_until=until)
        await embedded.service.defer_task(task.task_id, until + HOUR, reason)
    patterns = (await embedded.service.telemetry.analytics()).deferral_patterns
    first, *_, last = patterns.common_deferral_reasons

    assert (first.reason, first.count) == ("Common", 50)
    assert last.reason == OTHER
    assert patterns.total_deferrals == 200


WRONG = [
    *("RETURN 1/0 AS x", "RETURN $missing", "RETURN 9223372036854775807 + 1 AS x", "MATCH", "RETURN nope(1)"),
    *("RETURN toInteger([])", "RETURN date('never')", "RETURN 1 + {a: 1} AS x", "UNWIND range(1, 3, 0) AS x RETURN x"),
    *("CREATE (:x)", "MATCH (n) RETURN n LIMIT -1", "CALL nope()", "", "RETURN 'a' + "),
]


async def test_a_wrong_question_is_the_callers_fault_alone(agent: Agent) -> None:
    for text in WRONG:
        with pytest.raises(InvalidInput):
            await agent.service.cypher(text)
    await agent.service.schedule_task("n", "g", "p", "t", defer_until=agent.clock.now() + HOUR)  # counts what waits
    life = await agent.service._graph().statistics.lifetime()
    database = (await agent.service.examine())[3]

    assert (life.counts["database_errors"], dict(life.errors)) == (0, {})
    assert database.health == "ok", database


async def test_hours_ahead_count_when_they_come(agent: Agent) -> None:
    agent.clock.set(START + timedelta(days=40))  # the clock is wrong
    await agent.fail("Too early")
    agent.clock.set(START)
    await agent.fail("In time")
    telemetry = agent.service.telemetry
    now = await telemetry.analytics("1d")
    executions = (await agent.service.examine())[0]
    agent.clock.set(START + timedelta(days=40, minutes=20))
    later = await telemetry.analytics("1d")

    assert now.execution_summary.failed_executions == 1
    assert "In time" in executions.saw
    assert (await telemetry.analytics("30d")).execution_summary.failed_executions == 1
    assert later.execution_summary.failed_executions == 1
