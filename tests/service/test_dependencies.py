"""Tasks that depend on others: what they wait for, what lets them run, and what they are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import (
    Ask,
    Defer,
    Dependency,
    Every,
    Failed,
    InvalidInput,
    OnFailure,
    ScheduleRequest,
    TaskSchedulerService,
    chain,
)
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing, HandlerReturn, ScheduledTask, ScheduleResult

START = datetime(2026, 3, 2, 0, 0, 30, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Agent:
    """A scheduler with a clock of its own, a handler that fails where it is told to, and what it was given."""

    def __init__(self, graph: str) -> None:
        self.clock = VirtualClock(START)
        self.fired: list[str] = []
        self.given: dict[str, list[tuple[str, str, str | None]]] = {}
        self.answers: dict[str, HandlerReturn] = {}
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.scheduler = ManualScheduler(self.service, self.clock)

    async def handle(self, firing: Firing) -> HandlerReturn:
        self.fired.append(firing.task.name)
        self.given[firing.task.name] = [(each.name, each.status, each.result) for each in firing.dependencies]
        return self.answers.get(firing.task.name, f"result of {firing.task.name}")

    def request(self, name: str, **fields: Any) -> ScheduleRequest:
        when = {} if fields.keys() & {"schedule", "schedule_cron", "defer_until"} else {"defer_until": "in 1m"}
        return ScheduleRequest(name, "g", "p", "t", **when, **fields)

    async def make(self, *requests: ScheduleRequest) -> list[ScheduleResult]:
        return await self.service.schedule_tasks(list(requests))

    async def pass_by(self, time: timedelta, step: timedelta = MINUTE) -> None:
        """Let time pass, and all that follows from it."""
        for _ in range(int(time / step)):
            await self.scheduler.tick(step)
            for _ in range(3):
                await self.scheduler.tick()

    async def get(self, task: ScheduledTask) -> ScheduledTask:
        return await self.service.get_task(task.task_id)

    async def outcomes(self, task: ScheduledTask) -> list[tuple[str, str | None]]:
        return [(each.status, each.reason_code) for each in await self.service.history(task.task_id)]


@pytest.fixture
async def agent(graph: str) -> AsyncIterator[Agent]:
    agent = Agent(graph)
    async with agent.scheduler:
        yield agent


async def test_a_chain_runs_in_order_and_hands_on_results(agent: Agent) -> None:
    requests = [agent.request(each) for each in ("extract", "load a", "load b", "report")]
    made = await agent.make(*chain(requests[0], requests[1:3], requests[3]))
    await agent.pass_by(2 * MINUTE)
    assert (agent.fired[0], agent.fired[-1]) == ("extract", "report")
    assert sorted(agent.fired) == ["extract", "load a", "load b", "report"]
    assert sorted(agent.given["report"]) == [
        ("load a", "completed", "result of load a"),
        ("load b", "completed", "result of load b"),
    ]
    assert {(await agent.get(each)).status for each in made} == {"COMPLETE"}
    assert await agent.service.blocked_tasks() == []


async def test_a_failure_blocks_down_to_its_root(agent: Agent) -> None:
    agent.answers["a"] = Failed("The file is missing.")
    a, b, c = await agent.make(*chain(*map(agent.request, "abc")))
    await agent.pass_by(2 * MINUTE)
    assert agent.fired == ["a"]
    blocked = {each.name: each for each in await agent.service.blocked_tasks()}
    assert blocked.keys() == {"b", "c"}
    assert [step.name for step in blocked["c"].path] == ["b", "a"]
    assert "The file is missing." in blocked["b"].reason
    assert blocked["c"].path[-1].status == "FAILED"
    (letter,) = await agent.service.dead_letters()
    assert all(f"dead-letter run {letter.dead_letter_id}" in each.unblock[0] for each in blocked.values())
    assert blocked["b"].waits_since == blocked["b"].nominal_at
    related = await agent.service.task_dependencies(b.task_id)
    assert ([each.name for each in related.depends_on], [each.name for each in related.dependents]) == (["a"], ["c"])
    await agent.service.update_task(b.task_id, depends_on=[])
    await agent.pass_by(MINUTE)
    assert agent.fired == ["a", "b", "c"]
    assert (await agent.get(a)).status == "FAILED"
    assert (await agent.get(c)).wait_key is None


async def test_a_failure_cancels_or_is_ignored_as_asked(agent: Agent) -> None:
    agent.answers["root"] = Failed("No.")
    _, cancelled, after, ignoring = await agent.make(
        agent.request("root"),
        agent.request("cancelled", depends_on=["root:cancel"]),
        agent.request("after", depends_on=[Dependency("cancelled", OnFailure.CANCEL)]),
        agent.request("ignoring", depends_on=[{"task": "root", "on_failure": "ignore"}]),
    )
    await agent.pass_by(2 * MINUTE)
    assert agent.fired == ["root", "ignoring"]
    assert [(await agent.get(each)).status for each in (cancelled, after)] == ["CANCELLED", "CANCELLED"]
    assert await agent.outcomes(cancelled) == [("cancelled", "dependency_failed")]
    (execution,) = await agent.service.history(after.task_id)
    assert "ended as cancelled (dependency_failed)" in (execution.reason or "")
    assert (await agent.get(ignoring)).status == "COMPLETE"
    assert agent.given["ignoring"] == [("root", "failed", None)]


@pytest.mark.parametrize(
    ("rule", "runs"), [("all_succeeded", False), ("any_succeeded", True), ("all_done", True), ("none_failed", False)]
)
async def test_a_trigger_rule_says_which_outcomes_suffice(agent: Agent, rule: str, runs: bool) -> None:  # noqa: FBT001
    agent.answers["bad"] = Failed("No.")
    *_, last = await agent.make(
        agent.request("good"),
        agent.request("bad"),
        agent.request("last", depends_on=["good", "bad"], trigger_rule=rule),
    )
    await agent.pass_by(2 * MINUTE)
    assert ("last" in agent.fired) is runs
    assert (await agent.get(last)).is_open is not runs


async def test_a_daily_task_joins_the_hours_of_its_day(agent: Agent) -> None:
    """The daily task runs after that day's 24 hourly ones, however late the last of them is."""
    _, daily = await agent.make(
        agent.request("hourly", schedule_cron="0 * * * *"),
        agent.request("daily", schedule_cron="0 0 * * *", depends_on=["hourly"]),
    )
    await agent.pass_by(timedelta(hours=23), 30 * MINUTE)
    assert agent.fired == ["hourly"] * 23
    agent.answers["hourly"] = Defer("in 10m", "The numbers are not in yet.")
    await agent.pass_by(HOUR, 30 * MINUTE)
    assert (await agent.get(daily)).wait_reason is not None
    del agent.answers["hourly"]
    await agent.pass_by(15 * MINUTE, 5 * MINUTE)
    assert agent.fired == ["hourly"] * 25 + ["daily"]
    assert len(agent.given["daily"]) == 24
    (execution,) = await agent.service.history(daily.task_id)
    assert (execution.status, execution.nominal_at.day) == ("completed", 3)


async def test_a_question_of_the_root_is_named(agent: Agent) -> None:
    agent.answers["a"] = Ask("Which file?")
    await agent.make(*chain(*map(agent.request, "ab")))
    await agent.pass_by(2 * MINUTE)
    (blocked,) = await agent.service.blocked_tasks()
    assert blocked.path[-1].reason == "It waits for an answer to: Which file?"
    assert blocked.unblock[0].startswith("Answer the question of a (")


async def test_a_failed_hour_of_another_day_does_not_block(agent: Agent) -> None:
    """A task blocked for a day runs on the next one: the day that was blocked is missed, with the reason."""
    agent.answers["hourly"] = Failed("No.")
    _, daily = await agent.make(
        agent.request("hourly", schedule_cron="0 * * * *"),
        agent.request("daily", schedule_cron="0 0 * * *", depends_on=["hourly"]),
    )
    await agent.pass_by(timedelta(hours=2), HOUR)
    del agent.answers["hourly"]
    await agent.pass_by(timedelta(hours=22), HOUR)
    (blocked,) = await agent.service.blocked_tasks()
    assert (blocked.name, blocked.waits_since) == ("daily", datetime(2026, 3, 3, tzinfo=UTC) + timedelta(seconds=30))
    await agent.pass_by(timedelta(hours=24), HOUR)
    assert await agent.outcomes(daily) == [("completed", None), ("missed", "dependency_unmet")]


async def test_a_manual_run_mends_a_failure(agent: Agent) -> None:
    agent.answers["hourly"] = Failed("No.")
    hourly, daily = await agent.make(
        agent.request("hourly", schedule=Every("12h")),
        agent.request("daily", schedule_cron="0 0 * * *", depends_on=["hourly"]),
    )
    await agent.pass_by(timedelta(hours=24), HOUR)
    assert (await agent.get(daily)).wait_key == f"task:{hourly.task_id}"
    del agent.answers["hourly"]
    await agent.service.run_now(hourly.task_id)
    await agent.service.idle()
    await agent.pass_by(MINUTE)
    assert await agent.outcomes(daily) == [("completed", None)]


async def test_a_delay_counts_from_the_last_outcome(agent: Agent) -> None:
    _, last = await agent.make(
        agent.request("first"), agent.request("last", depends_on=[{"task": "first", "delay": "10m"}])
    )
    await agent.pass_by(10 * MINUTE)
    assert agent.fired == ["first"]
    assert "10m" not in (waits := (await agent.get(last)).wait_reason or "")
    assert "2026-03-02T00:11:30" in waits
    await agent.pass_by(MINUTE)
    assert agent.fired == ["first", "last"]


async def test_a_task_that_waited_is_not_late(agent: Agent) -> None:
    """With `misfire` of `skip`, the time for which it waits does not make an occurrence late."""
    await agent.make(
        agent.request("slow", schedule_cron="0 1 * * *"),
        agent.request("last", schedule_cron="0 0 * * *", misfire="skip", depends_on=["slow"]),
    )
    agent.answers["slow"] = Defer("in 2h", "Later.")
    await agent.pass_by(timedelta(hours=24), 30 * MINUTE)
    assert "last" not in agent.fired
    del agent.answers["slow"]
    await agent.pass_by(timedelta(hours=2), 30 * MINUTE)
    assert agent.fired[-1] == "last"


async def test_circles_are_refused_with_their_path(agent: Agent) -> None:
    a, b, c = await agent.make(*chain(*map(agent.request, "abc")))
    with pytest.raises(InvalidInput) as refused:
        await agent.service.update_task(a.task_id, depends_on=[c.task_id])
    path = " -> ".join(f"{each.name} ({each.task_id})" for each in (a, c, b, a))
    assert path in refused.value.allowed
    with pytest.raises(InvalidInput, match=r"x .* -> y .* -> x"):
        await agent.make(agent.request("x", depends_on=["y"]), agent.request("y", depends_on=["x"]))
    with pytest.raises(InvalidInput, match=r"a .* -> a"):
        await agent.service.update_task(a.task_id, depends_on=[a.task_id])
    assert (await agent.get(a)).depends_on == ()
    assert len(await agent.service.find_tasks()) == 3
    (edges,) = await agent.service.cypher("MATCH ()-[d:DEPENDS_ON]->() RETURN count(d) AS edges")
    assert edges["edges"] == 2


async def test_an_ended_task_closes_no_circle(agent: Agent) -> None:
    a, b = await agent.make(*chain(*map(agent.request, "ab")))
    await agent.service.cancel_task(b.task_id)
    changed = await agent.service.update_task(a.task_id, depends_on=[b.task_id])
    assert [each.task for each in changed.depends_on] == [b.task_id]


async def test_a_follower_is_part_of_a_circle(agent: Agent) -> None:
    source = (await agent.make(agent.request("source", schedule=Every("1h"))))[0]
    follower = (await agent.make(agent.request("follower", schedule={"kind": "after", "task_id": source.task_id})))[0]
    with pytest.raises(InvalidInput, match=r"source .* -> follower .* -> source"):
        await agent.service.update_task(source.task_id, depends_on=[follower.task_id])


async def test_names_that_are_wrong_are_refused(agent: Agent) -> None:
    twins = [agent.request("twin"), agent.request("twin"), agent.request("third", depends_on=["twin"])]
    for wrong, message in (
        ([agent.request("a", depends_on=["nowhere"])], "the key of a task in this graph"),
        (twins, "several of this call have this name"),
        ([agent.request("a", depends_on=[{"task": "b", "on_failure": "explode"}])], "block | ignore | cancel"),
        ([agent.request("a", depends_on=[{"task": "b", "delai": "1m"}])], "delay"),
        ([agent.request("b"), agent.request("a", depends_on=[{"task": "b", "delay": "soon"}])], "length of time"),
        ([agent.request("b"), agent.request("a", depends_on=["b", "b:ignore"])], "each task once"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await agent.make(*wrong)
        assert message in str(refused.value)
    assert await agent.service.find_tasks() == []


@pytest.mark.parametrize("dry_run", [True, False])
async def test_the_cancellation_of_many_dependencies_warns(agent: Agent, dry_run: bool) -> None:  # noqa: FBT001
    first = [agent.request("a", tags=["old"]), agent.request("b", tags=["old"], depends_on=["a"])]
    await agent.make(*first, agent.request("c", depends_on=["b:cancel"]))
    done = await agent.service.cancel_tasks(tags=["old"], dry_run=dry_run)
    (warned,) = done.warnings  # b ends with a
    assert warned.startswith("c (")
    assert warned.endswith(") depends on the cancelled task: it is cancelled when it is due.")


async def test_the_cancellation_of_a_dependency_warns(agent: Agent) -> None:
    a, b, _ = await agent.make(
        agent.request("a"), agent.request("b", depends_on=["a"]), agent.request("c", depends_on=["a:cancel"])
    )
    done = await agent.service.cancel(a.task_id)
    assert [each.split(" depends")[0].split()[0] for each in done.warnings] == ["b", "c"]
    (again,) = await agent.make(agent.request("d", depends_on=[a.task_id]))
    assert again.warnings == [f"It depends on a ({a.task_id}), which has ended as CANCELLED: it is blocked."]
    await agent.pass_by(2 * MINUTE)
    assert (await agent.get(b)).wait_key == f"task:{a.task_id}"


async def test_outcomes_that_are_still_needed_are_not_pruned(agent: Agent) -> None:
    hourly, weekly = await agent.make(
        agent.request("hourly", schedule=Every("6h")),
        agent.request("weekly", schedule_cron="0 0 * * 1", depends_on=["hourly"]),
    )
    await agent.pass_by(timedelta(days=5), timedelta(hours=6))
    await agent.service.prune(0.0)
    await agent.pass_by(timedelta(days=2), timedelta(hours=6))
    assert len(agent.given["weekly"]) == 27
    assert await agent.outcomes(weekly) == [("completed", None)]
    await agent.service.prune(0.0)
    left = await agent.service.history(hourly.task_id)
    assert len(left) <= 2


async def test_a_blocked_task_runs_when_a_person_says_so(agent: Agent) -> None:
    agent.answers["a"] = Failed("No.")
    _, b = await agent.make(*chain(*map(agent.request, "ab")))
    await agent.pass_by(2 * MINUTE)
    await agent.service.run_now(b.task_id)
    await agent.service.idle()
    assert agent.fired == ["a", "b"]
    assert agent.given["b"] == [("a", "failed", None)]
