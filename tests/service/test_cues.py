"""Cues: an occurrence for each new match of a query over the graph."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import AnyOf, Cue, Defer, EventKind, Every, InvalidInput, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing, ScheduledTask, ScheduleResult

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WORRIES = """
MATCH (n:thought) WHERE n.thought_id STARTS WITH $prefix
RETURN n.thought_id AS match, n.recorded_by AS by ORDER BY match
"""
LIT = "MATCH (t:scheduled_task) WHERE t.goal_description = 'lit' RETURN t.name AS match ORDER BY match"
MANY = "UNWIND range(1, $many) AS n RETURN n AS match"


class Agent:
    """A scheduler with a clock of its own, and the matches that its handler was given."""

    def __init__(self, graph: str = ":memory:") -> None:
        self.clock = VirtualClock(START)
        self.fired: list[Any] = []
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.scheduler = ManualScheduler(self.service, self.clock)
        self.defers: list[str] = []

    async def handle(self, firing: Firing) -> Defer | None:
        if firing.execution.cause == "cue":
            self.fired.append((firing.execution.cause_detail or {}).get("match"))
            if self.defers:
                return Defer(self.defers.pop(), "Not now.")
        return None

    async def cue(self, cypher: str, **fields: Any) -> ScheduleResult:
        return await self.task("cue", schedule=Cue(cypher, **fields))

    async def task(self, name: str, thought: str = "t", goal: str = "g", **fields: Any) -> ScheduleResult:
        fields.setdefault("schedule_cron", None if "schedule" in fields else "0 0 1 1 *")
        return await self.service.schedule_task(name, goal, "p", thought, **fields)

    async def get(self, task: ScheduledTask) -> ScheduledTask:
        return await self.service.get_task(task.task_id)

    async def pass_by(self, minutes: int = 1) -> None:
        for _ in range(minutes):
            await self.scheduler.tick(MINUTE)

    async def light(self, lamp: ScheduledTask, goal: str) -> None:
        await self.service.update_task(lamp.task_id, goal_description=goal)


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    async with agent.scheduler:
        yield agent


async def test_a_cue_fires_once_for_each_new_match(graph: str) -> None:
    agent = Agent(graph)
    async with agent.scheduler:
        await agent.task("first", "worry_1")
        cue = await agent.cue(WORRIES, parameters={"prefix": "worry_"})
        assert (cue.next_run_ms, cue.next_fires) == (None, [])
        await agent.pass_by(3)
        await agent.task("second", "worry_2")
        await agent.task("third", "joy_1")
        await agent.pass_by(3)
        assert agent.fired == ["worry_1", "worry_2"]
        newest, oldest = await agent.service.history(task_id=cue.task_id)
        assert (newest.cause, newest.cause_detail) == ("cue", {"match": "worry_2", "by": "remembrancer"})
        assert (oldest.cause_detail or {})["match"] == "worry_1"
        (row,) = await agent.service.cypher(
            "MATCH (e:task_execution {execution_id: $id}) RETURN e.cause AS cause, e.cause_detail AS detail",
            {"id": newest.execution_id},
        )
        assert (row["cause"], "worry_2" in str(row["detail"])) == ("cue", True)
        kept = await agent.get(cue)
        assert (kept.status, kept.next_run_ms, kept.check_error) == ("ACTIVE", None, None)


async def test_a_match_that_went_and_comes_back_fires_again(agent: Agent) -> None:
    lamp = await agent.task("lamp", goal="dark")
    await agent.cue(LIT)
    for goal in ("lit", "lit", "dark", "lit", "lit"):
        await agent.light(lamp, goal)
        await agent.pass_by(2)
    assert agent.fired == ["lamp", "lamp"]


async def test_a_cue_can_ignore_what_is_there_at_first(agent: Agent) -> None:
    await agent.task("old", goal="lit")
    await agent.cue(LIT, existing="ignore")
    await agent.pass_by(2)
    await agent.task("new", goal="lit")
    await agent.pass_by(2)
    assert agent.fired == ["new"]


async def test_a_row_without_a_match_column_is_told_by_its_values(agent: Agent) -> None:
    lamp = await agent.task("lamp", goal="dark")
    query = "MATCH (t:scheduled_task {name: 'lamp'}) RETURN t.goal_description AS goal, t.created_at AS at, t"
    cue = await agent.cue(query)
    await agent.pass_by(2)
    await agent.light(lamp, "lit")
    await agent.pass_by(2)
    details = [each.cause_detail or {} for each in await agent.service.history(task_id=cue.task_id)]
    assert [each["goal"] for each in details] == ["lit", "dark"]
    assert (details[0]["at"], details[0]["t"]["name"]) == ("2026-03-02T09:00:00Z", "lamp")


async def test_a_cue_looks_at_its_own_pace(agent: Agent) -> None:
    lamp = await agent.task("lamp", goal="dark")
    await agent.cue(LIT, every="10m")
    await agent.pass_by(1)
    await agent.light(lamp, "lit")
    await agent.pass_by(8)
    assert agent.fired == []
    await agent.pass_by(3)
    assert agent.fired == ["lamp"]


async def test_a_query_knows_the_check_before(agent: Agent) -> None:
    cue = await agent.cue(
        "MATCH (t:scheduled_task) WHERE t.created_at >= $last_check AND t.created_at <= $now "
        "AND t.task_id <> $task_id RETURN t.name AS match"
    )
    await agent.task("first")
    await agent.pass_by(2)
    await agent.task("second")
    await agent.pass_by(4)
    assert agent.fired == ["first", "second"]
    assert (await agent.get(cue)).check_error is None


async def test_a_cue_survives_a_restart_of_its_scheduler(graph: str) -> None:
    agent = Agent(graph)
    async with agent.scheduler:
        await agent.task("one", goal="lit")
        await agent.cue(LIT, every="1h")
        await agent.pass_by(1)
    again = Agent(graph)
    again.clock.advance(timedelta(minutes=2))
    async with again.scheduler:
        await again.task("two", goal="lit")
        await again.pass_by(1)
    assert (agent.fired, again.fired) == (["one"], ["two"])


async def test_two_replicas_fire_each_match_once(graph: str) -> None:
    if not graph.startswith(("bolt", "neo4j")):
        pytest.skip("an embedded graph has one scheduler")
    one, other = Agent(graph), Agent(graph)
    async with one.scheduler, other.scheduler:
        cue = await one.cue(MANY, parameters={"many": 40}, every="1s")
        for _ in range(6):
            await asyncio.gather(one.pass_by(1), other.pass_by(1))
        assert sorted([*one.fired, *other.fired]) == list(range(1, 41))
        changes = await one.service.history(task_id=cue.task_id, limit=100)
        assert len(changes) == 40


async def test_a_pause_holds_matches_until_it_ends(agent: Agent) -> None:
    lamp = await agent.task("lamp", goal="dark")
    cue = await agent.cue(LIT)
    await agent.service.pause_task(cue.task_id)
    await agent.light(lamp, "lit")
    await agent.pass_by(3)
    assert agent.fired == []
    await agent.service.resume_task(cue.task_id)
    await agent.pass_by(1)
    assert agent.fired == ["lamp"]


async def test_a_deferred_cue_loses_no_match(agent: Agent) -> None:
    await agent.task("one", goal="lit")
    cue = await agent.cue(LIT)
    agent.defers.append("in 1h")
    await agent.pass_by(1)
    await agent.task("two", goal="lit")
    await agent.pass_by(30)
    assert agent.fired == ["one"]
    await agent.pass_by(40)
    assert agent.fired == ["one", "two"]
    kinds = [each.execution_type for each in await agent.service.history(task_id=cue.task_id)]
    assert sorted(kinds) == ["cron_trigger", "cron_trigger", "deferred_trigger"]
    assert (await agent.get(cue)).is_open


async def test_a_cancelled_cue_is_asked_no_more(agent: Agent) -> None:
    cue = await agent.cue(LIT)
    await agent.pass_by(1)
    await agent.service.cancel_task(cue.task_id)
    await agent.task("late", goal="lit")
    await agent.pass_by(3)
    ended = await agent.get(cue)
    assert (agent.fired, ended.status, ended.check_at_ms) == ([], "CANCELLED", None)


@pytest.mark.parametrize(
    ("value", "field", "words"),
    [
        (Cue("MATCH (n"), "cypher", "says"),
        (Cue("CREATE (n:thought) RETURN n"), "cypher", "only reads"),
        (Cue("RETURN $missing AS m"), "cypher", "missing"),
        (Cue(""), "cypher", "Cypher"),
        (Cue("RETURN 1 AS match", every="10ms"), "every", "length"),
        (Cue("RETURN 1 AS match", every="0s"), "every", "1s"),
        (Cue("RETURN 1 AS match", existing="later"), "existing", "ignore"),
        (Cue("RETURN 1 AS match", {"now": 1}), "parameters", "a check gives"),
        (Cue("RETURN 1 AS match", {"at": START}), "parameters", "JSON"),
        (Cue("UNWIND range(1, 1001) AS n RETURN n"), "cypher", "1,000 rows"),
        (Cue("RETURN [n IN range(1, 3000) | n] AS match"), "cypher", "characters"),
        (AnyOf((Cue("RETURN 1 AS match"), Every("1h"))), "schedules", "by itself"),
        ({"kind": "cue"}, "schedule", "needed: cypher"),
    ],
)
async def test_a_wrong_cue_is_refused_with_why(graph: str, value: Any, field: str, words: str) -> None:
    agent = Agent(graph)
    async with agent.scheduler:
        with pytest.raises(InvalidInput) as refused:
            await agent.task("cue", schedule=value)
        assert refused.value.field == field
        assert words in f"{refused.value.value} {refused.value.allowed}"
        assert await agent.service.find_tasks() == []


async def test_a_long_text_is_cut_to_fit_a_detail(agent: Agent) -> None:
    cue = await agent.cue("RETURN $text AS text, 7 AS match", parameters={"text": "x" * 5000})
    await agent.pass_by(2)
    (run,) = await agent.service.history(task_id=cue.task_id)
    detail = run.cause_detail or {}
    assert (detail["match"], len(str(detail["text"])), str(detail["text"])[-1]) == (7, 1000, "…")


async def test_a_query_that_fails_later_is_shown_and_stops_nothing(agent: Agent) -> None:
    bad = await agent.cue("MATCH (t:scheduled_task) WHERE t.goal_description = 'lit' RETURN range(1, 3000) AS many")
    good = await agent.cue(LIT)
    await agent.pass_by(1)
    lamp = await agent.task("lamp", goal="lit")
    await agent.pass_by(2)
    assert agent.fired == ["lamp"]
    failed = await agent.get(bad)
    assert failed.is_open
    assert "characters" in (failed.check_error or "")
    assert (await agent.get(good)).check_error is None
    page = await agent.service.read_events("0", kinds=[EventKind.CHECK_FAILED])
    assert [(each.task_id, each.reason) for each in page.events] == [(bad.task_id, failed.check_error)]
    (check,) = [each for each in await agent.service.examine() if each.check == "cron"]
    assert (check.health, bad.task_id in check.saw) == ("warn", True)
    await agent.light(lamp, "dark")
    await agent.pass_by(20)
    assert (await agent.get(bad)).check_error is None


async def test_a_failing_query_is_tried_ever_more_seldom(agent: Agent) -> None:
    asked: list[str] = []
    agent_store = agent.service._graph()
    matches = agent_store.watches.matches

    async def counted(cypher: str, parameters: Any, task_id: str | None = None) -> Any:
        if task_id:
            asked.append(task_id)
        return await matches(cypher, parameters, task_id)

    agent_store.watches.matches = counted
    await agent.task("lamp", goal="dark")
    await agent.cue("MATCH (t:scheduled_task {goal_description: 'lit'}) RETURN range(1, 100000) AS many")
    await agent.task("lamp", goal="lit")
    await agent.pass_by(64)
    assert 4 <= len(asked) <= 8


async def test_an_update_of_a_cue_takes_effect_at_once(agent: Agent) -> None:
    await agent.task("one", goal="lit")
    await agent.task("two", goal="glowing")
    cue = await agent.cue(LIT, every="1d")
    await agent.pass_by(1)
    both = LIT.replace("= 'lit'", "IN ['lit', 'glowing']")
    await agent.service.update_task(cue.task_id, schedule=Cue(both, every="1m"))
    await agent.pass_by(1)
    assert agent.fired == ["one", "two"]
    await agent.service.update_task(cue.task_id, schedule=Cue("RETURN 1 AS match", existing="ignore"))
    await agent.pass_by(3)
    assert agent.fired == ["one", "two"]
    with pytest.raises(InvalidInput, match="cypher"):
        await agent.service.update_task(cue.task_id, schedule=Cue("RETURN x"))
    regular = await agent.service.update_task(cue.task_id, schedule=Every("1h"))
    assert (regular.check_at_ms, regular.watch, len(regular.next_fires)) == (None, None, 5)
    again = await agent.service.update_task(cue.task_id, schedule=Cue(both, existing="ignore"))
    assert (again.next_fires, again.check_at_ms is None) == ([], False)
    await agent.pass_by(3)
    assert agent.fired == ["one", "two"]


async def test_a_check_without_news_writes_nothing(agent: Agent) -> None:
    await agent.cue(MANY, parameters={"many": 3})
    await agent.pass_by(2)
    before = len((await agent.service.read_events("0", limit=1000)).events)
    connection: Any = agent.service._graph().tasks._connection  # type: ignore[attr-defined]
    written, write = [], connection.write

    async def counted(statements: Any) -> Any:
        written.extend(each.name for each in statements)
        return await write(statements)

    connection.write = counted
    await agent.pass_by(5)
    assert [each for each in written if each not in {"unlink_times", "link_times"}] == []
    assert len((await agent.service.read_events("0", limit=1000)).events) == before


async def test_a_declared_cue_is_tried_before_it_is_written(agent: Agent) -> None:
    declared = {"a": {"trigger_prompt": "p", "cue": LIT}, "b": {"trigger_prompt": "p", "cue": {"cypher": "MATCH (n"}}}
    with pytest.raises(InvalidInput) as refused:
        await agent.service.apply_set("lamps", declared)
    assert refused.value.field == "tasks.b.cypher"
    assert await agent.service.find_tasks() == []
    del declared["b"]
    first = await agent.service.apply_set("lamps", declared)
    again = await agent.service.apply_set("lamps", declared)
    assert [each.tasks[0].action for each in (first, again)] == ["created", "unchanged"]
    await agent.task("lamp", goal="lit")
    await agent.pass_by(2)
    assert agent.fired == ["lamp"]


async def test_a_declared_follower_of_no_task_is_refused(agent: Agent) -> None:
    declared = {"a": {"trigger_prompt": "p", "schedule": {"kind": "after", "task_id": "task_none"}}}
    with pytest.raises(InvalidInput, match="task_id"):
        await agent.service.apply_set("lamps", declared)
    assert await agent.service.find_tasks() == []


async def test_a_check_without_cues_asks_nothing_more(agent: Agent) -> None:
    connection: Any = agent.service._graph().tasks._connection  # type: ignore[attr-defined]
    asked, read = [], connection.read

    async def counted(text: str, parameters: Any) -> Any:
        asked.append(text)
        return await read(text, parameters)

    await agent.service._process.running_scheduler().react()
    connection.read = counted
    await agent.service._process.running_scheduler().react()
    assert [each.split("\n")[0] for each in asked] == ["MATCH (t:scheduled_task)"]
    assert connection._apart is None
