"""Changes of single occurrences: skips, additions, moves, backfills."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import InvalidInput, TaskEnded, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from neo4j_server import Server

    from remembrancer import Execution, Firing, ScheduleResult
    from remembrancer.model.request import TaskChanges

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


class Agent:
    """A scheduler with a clock of its own, and what its handler was given."""

    def __init__(self, graph: str) -> None:
        self.clock = VirtualClock(START)
        self.fired: list[Execution] = []
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle)
        self.scheduler = ManualScheduler(self.service, self.clock)

    async def handle(self, firing: Firing) -> None:
        self.fired.append(firing.execution)

    async def hourly(self, **fields: object) -> ScheduleResult:
        return await self.service.schedule_task("T", "g", "p", "t", schedule_cron="0 * * * *", **fields)  # pyright: ignore[reportArgumentType]

    async def once(self, at: datetime) -> ScheduleResult:
        return await self.service.schedule_task("T", "g", "p", "t", at)

    async def pass_by(self, hours: float) -> None:
        """Let time go by in steps of half an hour."""
        for _ in range(round(hours * 2)):
            await self.scheduler.tick(HOUR / 2)
            await self.scheduler.tick()

    async def told(self) -> list[tuple[str, str, str | None, str | None]]:
        """Return what became of each occurrence, oldest first: time, status, reason code, cause."""
        found = sorted(await self.service.history(limit=1000), key=lambda each: each.nominal_at)
        return [(f"{each.nominal_at:%d %H:%M}", each.status, each.reason_code, each.cause) for each in found]


@pytest.fixture
async def agent(graph: str) -> AsyncIterator[Agent]:
    agent = Agent(graph)
    async with agent.scheduler:
        yield agent


def hours(*numbers: float) -> list[datetime]:
    return [START + number * HOUR for number in numbers]


async def test_skipped_occurrences_get_their_outcome_at_their_time(agent: Agent) -> None:
    task = await agent.hourly()
    answer = await agent.service.skip_next(task.task_id, 2, "A public holiday")
    assert answer.fires_before == hours(1, 2, 3, 4, 5)
    assert answer.next_fires == hours(3, 4, 5, 6, 7)
    assert answer.skipped == hours(1, 2)
    assert await agent.told() == []
    await agent.pass_by(3)
    assert await agent.told() == [
        ("02 10:00", "skipped", "skip_requested", None),
        ("02 11:00", "skipped", "skip_requested", None),
        ("02 12:00", "completed", None, None),
    ]
    assert all("A public holiday" in (each.reason or "") for each in (await agent.service.history())[1:])
    assert (await agent.service.get_task(task.task_id)).skips is None


async def test_skips_are_taken_back_by_zero(agent: Agent) -> None:
    task = await agent.hourly()
    await agent.service.skip_next(task.task_id, 2)
    assert (await agent.service.skip_next(task.task_id, 2)).disposition == "existing"
    fewer = await agent.service.skip_next(task.task_id, 1)
    assert fewer.warnings == ["This replaces an earlier request to skip 2 occurrences: 2026-03-02T11:00:00Z will run."]
    assert (await agent.service.skip_next(task.task_id, 2)).warnings == []
    assert (await agent.service.skip_next(task.task_id, 0)).next_fires == hours(1, 2, 3, 4, 5)
    await agent.pass_by(1)
    assert await agent.told() == [("02 10:00", "completed", None, None)]


async def test_an_added_occurrence_runs_beside_the_others(agent: Agent) -> None:
    task = await agent.hourly()
    answer = await agent.service.add_fire(task.task_id, START + 1.5 * HOUR, "The auditors come")
    assert answer.next_fires == hours(1, 1.5, 2, 3, 4)
    assert answer.added == hours(1.5)
    await agent.pass_by(2)
    assert await agent.told() == [
        ("02 10:00", "completed", None, None),
        ("02 10:30", "completed", None, "added"),
        ("02 11:00", "completed", None, None),
    ]
    assert [each.cause_detail for each in agent.fired] == [None, {"reason": "The auditors come"}, None]
    await agent.pass_by(26)
    assert (await agent.service.get_task(task.task_id)).additions is None


async def test_an_addition_without_a_time_runs_at_once(agent: Agent) -> None:
    task = await agent.hourly(misfire="skip", misfire_grace_seconds=0)
    for _ in range(3):
        answer = await agent.service.add_fire(task.task_id)
        assert not any("in the past" in each for each in answer.warnings)
        await agent.scheduler.tick()
    assert [each.cause for each in agent.fired] == ["added"] * 3
    with pytest.raises(InvalidInput, match="a time after 2026-03-02T09:00:00Z"):
        await agent.service.add_fire(task.task_id, START - HOUR)


async def test_an_addition_before_the_beginning_leaves_the_beginning(agent: Agent) -> None:
    task = await agent.hourly(defer_until=START + 5 * HOUR)
    answer = await agent.service.add_fire(task.task_id, START + 1.5 * HOUR)
    assert answer.next_fires == hours(1.5, 5, 6, 7, 8)
    await agent.pass_by(5)
    assert [f"{each.nominal_at:%H:%M}" for each in agent.fired] == ["10:30", "14:00"]


async def test_a_one_time_task_is_complete_after_its_last_addition(agent: Agent) -> None:
    task = await agent.once(START + HOUR)
    await agent.service.add_fire(task.task_id, START + HOUR / 2)
    await agent.service.add_fire(task.task_id, START + 3 * HOUR)
    await agent.pass_by(2)
    assert (await agent.service.get_task(task.task_id)).status == "ACTIVE"
    await agent.pass_by(1)
    assert (await agent.service.get_task(task.task_id)).status == "COMPLETE"
    assert [(f"{each.nominal_at:%H:%M}", each.cause) for each in agent.fired] == [
        ("09:30", "added"),
        ("10:00", None),
        ("12:00", "added"),
    ]
    with pytest.raises(TaskEnded):
        await agent.service.add_fire(task.task_id)


@pytest.mark.parametrize(("moved", "to"), [(1, 1.5), (3, 1.5), (1, 7.5), (2, 0)])
async def test_a_moved_occurrence_runs_at_its_new_time(agent: Agent, moved: float, to: float) -> None:
    task = await agent.hourly()
    answer = await agent.service.reschedule(task.task_id, START + moved * HOUR, START + to * HOUR, "Ill")
    left = [number for number in (1, 2, 3, 4, 5, 6, 7, 8) if number != moved]
    assert answer.next_fires == hours(*sorted([*left, to])[:5])
    await agent.pass_by(8)
    told = await agent.told()
    assert [each for each in told if each[1] == "skipped"] == [
        (f"02 {9 + moved:02.0f}:00", "skipped", "rescheduled", None)
    ]
    (again,) = (each for each in agent.fired if each.cause == "rescheduled")
    assert again.nominal_at == START + to * HOUR
    assert again.cause_detail == {"nominal_at": f"2026-03-02T{9 + moved:02.0f}:00:00Z", "reason": "Ill"}
    assert len(told) == 9
    skipped = next(each for each in await agent.service.history() if each.status == "skipped")
    assert f"{START + to * HOUR:Moved to %Y-%m-%dT%H:%M}" in (skipped.reason or "")


async def test_a_moved_one_time_task_ends_complete(agent: Agent) -> None:
    task = await agent.once(START + 2 * HOUR)
    await agent.service.reschedule(task.task_id, START + 2 * HOUR, START + HOUR)
    await agent.pass_by(2)
    assert await agent.told() == [
        ("02 10:00", "completed", None, "rescheduled"),
        ("02 11:00", "skipped", "rescheduled", None),
    ]
    assert (await agent.service.get_task(task.task_id)).status == "COMPLETE"


async def test_a_wrong_occurrence_is_refused_with_the_next_ones(agent: Agent) -> None:
    task = await agent.hourly()
    await agent.service.skip_next(task.task_id)
    with pytest.raises(InvalidInput, match="2026-03-02T11:00:00Z, 2026-03-02T12:00:00Z"):
        await agent.service.reschedule(task.task_id, START + HOUR, START + 3 * HOUR)
    assert (await agent.service.audit_entries(task.task_id))[-1].action == "skip_next"


async def test_a_backfill_runs_what_has_not_completed(agent: Agent) -> None:
    task = await agent.hourly(misfire="skip", misfire_grace_seconds=0)
    await agent.service.skip_next(task.task_id)
    await agent.pass_by(2)
    listed = await agent.service.backfill(task.task_id, START - HOUR, START + 2 * HOUR, dry_run=True)
    assert [(each.nominal_at, each.completed, each.starts) for each in listed.occurrences] == [
        (START - HOUR, False, True),
        (START, False, True),
        (START + HOUR, False, True),
        (START + 2 * HOUR, True, False),
    ]
    assert listed.dry_run
    assert len(await agent.told()) == 2
    answer = await agent.service.backfill(task.task_id, START - HOUR, START + 2 * HOUR)
    assert answer.starts == 3
    await agent.scheduler.tick(HOUR / 6)
    for _ in range(4):
        await agent.scheduler.tick()
    done = [each.cause_detail for each in agent.fired if each.cause == "backfill"]
    assert done == [{"nominal_at": f"2026-03-02T{hour}:00:00Z"} for hour in ("08", "09", "10")]
    assert (await agent.service.backfill(task.task_id, START - HOUR, START + 2 * HOUR)).starts == 0
    assert (await agent.service.backfill(task.task_id, START, START, again=True, dry_run=True)).starts == 1


async def test_a_backfill_of_too_many_is_refused(agent: Agent) -> None:
    task = await agent.hourly()
    with pytest.raises(InvalidInput, match="at most 1000 occurrences"):
        await agent.service.backfill(task.task_id, START - 1001 * HOUR, START)
    with pytest.raises(InvalidInput, match="has passed"):
        await agent.service.backfill(task.task_id, START, START + HOUR)


async def test_a_deferral_refuses_what_it_would_hold(agent: Agent) -> None:
    task = await agent.hourly()
    await agent.service.defer_task(task.task_id, START + 4.5 * HOUR, "Later")
    with pytest.raises(InvalidInput, match="until which the task is deferred"):
        await agent.service.add_fire(task.task_id, START + 2 * HOUR)
    await agent.service.add_fire(task.task_id, START + 5.5 * HOUR)
    await agent.pass_by(6)
    assert [each.cause for each in agent.fired] == [None, None, "added", None]


async def test_an_update_keeps_additions(agent: Agent) -> None:
    task = await agent.hourly()
    await agent.service.add_fire(task.task_id, START + 1.5 * HOUR)
    await agent.service.skip_next(task.task_id)
    updated = await agent.service.update_task(task.task_id, schedule_cron="15 * * * *")
    assert updated.next_fires == hours(0.25, 1.25, 1.5, 2.25, 3.25)
    assert "The skip of 2026-03-02T10:00:00Z" in updated.warnings[0]


async def test_an_ended_run_leaves_its_task_open_for_an_addition() -> None:
    added = asyncio.Event()
    statuses: list[str] = []

    async def handle(firing: Firing) -> None:
        task_id = firing.task.task_id
        if firing.execution.cause is None:
            await service.add_fire(task_id)
            await added.wait()
            return
        added.set()
        while len(await service.running_executions()) > 1:  # noqa: ASYNC110 (the graph has no event for it)
            await asyncio.sleep(0.01)
        statuses.append((await service.get_task(task_id)).status)

    async with TaskSchedulerService(":memory:", handler=handle) as service, asyncio.timeout(60):
        task = await service.schedule_task("T", "g", "p", "t", datetime.now(UTC))
        while (await service.get_task(task.task_id)).is_open:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert statuses == ["ACTIVE"]


@pytest.mark.neo4j
async def test_a_skip_races_with_the_claim_of_another_replica(neo4j_server: Server) -> None:
    here = Agent(neo4j_server.graph)
    there = TaskSchedulerService(neo4j_server.graph, here.clock)
    async with here.scheduler, ManualScheduler(there, here.clock):
        task = await here.hourly()
        for _ in range(12):
            await asyncio.gather(here.scheduler.tick(HOUR), there.skip_next(task.task_id))
            await here.scheduler.tick()
        told = await here.told()
        assert [time for time, *_ in told] == [f"02 {hour:02}:00" for hour in range(10, 22)]
        assert {status for _, status, *_ in told} <= {"completed", "skipped"}
        assert len(here.fired) == sum(status == "completed" for _, status, *_ in told)


async def test_a_cancelled_addition_keeps_its_cause(agent: Agent) -> None:
    task = await agent.service.schedule_task("T", "g", "p", "t", schedule_cron="0 0 * * *")
    await agent.service.add_fire(task.task_id, START + HOUR)
    agent.clock.set(START + 2 * HOUR)
    await agent.service.cancel_task(task.task_id)

    ((at, status, _, cause),) = await agent.told()
    assert (at, status, cause) == ("02 10:00", "cancelled", "added")


@pytest.mark.parametrize("changed", [{"schedule_cron": "30 * * * *"}, {"schedule_cron": "0 13 * * *"}])
async def test_an_addition_that_is_due_outlives_another_schedule(agent: Agent, changed: TaskChanges) -> None:
    task = await agent.hourly()
    agent.clock.set(START + 1.1 * HOUR)
    await agent.service.add_fire(task.task_id)
    answer = await agent.service.update_task(task.task_id, **changed)
    assert answer.next_fires[0] == START + 1.1 * HOUR
    await agent.pass_by(0.5)
    told = await agent.told()
    assert told[:2] == [
        ("02 10:00", "superseded", "schedule_changed", None),
        ("02 10:06", "completed", None, "added"),
    ]
    await agent.pass_by(24)
    assert len({at for at, *_ in await agent.told()}) == len(await agent.told())


async def test_no_kept_addition_is_among_those_superseded(agent: Agent) -> None:
    task = await agent.hourly()
    await agent.service.add_fire(task.task_id, START + 1.5 * HOUR)
    agent.clock.set(START + 2.5 * HOUR)
    await agent.service.update_task(task.task_id, schedule_cron="0 0 * * *")
    await agent.scheduler.tick()
    superseded, added = sorted(await agent.service.history(), key=lambda each: each.nominal_at)
    assert (superseded.status, superseded.occurrences, added.cause) == ("superseded", 2, "added")
    assert added.nominal_at > START + 2 * HOUR == superseded.last_nominal_at


async def test_an_addition_outlives_another_time_of_its_task(agent: Agent) -> None:
    task = await agent.once(START + HOUR)
    await agent.service.add_fire(task.task_id, START + HOUR / 2)
    agent.clock.set(START + 2 * HOUR)
    await agent.service.add_fire(task.task_id)
    await agent.service.update_task(task.task_id, defer_until=START + 4 * HOUR)
    await agent.pass_by(3)
    told = await agent.told()
    assert [each for each in told if each[1] != "missed"] == [
        ("02 10:00", "superseded", "schedule_changed", None),
        ("02 11:00", "completed", None, "added"),
        ("02 13:00", "completed", None, None),
    ]
    assert (await agent.service.get_task(task.task_id)).status == "COMPLETE"


async def test_another_schedule_ends_both_halves_of_a_move(agent: Agent) -> None:
    task = await agent.service.schedule_task("T", "g", "p", "t", schedule_cron="0 10 * * *")
    await agent.service.reschedule(task.task_id, START + HOUR, START + 6 * HOUR)
    await agent.service.reschedule(task.task_id, START + 6 * HOUR, START + 7 * HOUR)
    answer = await agent.service.update_task(task.task_id, schedule_cron="0 11 * * *")
    assert "The move of 2026-03-02T10:00:00Z to 2026-03-02T15:00:00Z" in answer.warnings[0]
    await agent.pass_by(8)
    assert await agent.told() == [("02 11:00", "completed", None, None)]


@pytest.mark.parametrize("changed", [{"schedule_cron": "0 10,11 * * *"}, {"schedule_cron": "0 10 * * 1-5"}])
async def test_a_move_stays_whole_where_the_schedule_names_it(agent: Agent, changed: TaskChanges) -> None:
    task = await agent.service.schedule_task("T", "g", "p", "t", schedule_cron="0 10 * * *")
    await agent.service.reschedule(task.task_id, START + HOUR, START + 6 * HOUR)
    assert (await agent.service.update_task(task.task_id, **changed)).warnings == []
    await agent.pass_by(8)
    told = [each for each in await agent.told() if each[0] != "02 11:00"]
    assert told == [("02 10:00", "skipped", "rescheduled", None), ("02 15:00", "completed", None, "rescheduled")]


async def test_a_move_from_a_time_that_passed_stays(agent: Agent) -> None:
    task = await agent.service.schedule_task("T", "g", "p", "t", schedule_cron="0 10 * * *")
    await agent.service.reschedule(task.task_id, START + HOUR, START + 6 * HOUR)
    await agent.pass_by(2)
    await agent.service.update_task(task.task_id, schedule_cron="0 8 * * *")
    await agent.pass_by(5)
    assert [each.nominal_at for each in agent.fired] == [START + 6 * HOUR]


async def test_another_time_of_a_moved_task_is_its_only_one(agent: Agent) -> None:
    task = await agent.once(START + 2 * HOUR)
    await agent.service.reschedule(task.task_id, START + 2 * HOUR, START + 3 * HOUR)
    await agent.service.update_task(task.task_id, defer_until=START + 4 * HOUR)
    await agent.pass_by(5)
    assert [each.nominal_at for each in agent.fired] == [START + 4 * HOUR]
