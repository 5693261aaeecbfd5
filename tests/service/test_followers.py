"""Tasks that follow others: an occurrence for each outcome of the other task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import After, AnyOf, Every, Failed, InvalidInput, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing, ScheduledTask, ScheduleResult

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class Agent:
    """A scheduler with a clock of its own, and what its handler was given."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.fired: list[tuple[str, datetime]] = []
        self.details: list[object] = []
        self.failing = False
        self.service = TaskSchedulerService(":memory:", self.clock, handler=self.handle)
        self.scheduler = ManualScheduler(self.service, self.clock)

    async def handle(self, firing: Firing) -> Failed | None:
        self.fired.append((firing.task.name, firing.execution.nominal_at))
        self.details.append((firing.execution.cause, firing.execution.cause_detail))
        return Failed("It did not work.") if self.failing else None

    async def task(self, name: str, schedule: object) -> ScheduleResult:
        return await self.service.schedule_task(name, "g", "p", "t", schedule=schedule)  # pyright: ignore[reportArgumentType]

    async def hourly(self) -> ScheduleResult:
        return await self.task("source", Every("1h"))

    async def get(self, task: ScheduledTask) -> ScheduledTask:
        return await self.service.get_task(task.task_id)

    async def pass_by(self, minutes: int) -> None:
        for _ in range(minutes // 15):
            await self.scheduler.tick(15 * MINUTE)
            await self.scheduler.tick()

    def runs_of(self, name: str) -> list[datetime]:
        return [at for each, at in self.fired if each == name]


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    async with agent.scheduler:
        yield agent


async def test_a_task_follows_each_completion_of_another(agent: Agent) -> None:
    source = await agent.hourly()
    follower = await agent.task("follower", After(source.task_id))
    assert (follower.next_run_ms, follower.next_fires, follower.status) == (None, [], "PENDING")
    await agent.pass_by(180)
    assert len(agent.runs_of("follower")) == len(agent.runs_of("source")) == 3
    runs = await agent.service.history(task_id=source.task_id)
    details = [each for each in agent.details if each[0] == "completion"]
    assert [each[1] for each in details] == [
        {"execution_id": each.execution_id, "status": "completed"} for each in reversed(runs)
    ]
    assert (await agent.get(follower)).status == "ACTIVE"


async def test_a_follower_waits_for_its_delay(agent: Agent) -> None:
    source = await agent.hourly()
    await agent.task("follower", After(source.task_id, delay="30m"))
    await agent.pass_by(135)
    assert agent.runs_of("follower") == [START + 1.5 * HOUR]


@pytest.mark.parametrize(("on", "runs"), [("completed", 1), ("failed", 1), ("ended", 2)])
async def test_a_follower_counts_the_outcomes_it_names(agent: Agent, on: str, runs: int) -> None:
    source = await agent.hourly()
    await agent.task("follower", After(source.task_id, on=on))
    await agent.scheduler.tick(HOUR)
    agent.failing = True
    await agent.scheduler.tick(HOUR)
    await agent.scheduler.tick()
    assert len(agent.runs_of("follower")) == runs


async def test_a_manual_run_has_no_follower(agent: Agent) -> None:
    source = await agent.hourly()
    await agent.task("follower", After(source.task_id))
    await agent.service.run_now(source.task_id)
    await agent.scheduler.tick()
    await agent.scheduler.tick()
    assert agent.runs_of("follower") == []


async def test_a_follower_ends_with_the_task_that_it_follows(agent: Agent) -> None:
    source = await agent.task("source", {"kind": "once", "at": "2026-03-02T10:00:00Z"})
    follower = await agent.task("follower", After(source.task_id, delay="30m"))
    await agent.pass_by(75)
    assert (await agent.get(follower)).status == "PENDING"
    await agent.pass_by(60)
    assert len(agent.runs_of("follower")) == 1
    ended = await agent.get(follower)
    assert (ended.status, ended.check_at_ms) == ("COMPLETE", None)


async def test_a_follower_of_a_cancelled_task_fails_with_why(agent: Agent) -> None:
    source = await agent.hourly()
    follower = await agent.task("follower", After(source.task_id))
    await agent.service.cancel_task(source.task_id)
    await agent.scheduler.tick()
    assert (await agent.get(follower)).status == "FAILED"
    change = (await agent.service.audit_entries(follower.task_id))[-1]
    assert change.action == "end"
    assert "CANCELLED" in (change.reason or "")


async def test_a_chain_of_followers_runs_once_each(agent: Agent) -> None:
    first = await agent.hourly()
    second = await agent.task("second", After(first.task_id))
    third = await agent.task("third", After(second.task_id))
    await agent.pass_by(120)
    assert [len(agent.runs_of(each)) for each in ("source", "second", "third")] == [2, 2, 2]
    assert (await agent.get(third)).is_open


async def test_a_follower_is_resumed_after_its_pause_has_ended(agent: Agent) -> None:
    source = await agent.hourly()
    follower = await agent.task("follower", After(source.task_id))
    await agent.service.pause_task(follower.task_id, START + 5 * MINUTE)
    await agent.scheduler.tick(15 * MINUTE)
    resumed = await agent.service.resume_task(follower.task_id)
    assert (resumed.missed, resumed.runs) == (0, 0)
    await agent.pass_by(60)
    assert agent.runs_of("follower") == [START + HOUR]


async def test_a_chain_serves_what_came_while_its_middle_was_deferred(agent: Agent) -> None:
    first = await agent.hourly()
    second = await agent.task("second", After(first.task_id))
    third = await agent.task("third", After(second.task_id))
    await agent.pass_by(60)
    await agent.service.add_fire(second.task_id)
    await agent.service.defer_task(second.task_id, 3 * HOUR - 5 * MINUTE, "Later.")
    await agent.pass_by(240)
    outcomes = {e.execution_id for e in await agent.service.history(second.task_id, status="completed")}
    assert len(outcomes) > 3
    followed = [e.cause_detail for e in await agent.service.history(third.task_id)]
    assert {detail["execution_id"] for detail in followed if detail} == outcomes


async def test_a_paused_follower_runs_what_came_when_resumed(agent: Agent) -> None:
    source = await agent.hourly()
    follower = await agent.task("follower", After(source.task_id))
    await agent.service.pause_task(follower.task_id)
    await agent.pass_by(120)
    assert agent.runs_of("follower") == []
    await agent.service.resume_task(follower.task_id, on_missed="run_all")
    await agent.pass_by(15)
    assert len(agent.runs_of("follower")) == 2


async def test_a_task_with_a_wrong_follow_is_refused(agent: Agent) -> None:
    source = await agent.hourly()
    for schedule, field in (
        (After("task_none"), "task_id"),
        (After(source.task_id, on="sometimes"), "on"),
        (After(source.task_id, delay="-5m"), "delay"),
        (AnyOf((After(source.task_id), Every("1h"))), "schedules"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await agent.task("follower", schedule)
        assert refused.value.field == field
    follower = await agent.task("follower", After(source.task_id))
    changed = await agent.service.update_task(follower.task_id, schedule=After(source.task_id, delay="5m"))
    assert changed.next_fires == []


async def test_retention_leaves_what_a_follower_has_yet_to_serve(agent: Agent) -> None:
    source = await agent.hourly()
    follower = await agent.task("follower", After(source.task_id))
    await agent.scheduler.tick(HOUR)
    await agent.scheduler.tick()
    await agent.service.add_fire(follower.task_id, START + 2 * HOUR)
    await agent.service.defer_task(follower.task_id, START + 4 * HOUR, "Not now.")
    await agent.scheduler.tick(1.5 * HOUR)
    await agent.service.prune(keep_days=0)
    assert [each.nominal_at for each in await agent.service.history(source.task_id)] == [START + 2 * HOUR]
    await agent.pass_by(120)
    assert len(agent.runs_of("source")) == len(agent.runs_of("follower")) == 4
    await agent.service.prune(keep_days=0)
    assert len(await agent.service.history(source.task_id)) == 0


async def test_retention_waits_for_no_outcome_that_does_not_count(agent: Agent) -> None:
    source = await agent.hourly()
    await agent.task("follower", After(source.task_id, on="failed"))
    await agent.pass_by(135)
    await agent.service.prune(keep_days=0)
    assert await agent.service.history(source.task_id) == []


async def test_a_task_begins_to_follow_and_ceases(agent: Agent) -> None:
    source, other = await agent.hourly(), await agent.task("other", Every("2h"))
    task = await agent.task("task", Every("3h"))
    await agent.pass_by(75)
    changed = await agent.service.update_task(task.task_id, schedule=After(source.task_id))
    assert (changed.next_run_ms, changed.runs_after_id) == (None, source.task_id)
    await agent.pass_by(60)
    assert agent.runs_of("task") == [START + 2 * HOUR]
    await agent.service.update_task(task.task_id, schedule=After(other.task_id))
    await agent.pass_by(120)
    assert agent.runs_of("task") == [START + 2 * HOUR, START + 4 * HOUR]
    edges = "MATCH (a)-[:RUNS_AFTER]->(b) RETURN b.task_id AS followed"
    assert await agent.service.cypher(edges) == [{"followed": other.task_id}]
    again = await agent.service.update_task(task.task_id, schedule=Every("1h"))
    assert (again.check_at_ms, len(again.next_fires)) == (None, 5)
    assert await agent.service.cypher(edges) == []
    await agent.service.cancel_task(other.task_id)
    await agent.pass_by(60)
    assert (await agent.get(task)).is_open


async def test_a_task_follows_none_that_was_made_later(agent: Agent) -> None:
    first, second = await agent.hourly(), await agent.task("second", Every("1h"))
    with pytest.raises(InvalidInput, match="made before"):
        await agent.service.update_task(first.task_id, schedule=After(second.task_id))
    with pytest.raises(InvalidInput, match="made before"):
        await agent.service.update_task(first.task_id, schedule=After(first.task_id))
    answer = await agent.service.update_tasks({"schedule": After(second.task_id)}, all=True)
    assert answer.counts == {"refused": 2}
    with pytest.raises(InvalidInput):
        await agent.service.update_tasks({"schedule": After("task_none")}, all=True)


async def test_a_declared_task_follows_a_task(agent: Agent) -> None:
    source = await agent.hourly()
    tasks = {"after": {"trigger_prompt": "p", "after": source.task_id}, "watch": {"trigger_prompt": "p", "paced": "1h"}}
    for action in ("created", "unchanged"):
        applied = await agent.service.apply_set("set", tasks)
        assert [each.action for each in applied.tasks] == [action, action]
    await agent.pass_by(60)
    assert len(agent.runs_of("after")) == len(agent.runs_of("watch")) == 1
    with pytest.raises(InvalidInput) as refused:
        await agent.service.apply_set("other", {"after": {"trigger_prompt": "p", "after": "task_none"}})
    assert refused.value.field == "tasks.after.task_id"
