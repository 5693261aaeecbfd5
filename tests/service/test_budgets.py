"""Budgets on each kind of graph: what runs reserve and use, never more than there is, whatever ends in between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import (
    Defer,
    Done,
    ExecutionStatus,
    InvalidInput,
    LineageLimitReached,
    Reason,
    SchedulerOptions,
    TaskSchedulerService,
    TaskStatus,
    Usage,
)
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.claims import claim_of
from remembrancer.policies.decision import PLAIN, PlanContext
from remembrancer.policies.pipeline import plan
from remembrancer.ports.writes import Lease
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from remembrancer import Firing
    from remembrancer.model.budget import Budget

    Work = Callable[["Agent", Firing], Awaitable[Any]]

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAITING = {"runs": 1, "on_exhausted": "wait"}


async def rest(_: Agent, __: Firing) -> None:
    """Do nothing, and use nothing."""


class Agent:
    """A service driven by hand, with one handler for all tasks."""

    def __init__(self, graph: str, work: Work = rest, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock(NOW)
        self.work = work
        self.runs: list[str] = []
        options = SchedulerOptions(check_interval_seconds=0.5)
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle, options=options)

    async def handle(self, firing: Firing) -> Any:
        self.runs.append(firing.execution.execution_id)
        return await self.work(self, firing)

    async def schedule(self, name: str = "root", **fields: Any) -> str:
        when = {} if fields.keys() & {"schedule_cron", "in_"} else {"in_": "1m"}
        return (await self.service.schedule_task(name, "g", "p", "thought_root", **{**when, **fields})).task_id

    async def pass_time(self, minutes: int = 1) -> None:
        for _ in range(minutes):
            self.clock.set(self.clock.now() + MINUTE)
            await self.settle()

    async def settle(self) -> None:
        while await self.service.tick():
            await self.service.idle()
        await self.service.idle()

    async def account(self) -> tuple[Budget, Budget, Budget]:
        """Return what is spent, reserved and left; together they are what there is."""
        lineage = await self.service.lineage("thought_root")
        for name in ("runs", "tokens"):
            if isinstance(cap := lineage.budget.get(name), int):
                parts = [each.get(name, 0) for each in (lineage.spent, lineage.reserved, lineage.left)]
                assert sum(part for part in parts if isinstance(part, int)) == cap
        return lineage.spent, lineage.reserved, lineage.left

    async def lose_a_run(self, task_id: str) -> bool:
        """Claim a task that is due as a replica would that dies of it; return whether the claim was won."""
        store = self.service._graph()
        context = PlanContext(to_ms(self.clock.now()), "replica_dead")
        task = await store.tasks.get(task_id)
        claim = claim_of(task, plan(task, PLAIN, context), context)
        assert claim is not None
        dead = Lease(new_id("lease", context.now_ms), "replica_dead", self.clock.now() - timedelta(seconds=1))
        return bool(await store.queue.claim([claim], dead))


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


async def test_runs_end_with_their_budget(agent: Agent) -> None:
    task_id = await agent.schedule(schedule_cron="* * * * *", budget={"runs": 3})
    await agent.pass_time(5)

    assert len(agent.runs) == 3
    assert (await agent.account())[2] == {"runs": 0}
    skipped = [each for each in await agent.service.history(task_id) if each.status is ExecutionStatus.SKIPPED]
    assert {each.reason_code for each in skipped} == {Reason.BUDGET_EXHAUSTED}
    assert "runs=3, of which 3 are spent" in str(skipped[0].reason)
    assert (await agent.service.get_task(task_id)).is_open


async def test_an_occurrence_waits_until_the_budget_is_raised(agent: Agent) -> None:
    task_id = await agent.schedule(schedule_cron="* * * * *", budget=WAITING)
    await agent.pass_time(2)
    waiting = await agent.service.get_task(task_id)
    assert (len(agent.runs), waiting.wait_key) == (1, "budget:thought_root")

    await agent.service.set_budget("thought_root", "runs=2")
    await agent.settle()
    assert len(agent.runs) == 2
    assert all(each.status is ExecutionStatus.COMPLETED for each in await agent.service.history(task_id))


async def test_tokens_are_reserved_and_the_rest_comes_back(agent: Agent) -> None:
    held: list[Budget] = []

    async def work(agent: Agent, firing: Firing) -> None:
        held.append((await agent.account())[1])
        firing.spend(tokens=300, money="0.25")
        firing.spend(tokens=100)

    agent.work = work
    await agent.schedule(budget="tokens=1e4,money=2.50", estimate="tokens=1000,money=1")
    await agent.pass_time()

    spent, reserved, left = await agent.account()
    assert held == [{"runs": 1, "tokens": 1000, "money": "1.00"}]
    assert spent == {"runs": 1, "tokens": 400, "money": "0.25"}
    assert reserved == {"runs": 0, "tokens": 0, "money": "0.00"}
    assert left == {"tokens": 9600, "money": "2.25"}


async def test_the_answer_of_a_handler_says_what_it_used(embedded: Agent) -> None:
    async def work(_: Agent, __: Firing) -> Done:
        return Done(usage=Usage(tokens=70, money="0.000001"))

    embedded.work = work
    await embedded.schedule(budget={"tokens": 100}, estimate={"tokens": 80})
    await embedded.pass_time()
    assert (await embedded.account())[0] == {"runs": 1, "tokens": 70, "money": "0.000001"}


async def test_a_run_that_reports_nothing_has_used_its_estimate(embedded: Agent) -> None:
    await embedded.schedule(budget={"tokens": 100}, estimate={"tokens": 80})
    await embedded.pass_time()
    assert (await embedded.account())[0]["tokens"] == 80


async def test_a_run_that_fails_is_charged_with_what_it_used(embedded: Agent) -> None:
    async def work(_: Agent, firing: Firing) -> None:
        firing.spend(tokens=5)
        raise RuntimeError

    embedded.work = work
    await embedded.schedule(budget={"tokens": 100}, estimate={"tokens": 80})
    await embedded.pass_time()
    assert (await embedded.account())[0] == {"runs": 1, "tokens": 5, "money": "0.00"}


async def test_a_deferred_run_comes_back(agent: Agent) -> None:
    async def work(agent: Agent, firing: Firing) -> Defer | None:
        firing.spend(tokens=1)
        return Defer(agent.clock.now() + MINUTE, "Not yet") if len(agent.runs) < 3 else None

    agent.work = work
    await agent.schedule(budget={"runs": 1, "tokens": 10}, estimate={"tokens": 4})
    await agent.pass_time(5)

    assert len(agent.runs) == 3
    assert (await agent.account())[0] == {"runs": 1, "tokens": 3, "money": "0.00"}


async def test_a_lost_run_is_spent_and_given_back_never(agent: Agent) -> None:
    task_id = await agent.schedule(budget={"runs": 2, "tokens": 100}, estimate={"tokens": 30})
    agent.clock.set(NOW + MINUTE)
    assert await agent.lose_a_run(task_id)
    assert (await agent.account())[1] == {"runs": 1, "tokens": 30, "money": "0.00"}

    for _ in range(2):
        await agent.service.recover()
        await agent.service.idle()
        spent, reserved, _ = await agent.account()
        assert (spent["runs"], spent["tokens"], reserved["runs"], reserved["tokens"]) == (1, 30, 0, 0)


@pytest.mark.parametrize("runs", [1, 2])
async def test_another_attempt_needs_a_run_of_its_own(agent: Agent, runs: int) -> None:
    task_id = await agent.schedule(budget={"runs": runs}, on_lost="retry")
    agent.clock.set(NOW + MINUTE)
    assert await agent.lose_a_run(task_id)
    await agent.service.recover()
    await agent.service.idle()

    assert len(agent.runs) == runs - 1
    assert (await agent.account())[0]["runs"] == runs
    task = await agent.service.get_task(task_id)
    assert task.status is (TaskStatus.COMPLETE if runs > 1 else TaskStatus.FAILED)
    (lost,) = [each for each in await agent.service.history(task_id) if each.attempt == 1]
    assert (lost.status, lost.reason_code) == (ExecutionStatus.FAILED, Reason.LEASE_EXPIRED)


async def test_an_attempt_after_a_failure_waits_for_a_run(agent: Agent) -> None:
    async def work(agent: Agent, _: Firing) -> None:
        if len(agent.runs) == 1:
            raise RuntimeError

    agent.work = work
    task_id = await agent.schedule(budget={"runs": 1}, retry={"backoff": "fixed", "delay": "1m"})
    await agent.pass_time(4)
    assert (len(agent.runs), (await agent.account())[0]["runs"]) == (1, 1)
    (failed,) = await agent.service.history(task_id)
    assert failed.retry_due_ms == to_ms(agent.clock.now()) + 500  # looked at again once a check interval
    assert await agent.service.tick() == 0

    await agent.service.set_budget("thought_root", "runs=2")
    await agent.pass_time()
    assert (len(agent.runs), (await agent.account())[0]["runs"]) == (2, 2)
    assert (await agent.service.get_task(task_id)).status is TaskStatus.COMPLETE


async def test_a_run_by_hand_is_refused_with_nothing_left(agent: Agent) -> None:
    task_id = await agent.schedule(schedule_cron="0 0 1 1 *", budget={"runs": 1})
    await agent.service.run_now(task_id)
    await agent.service.idle()

    with pytest.raises(LineageLimitReached) as refused:
        await agent.service.run_now(task_id)
    assert (refused.value.limit, refused.value.value) == ("runs", 2)
    assert "remembrancer budget set thought_root --budget runs=2" in str(refused.value)


async def test_a_budget_holds_for_tasks_that_are_there(agent: Agent) -> None:
    async def work(agent: Agent, firing: Firing) -> None:
        if firing.task.name == "root":
            await agent.schedule("child", schedule_cron="* * * * *")

    agent.work = work
    await agent.schedule()
    other = await agent.schedule("other", schedule_cron="* * * * *")
    await agent.pass_time()
    before = len(agent.runs)

    await agent.service.set_budget("thought_root", {"runs": 3})
    await agent.pass_time(4)
    assert len(agent.runs) - before == 3
    assert (await agent.service.get_task(other)).budget_id == "thought_root"


async def test_a_cap_below_what_is_spent_lets_nothing_begin(embedded: Agent) -> None:
    await embedded.schedule(schedule_cron="* * * * *", budget={"runs": 9})
    await embedded.pass_time(3)
    await embedded.service.set_budget("thought_root", {"runs": 1})
    await embedded.pass_time(2)
    assert len(embedded.runs) == 3
    assert (await embedded.account())[2] == {"runs": -2}


def writing_routines(chance: Random) -> Work:
    """Return a handler that schedules further tasks, uses some tokens, fails, defers, or does none of it."""

    async def work(agent: Agent, firing: Firing) -> Defer | None:
        count = chance.randrange(4)
        made = [
            agent.schedule(f"{firing.task.name}.{n}", estimate={"tokens": chance.randrange(20)}) for n in range(count)
        ]
        await asyncio.gather(*made, return_exceptions=True)
        if chance.random() < 0.5:
            firing.spend(tokens=chance.randrange(1 + int((firing.task.estimate or {}).get("tokens") or 0)))
        if (end := chance.random()) < 0.2:
            raise RuntimeError
        return Defer(agent.clock.now() + MINUTE, "Later") if end < 0.4 else None

    return work


@pytest.mark.parametrize("seed", range(4))
async def test_a_routine_that_writes_routines_stops_at_its_cap(graph: str, seed: int) -> None:
    chance = Random(seed)
    agent = Agent(graph, writing_routines(chance))
    await agent.service.open()
    root = {"budget": {"runs": 30, "tokens": 150, "max_fan_out": 3, "max_open_tasks": 40}, "estimate": {"tokens": 10}}
    await agent.schedule("root", schedule_cron="* * * * *", **root)
    for _ in range(12):
        agent.clock.set(agent.clock.now() + MINUTE)
        now_ms = to_ms(agent.clock.now())
        armed = [each for each in await agent.service.find_tasks() if each.next_run_ms is not None]
        due = [each for each in armed if each.next_run_ms is not None and each.next_run_ms <= now_ms]
        if due and chance.random() < 0.5:
            await agent.lose_a_run(chance.choice(due).task_id)
            await agent.service.recover()
        await agent.settle()
        if chance.random() < 0.3:  # a restart
            await agent.service.close()
            agent = Agent(graph, agent.work, agent.clock)
            await agent.service.open()
        spent, reserved, left = await agent.account()
        assert all(isinstance(each, int) and each >= 0 for each in left.values())
        assert reserved["runs"] == 0
        runs = [each for each in await agent.service.history(limit=1000) if each.last_nominal_at is None]
        assert spent["runs"] == sum(each.status is not ExecutionStatus.DEFERRED for each in runs)
    await agent.service.close()


@pytest.mark.neo4j
async def test_two_services_share_the_last_runs(request: pytest.FixtureRequest) -> None:
    server, clock = request.getfixturevalue("neo4j_server"), VirtualClock(NOW)
    pair = [Agent(server.graph, clock=clock) for _ in range(2)]
    for each in pair:
        await each.service.open()
    for place in range(20):
        await pair[place % 2].schedule(f"{place}", budget={"runs": 7})
    clock.set(NOW + MINUTE)
    for _ in range(10):
        await asyncio.gather(*(each.service.tick() for each in pair))
        await asyncio.gather(*(each.service.idle() for each in pair))

    assert len(pair[0].runs) + len(pair[1].runs) == 7
    assert (await pair[0].account())[2] == {"runs": 0}
    for each in pair:
        await each.service.close()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"budget": {"money": 0.5}}, "budget.money"),
        ({"budget": "money=0.0000001"}, "budget.money"),
        ({"budget": "runs=1.5"}, "budget.runs"),
        ({"budget": {"on_exhausted": "stop"}}, "budget.on_exhausted"),
        ({"estimate": {"runs": 1}}, "estimate.runs"),
        ({"estimate": {"tokens": None}}, "estimate.tokens"),
    ],
)
async def test_a_wrong_amount_is_refused(embedded: Agent, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await embedded.schedule(**fields)
    assert refused.value.field == field


def test_usage_is_no_float() -> None:
    with pytest.raises(InvalidInput, match="money"):
        Usage(money=0.1)  # pyright: ignore[reportArgumentType]
    assert Usage(1, "0.1") + Usage(2, "0.2") == Usage(3, "0.30")


async def test_an_exhausted_budget_is_told_once(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    task_id = await agent.schedule(schedule_cron="* * * * *", budget={"runs": 1})
    await agent.pass_time(2)

    async def told() -> tuple[int, int, str]:
        events = (await agent.service.read_events("0", kinds=["budget_exhausted"])).events
        assert {each.task_id for each in events} <= {task_id}
        (check,) = [each for each in await agent.service.examine() if each.check == "limits"]
        return len(events), sum("thought_root" in each.message for each in caplog.records), check.health

    assert await told() == (1, 1, "warn")
    await agent.pass_time(2)
    await agent.service.close()
    await agent.service.open()
    await agent.pass_time(2)
    assert await told() == (1, 1, "warn")
    assert len(agent.runs) == 1

    await agent.service.set_budget("thought_root", "runs=2")
    assert (await told())[2] == "ok"
    await agent.pass_time(3)
    assert await told() == (2, 2, "warn")
    await agent.service.cancel_task(task_id)
    assert (await told())[2] == "ok"
