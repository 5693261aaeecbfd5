"""Agent-paced tasks: each outcome arms the next check, as the handler says and the bounds allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import Defer, Done, Every, Failed, InvalidInput, Paced, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Execution, Firing, ScheduledTask, ScheduleResult

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
STEP = timedelta(minutes=5)


class Agent:
    """A scheduler with a clock of its own, and what its handler answers."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.fired: list[datetime] = []
        self.answer: object = None
        self.service = TaskSchedulerService(":memory:", self.clock, handler=self.handle)
        self.scheduler = ManualScheduler(self.service, self.clock)

    async def handle(self, firing: Firing) -> object:
        self.fired.append(firing.execution.nominal_at)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def task(self, schedule: object = None, **fields: object) -> ScheduleResult:
        return await self.service.schedule_task("Watch", "g", "p", "t", schedule=schedule or Paced(), **fields)  # pyright: ignore[reportArgumentType]

    async def get(self, task: ScheduledTask) -> ScheduledTask:
        return await self.service.get_task(task.task_id)

    async def next_of(self, task: ScheduledTask) -> datetime | None:
        ahead = (await self.get(task)).next_run_ms
        return None if ahead is None else datetime.fromtimestamp(ahead / 1000, UTC)

    async def last(self, task: ScheduledTask) -> Execution:
        return (await self.service.history(task_id=task.task_id))[0]


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    async with agent.scheduler:
        yield agent


async def test_a_paced_task_is_checked_at_once(agent: Agent) -> None:
    task = await agent.task()
    assert (task.next_fires, task.warnings) == ([START], [])
    assert task.description == "When the agent decides, 5 minutes to 1 day after its last run"
    await agent.scheduler.tick()
    assert agent.fired == [START]
    assert (await agent.get(task)).status == "ACTIVE"


async def test_a_paced_task_is_first_checked_when_asked_for(agent: Agent) -> None:
    task = await agent.task(defer_until=START + 3 * DAY)
    assert task.next_fires == [START + 3 * DAY]
    await agent.scheduler.tick(2 * DAY)
    assert agent.fired == []
    await agent.scheduler.tick(DAY)
    assert agent.fired == [START + 3 * DAY]


@pytest.mark.parametrize(
    ("answer", "later"),
    [
        (Done(next_check="2h"), 2 * HOUR),
        (Done(next_check="1h30m"), 1.5 * HOUR),
        (Done(next_check=timedelta(minutes=7)), 7 * MINUTE),
        (Done(next_check="in 3h"), 3 * HOUR),
        (Done(next_check=START + 4 * HOUR), 4 * HOUR),
        (Done(next_check="2026-03-02T12:30:00Z"), 3.5 * HOUR),
        (Done("nothing new"), DAY),
        (None, DAY),
        ("text", DAY),
        (Failed("It did not work."), DAY),
        (ValueError("It broke."), DAY),
    ],
)
async def test_the_next_check_is_when_the_handler_says(agent: Agent, answer: object, later: timedelta) -> None:
    task = await agent.task()
    agent.answer = answer
    await agent.scheduler.tick()
    assert await agent.next_of(task) == START + later
    last = await agent.last(task)
    assert last.next_check_at == START + later
    assert last.reason_code in {None, "handler_failed", "handler_raised"}


@pytest.mark.parametrize(
    ("asked", "later", "word"),
    [("1m", STEP, "the least"), (timedelta(days=-3), STEP, "the least"), ("9d", DAY, "the most")],
)
async def test_a_check_beyond_the_bounds_is_moved(agent: Agent, asked: object, later: timedelta, word: str) -> None:
    task = await agent.task()
    agent.answer = Done("seen", next_check=asked)  # pyright: ignore[reportArgumentType]
    await agent.scheduler.tick()
    assert await agent.next_of(task) == START + later
    last = await agent.last(task)
    assert (last.status, last.reason_code, last.result) == ("completed", "next_check_clamped", "seen")
    assert word in (last.reason or "")


@pytest.mark.parametrize("asked", ["soon", 7, "2 fortnights", object(), "99999999999d", float("nan")])
async def test_a_wrong_next_check_keeps_the_outcome(agent: Agent, asked: object) -> None:
    task = await agent.task()
    agent.answer = Done("seen", next_check=asked)  # pyright: ignore[reportArgumentType]
    await agent.scheduler.tick()
    last = await agent.last(task)
    assert (last.status, last.reason_code, last.result) == ("completed", "next_check_refused", "seen")
    assert "2h" in (last.reason or "")
    assert await agent.next_of(task) == START + DAY


async def test_a_next_check_of_another_kind_is_refused(agent: Agent) -> None:
    task = await agent.task(Every("1h"))
    agent.answer = Done(next_check="2h")
    await agent.scheduler.tick(HOUR)
    last = await agent.last(task)
    assert (last.status, last.reason_code, last.next_check_at) == ("completed", "next_check_refused", None)
    assert await agent.next_of(task) == START + 2 * HOUR


async def test_a_late_check_runs_once(agent: Agent) -> None:
    task = await agent.task()
    agent.answer = Done(next_check="1h")
    await agent.scheduler.tick()
    await agent.scheduler.tick(10 * DAY)
    assert agent.fired == [START, START + HOUR]
    assert await agent.next_of(task) == START + 10 * DAY + HOUR


async def test_a_check_that_misfires_is_followed_by_another(agent: Agent) -> None:
    task = await agent.task(misfire="skip")
    await agent.scheduler.tick(3 * HOUR)
    assert agent.fired == []
    assert (await agent.last(task)).status == "missed"
    assert await agent.next_of(task) == START + 3 * HOUR + DAY


async def test_a_skipped_check_is_followed_by_another(agent: Agent) -> None:
    task = await agent.task(defer_until=START + HOUR)
    await agent.service.skip_next(task.task_id)
    await agent.scheduler.tick(HOUR)
    assert agent.fired == []
    assert await agent.next_of(task) == START + HOUR + DAY


async def test_a_moved_check_runs_at_its_new_time(agent: Agent) -> None:
    task = await agent.task(defer_until=START + HOUR)
    await agent.service.reschedule(task.task_id, START + HOUR, START + 2 * HOUR)
    await agent.scheduler.tick(HOUR)
    assert agent.fired == []
    agent.answer = Done(next_check="3h")
    await agent.scheduler.tick(HOUR)
    assert agent.fired == [START + 2 * HOUR]
    assert await agent.next_of(task) == START + 5 * HOUR


async def test_an_added_check_may_bring_the_next_one_forward(agent: Agent) -> None:
    task = await agent.task(defer_until=START + 6 * HOUR)
    await agent.service.add_fire(task.task_id, START + HOUR)
    agent.answer = Done(next_check="1h")
    await agent.scheduler.tick(HOUR)
    assert await agent.next_of(task) == START + 2 * HOUR
    agent.answer = Done(next_check="20h")
    await agent.service.run_now(task.task_id)
    await agent.service.idle()
    assert await agent.next_of(task) == START + 2 * HOUR
    agent.answer = Done(next_check="10m")
    await agent.service.run_now(task.task_id)
    await agent.service.idle()
    assert await agent.next_of(task) == START + HOUR + 10 * MINUTE


async def test_a_run_by_hand_without_an_answer_leaves_the_check(agent: Agent) -> None:
    task = await agent.task(defer_until=START + HOUR)
    await agent.service.run_now(task.task_id)
    await agent.service.idle()
    assert await agent.next_of(task) == START + HOUR
    assert (await agent.last(task)).next_check_at is None


async def test_a_deferred_check_arms_the_next_one(agent: Agent) -> None:
    task = await agent.task()
    agent.answer = Defer("in 2h", "Not now.")
    await agent.scheduler.tick()
    assert await agent.next_of(task) == START + 2 * HOUR
    agent.answer = Done(next_check="3h")
    await agent.scheduler.tick(2 * HOUR)
    assert await agent.next_of(task) == START + 5 * HOUR
    await agent.service.defer_task(task.task_id, START + 9 * HOUR, "Later.")
    await agent.scheduler.tick(7 * HOUR)
    assert await agent.next_of(task) == START + 12 * HOUR


async def test_a_pause_holds_the_next_check(agent: Agent) -> None:
    task = await agent.task()
    await agent.service.pause_task(task.task_id)
    await agent.scheduler.tick(2 * DAY)
    assert agent.fired == []
    agent.answer = Done(next_check="1h")
    await agent.service.resume_task(task.task_id)
    await agent.scheduler.tick()
    assert agent.fired == [START]
    assert await agent.next_of(task) == START + 2 * DAY + HOUR
    await agent.service.pause_task(task.task_id)
    await agent.scheduler.tick(DAY)
    await agent.service.resume_task(task.task_id, on_missed="skip")
    await agent.scheduler.tick()
    assert agent.fired == [START]
    assert await agent.next_of(task) == START + 4 * DAY


async def test_a_check_that_ends_in_a_pause_stays_paused(agent: Agent) -> None:
    task = await agent.task()

    async def pausing(firing: Firing) -> Done:
        await agent.service.pause_task(firing.task.task_id, until=START + 3 * HOUR)
        return Done(next_check="1h")

    agent.handle = pausing  # pyright: ignore[reportAttributeAccessIssue]
    agent.service = TaskSchedulerService(":memory:", agent.clock, handler=pausing)
    async with ManualScheduler(agent.service, agent.clock) as scheduler:
        task = await agent.task()
        await scheduler.tick()
        kept = await agent.get(task)
        assert (kept.nominal_ms, await agent.next_of(task)) == (
            int((START + HOUR).timestamp() * 1000),
            START + 3 * HOUR,
        )


async def test_other_bounds_move_the_check_ahead(agent: Agent) -> None:
    task = await agent.task()
    await agent.scheduler.tick()
    changed = await agent.service.update_task(task.task_id, schedule=Paced("1m", "2h"))
    assert changed.next_fires == [START + 2 * HOUR]
    agent.answer = Done(next_check="1m")
    await agent.scheduler.tick(2 * HOUR)
    assert await agent.next_of(task) == START + 2 * HOUR + MINUTE
    same = await agent.service.update_task(task.task_id, name="Watch it")
    assert same.next_fires == [START + 2 * HOUR + MINUTE]


async def test_a_paced_task_gets_another_kind_and_back(agent: Agent) -> None:
    task = await agent.task()
    await agent.scheduler.tick()
    hourly = await agent.service.update_task(task.task_id, schedule=Every("1h"))
    assert (hourly.next_fires[0], hourly.next_check_ms) == (START + HOUR, None)
    await agent.scheduler.tick(HOUR)
    paced = await agent.service.update_task(task.task_id, schedule=Paced(), defer_until=START + 5 * HOUR)
    assert paced.next_fires == [START + 5 * HOUR]
    await agent.scheduler.tick(4 * HOUR)
    assert await agent.next_of(task) == START + 5 * HOUR + DAY


async def test_a_cancelled_check_arms_nothing(agent: Agent) -> None:
    task = await agent.task()
    await agent.service.cancel_task(task.task_id)
    await agent.scheduler.tick(DAY)
    kept = await agent.get(task)
    assert (kept.status, kept.next_run_ms, agent.fired) == ("CANCELLED", None, [])


@pytest.mark.parametrize(
    ("least", "most", "field"),
    [("0s", "1d", "least"), ("2h", "1h", "most"), ("5", "1d", "least"), ("5m", "400d", "most"), ("-5m", "1d", "least")],
)
async def test_wrong_bounds_are_refused(agent: Agent, least: str, most: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await agent.task(Paced(least, most))
    assert refused.value.field == field


async def test_the_agenda_shows_the_next_check_alone(agent: Agent) -> None:
    task = await agent.task(defer_until=START + HOUR)
    entries = (await agent.service.agenda(end=START + 5 * DAY)).entries
    assert [(each.task_id, each.at) for each in entries] == [(task.task_id, START + HOUR)]
    shown = await agent.service.preview_schedule(Paced("5m", "1d"))
    assert shown.fires == []
    assert "never" not in " ".join(shown.warnings)
