"""The books of a graph say what a recount of its nodes says, in every hour and for each type of task."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from remembrancer import Defer, Failed, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.ports.filters import TaskPageQuery
from remembrancer.ports.statistics import ON_TIME_MS, OTHER
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.ports.statistics import Statistics

START = datetime(2026, 3, 2, 9, 40, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NAMES = ("good", "bad", "worse", "wait")
HOUR = timedelta(hours=1)


class Agent:
    """Schedules, changes and fires tasks on one graph, whose handler does what a task's name says."""

    def __init__(self, graph: str) -> None:
        self.clock = VirtualClock(START)
        self.service = TaskSchedulerService(graph, time_service=self.clock, handler=self.handle)
        self.by_hand = ManualScheduler(self.service, self.clock)
        self.refused = 0

    async def handle(self, firing: Firing) -> Any:
        name = firing.task.name
        if name == "wait" and firing.task.deferral_count < 3:
            return Defer(self.clock.now() + timedelta(minutes=25), f"Because {firing.task.deferral_count}")
        if name in {"bad", "worse"}:
            return Failed(f"It went {name}\nand more")
        return "done"

    async def act(self, step: tuple[str, int]) -> None:
        """Do one step: what, and with which of the tasks."""
        what, which = step
        tasks = sorted(task.task_id for task in await self.service.get_scheduled_tasks())
        match what:
            case "once":
                await self.schedule(which, defer_until=self.clock.now() + timedelta(minutes=which))
            case "cron":
                await self.schedule(
                    which, schedule_cron=f"*/{20 + which % 2} * * * *", misfire=["skip", "run_all"][which % 2]
                )
            case "refused":
                with pytest.raises(InvalidInput):
                    await self.schedule(which, schedule_cron="never")
                self.refused += 1
            case "pass" | "unseen":
                await self.wait(timedelta(minutes=17 * which), seen=what == "pass")
            case "cancel" if tasks:
                await self.service.cancel_task(tasks[which % len(tasks)])
            case "run" if tasks:
                await self.service.run_now(tasks[which % len(tasks)])
                await self.service.idle()
            case "defer" if tasks:
                until = self.clock.now() + timedelta(days=1, minutes=which)
                await self.service.defer_task(tasks[which % len(tasks)], until, f"Reason {which % 3}")
            case _:
                return

    async def wait(self, by: timedelta, *, seen: bool) -> None:
        """Let time go by, with or without a loop that ticks."""
        self.clock.advance(by)
        if seen:
            await self.by_hand.tick()

    async def schedule(self, which: int, **choices: Any) -> None:
        await self.service.schedule_task(NAMES[which % 4], "goal", "prompt", "thought", **choices)

    @property
    def statistics(self) -> Statistics:
        return self.service._graph().statistics


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["once", "once", "cron", "refused", "pass", "pass", "unseen", "cancel", "run", "defer"]),
        st.integers(0, 11),
    ),
    min_size=4,
    max_size=18,
)


async def balance(agent: Agent) -> None:
    """Compare the books with a recount, over all, of each type, and of the last hour alone."""
    nodes = {label: await nodes_of(agent, label) for label in ("scheduled_task", "task_execution", "task_deferral")}
    this_hour = agent.clock.now().replace(minute=0, second=0, microsecond=0)
    for since in (LONG_AGO, this_hour):
        for kind in (None, *TaskType):
            window = await agent.statistics.window(since, kind)
            recounted = recount(nodes, kind, since)
            assert {name: window.counts[name] for name in recounted.counts} == pytest.approx(recounted.counts)
            assert (window.failures, window.reasons) == (recounted.failures, recounted.reasons)
            assert window.longest_delay_ms == recounted.longest_delay_ms
            assert sum(window.delays) == window.counts["triggers"]
    await balance_of_life(agent, nodes["scheduled_task"])


async def balance_of_life(agent: Agent, tasks: list[dict[str, Any]]) -> None:
    life = await agent.statistics.lifetime()
    hours = await agent.statistics.window(LONG_AGO)
    assert {name: life.counts[name] for name in hours.counts} == pytest.approx(hours.counts)
    assert life.counts["recurring_created"] == sum(task["task_type"] == "recurring" for task in tasks)
    still_open = [task for task in tasks if task["status"] in {"PENDING", "ACTIVE"}]
    pending = life.counts["tasks_created"] - life.counts["tasks_begun"]
    assert pending == sum(task["status"] == "PENDING" for task in still_open)
    crons = Counter(task["schedule_cron"] for task in still_open if task.get("schedule_cron"))
    assert {use.expression: use.tasks for use in await agent.statistics.cron_usage(100)} == crons
    most = max((task["deferral_count"] for task in tasks), default=0)
    assert (life.most_deferred or (0, ""))[0] == most
    for status in TaskStatus:
        for kind in TaskType:
            listed = await agent.service._graph().tasks.page(TaskPageQuery(status, kind, 1000))
            ids = sorted((t["task_id"] for t in tasks if (t["status"], t["task_type"]) == (status, kind)), reverse=True)
            assert [task.task_id for task in listed] == ids


async def nodes_of(agent: Agent, label: str) -> list[dict[str, Any]]:
    return [row["n"] for row in await agent.service.cypher(f"MATCH (n:{label}) RETURN n")]  # type: ignore[misc]


class Recount:
    """What the nodes themselves say."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = dict.fromkeys(
            ["tasks_created", "deferrals", "triggers", "triggers_on_time", "trigger_delay_ms", "executions_started",
             "cron_triggers", "executions_completed", "executions_failed", "executions_deferred", "execution_seconds",
             "occurrences_dropped", "occurrences_missed"], 0)  # fmt: skip
        self.failures: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.longest_delay_ms = 0


def recount(nodes: dict[str, list[dict[str, Any]]], kind: TaskType | None, since: datetime) -> Recount:
    found = Recount()
    types = {task["task_id"]: task["task_type"] for task in nodes["scheduled_task"]}
    for task in nodes["scheduled_task"]:
        found.counts["tasks_created"] += kind in {None, task["task_type"]} and task["created_at"] >= since
    for deferral in nodes["task_deferral"]:
        if kind in {None, types[deferral["task_id"]]} and deferral["deferred_at"] >= since:
            found.counts["deferrals"] += 1
            found.reasons[deferral["reason"]] += 1
    for execution in nodes["task_execution"]:
        if kind in {None, types[execution["task_id"]]}:
            recount_execution(found, execution, since)
    return found


def recount_execution(found: Recount, execution: dict[str, Any], since: datetime) -> None:
    counts, status = found.counts, execution["status"]
    ran = status in {"running", "completed", "failed"} or execution.get("reason_code") == "deferred_by_handler"
    if execution["triggered_at"] >= since:
        counts["executions_started"] += ran
        counts["cron_triggers"] += ran and execution["execution_type"] == "cron_trigger"
        counts["occurrences_dropped"] += 0 if ran else execution["occurrences"]
        counts["occurrences_missed"] += execution["occurrences"] if status == "missed" else 0
        if (delay := execution.get("trigger_delay_ms")) is not None:
            counts["triggers"] += 1
            counts["triggers_on_time"] += delay <= ON_TIME_MS
            counts["trigger_delay_ms"] += delay
            found.longest_delay_ms = max(found.longest_delay_ms, delay)
    if ran and status != "running" and execution["completed_at"] >= since:
        counts[f"executions_{status}"] += 1
        counts["execution_seconds"] += execution["duration_seconds"]
        if status == "failed":
            found.failures[execution["reason"].splitlines()[0]] += 1


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_the_books_equal_a_recount_whatever_was_done(steps: list[tuple[str, int]]) -> None:
    async def live() -> None:
        agent = Agent(":memory:")
        async with agent.by_hand:
            for step in steps:
                await agent.act(step)
            await balance(agent)

    asyncio.run(live())


async def test_the_books_survive_those_who_keep_them(graph: str) -> None:
    refused = 0
    for steps in (
        [("cron", 1), ("once", 2), ("once", 1), ("refused", 0), ("pass", 3)],
        [("cron", 2), ("once", 3), ("pass", 2)],
    ):
        agent = Agent(graph)
        agent.clock.advance(timedelta(hours=2) if refused else timedelta(0))
        async with agent.by_hand:
            for step in steps:
                await agent.act(step)
            await balance(agent)
            refused += agent.refused
    async with agent.by_hand:
        await balance(agent)

        life = await agent.statistics.lifetime()
        assert life.counts["cron_refused"] == refused == 1
        assert life.errors["Invalid cron expression"] == 1


async def test_rare_texts_of_an_hour_give_way_to_common_ones() -> None:
    agent = Agent(":memory:")
    async with agent.by_hand:
        task = await agent.service.schedule_task("good", "goal", "prompt", "thought", schedule_cron="0 0 1 1 *")
        for number in range(200):
            reason = "Every other time" if number % 2 else f"Only once, {number}"
            await agent.service.defer_task(task.task_id, datetime(2028, 1, 1, tzinfo=UTC) + number * HOUR, reason)

        reasons = (await agent.statistics.window(START)).reasons
        assert reasons["Every other time"] == 100
        assert sum(reasons.values()) == 200
        assert reasons[OTHER] == 200 - 100 - (len(reasons) - 2)
        assert len(reasons) <= 65


@pytest.mark.neo4j
@pytest.mark.parametrize("hours_stay", [True, False])
async def test_counters_of_a_restored_graph_continue_from_its_state(neo4j_server: Server, *, hours_stay: bool) -> None:
    agent = Agent(neo4j_server.graph)
    async with agent.by_hand:
        for step in [("cron", 1), ("once", 2), ("once", 1), ("pass", 3)]:
            await agent.act(step)
        neo4j_server.run("MATCH (n) WHERE n:scheduled_task OR n:task_execution OR n:cron_expression DETACH DELETE n")
        neo4j_server.run("MATCH (n:lifetime_statistics) DELETE n")
        if not hours_stay:
            neo4j_server.run("MATCH (n:hourly_statistics) DELETE n")
        before = await agent.statistics.window(LONG_AGO)
        await agent.schedule(2, defer_until=agent.clock.now() + HOUR)

        life, hours = await agent.statistics.lifetime(), await agent.statistics.window(LONG_AGO)
        assert {name: count for name, count in life.counts.items() if count} == {"tasks_created": 1}
        assert hours.counts == {**before.counts, "tasks_created": before.counts["tasks_created"] + 1}
        assert (before.counts["tasks_created"] > 0) == hours_stay
