"""What went wrong for users of other schedulers, as their threads tell it: each is a test, named after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from remembrancer import Failed, InvalidInput, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Execution, Firing
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

ELSEWHERE: Final = {
    "CIRISAgent#934": "test_a_permanent_failure_is_not_tried_80000_times",
    "CIRISAgent, a deferred cron task": "test_a_recurring_task_deferred_once_fires_once",
    "CIRISAgent, two timers for one task": "test_a_second_deferral_takes_the_place_of_the_first",
    "xagent#1995": "test_deferrals_of_a_minute_are_bounded_by_time",
    "fastagent#583": "test_siblings_at_once_do_not_go_beyond_the_fan_out",
    "hermes-agent#97629": "test_a_lineage_ends_at_its_depth",
    "CIRISAgent#934, one incident": "test_80000_identical_failures_are_one_incident",
    "CIRISAgent PR#1092": "test_an_answer_retires_the_timer_of_its_question",
    "fak#8332": "test_two_services_share_the_last_runs",
    "oh-my-pi#6031": "test_two_writers_close_no_circle_at_once",
    "Cronicle#584": "test_a_chain_runs_in_order_and_hands_on_results",
    "Airflow#16428": "test_a_failure_blocks_down_to_its_root",
    "OmniTrustILM/core#2315": "test_a_long_outage_is_accounted_for_completely_at_once",
}
"""Threads whose tests stand with the policy that they are about."""


class Scene:
    """A scheduler driven by hand, whose handler answers as told."""

    def __init__(self, graph: str, clock: VirtualClock) -> None:
        self.clock = clock
        self.service = TaskSchedulerService(graph, clock, handler=self.handle)
        self.by_hand = ManualScheduler(self.service, clock)
        self.ran: list[str] = []
        self.answer: Any = None

    async def handle(self, firing: Firing) -> HandlerReturn:
        self.ran.append(firing.task.name)
        if callable(self.answer):
            await self.answer(firing)
            return None
        return self.answer

    async def schedule(self, name: str = "Task", **choices: Any) -> str:
        if not choices.keys() & {"schedule_cron", "schedule", "defer_until"}:
            choices["defer_until"] = self.clock.now() + MINUTE
        return (await self.service.schedule_task(name, "goal", "prompt", "thought", **choices)).task_id

    async def history(self, task_id: str) -> list[Execution]:
        return list(reversed(await self.service.history(task_id, limit=1000)))


@pytest.fixture
async def scene(graph: str, clock: VirtualClock) -> AsyncIterator[Scene]:
    made = Scene(graph, clock)
    async with made.by_hand:
        yield made


def test_each_thread_has_its_test() -> None:
    told = [file.read_text() for file in Path(__file__).parent.parent.rglob("test_*.py")]
    assert [name for name in ELSEWHERE.values() if not any(f"def {name}(" in text for text in told)] == []


async def test_a_gap_of_13_seconds_over_a_fire_misses_nothing(scene: Scene) -> None:
    """openclaw#33092: the process was away for 13 seconds, and the brief before the market opened never came."""
    task_id = await scene.schedule(schedule_cron="30 9 * * *")
    scene.clock.set(datetime(2026, 3, 2, 9, 29, 55, tzinfo=UTC))
    await scene.by_hand.__aexit__()
    scene.clock.advance(13 * SECOND)
    await scene.by_hand.__aenter__()
    await scene.by_hand.tick()

    (only,) = await scene.history(task_id)
    assert (only.status, only.trigger_delay_ms) == ("completed", 8000)


async def test_37_tasks_of_one_minute_all_run(scene: Scene) -> None:
    """dsh-taskboard#30: of 37 tasks in one minute, 34 were dropped."""
    for number in range(37):
        await scene.schedule(f"Task {number}", schedule_cron="0 10 * * *")
    await scene.by_hand.tick(HOUR)

    assert sorted(scene.ran) == sorted(f"Task {number}" for number in range(37))


async def test_a_list_of_tasks_makes_none_of_them_skip(scene: Scene) -> None:
    """openclaw#12440: listing the jobs moved them beyond the run that was due."""
    await scene.schedule(schedule_cron="*/10 * * * *")
    for _ in range(6):
        scene.clock.advance(10 * MINUTE)
        await scene.service.find_tasks()
        await scene.service.get_scheduled_tasks()
        await scene.by_hand.tick()

    assert len(scene.ran) == 6


async def test_a_backlog_of_300_runs_is_bounded_and_recorded(scene: Scene) -> None:
    """Hangfire#1591: after an outage 300 runs started one upon the other."""
    task_id = await scene.schedule(schedule_cron="* * * * *", misfire="run_all", misfire_limit=10)
    await scene.by_hand.tick(300 * MINUTE)

    made = await scene.history(task_id)
    assert len(scene.ran) <= 12  # and those that are on time
    assert sum(each.occurrences for each in made) == 300
    assert {each.reason_code for each in made} == {None, "misfire_coalesced"}


async def test_a_suspended_machine_replays_no_tick(scene: Scene) -> None:
    """dbos-transact-py#803: every tick of the night was replayed after a suspend, though catching up was off."""
    task_id = await scene.schedule(schedule_cron="*/5 * * * *", misfire="skip", misfire_grace_seconds=30)
    scene.clock.advance(8 * HOUR + 2 * MINUTE)
    await scene.by_hand.tick()

    (missed,) = await scene.history(task_id)
    assert (missed.status, missed.reason_code, missed.occurrences) == ("missed", "misfire_skipped", 96)
    assert scene.ran == []


async def test_95_of_96_missed_fires_leave_a_trace(scene: Scene) -> None:
    """CIRISAgent: eight hours away, `*/5` fired once, and nothing said that it should have 96 times."""
    task_id = await scene.schedule(schedule_cron="*/5 * * * *")
    await scene.by_hand.tick(8 * HOUR)

    made = await scene.history(task_id)
    assert len(scene.ran) == 1
    assert sum(each.occurrences for each in made) == 96
    assert all(each.reason for each in made if each.status != "completed")


async def test_a_late_single_run_is_not_dropped(scene: Scene) -> None:
    """APScheduler 3: a job found 2.5 seconds late was removed, and had never run."""
    task_id = await scene.schedule()
    await scene.by_hand.tick(MINUTE + 2.5 * SECOND)
    other = await scene.schedule(defer_until=scene.clock.now() + MINUTE)
    await scene.by_hand.tick(30 * HOUR)

    assert len(scene.ran) == 2
    assert [(await scene.service.get_task(each)).status for each in (task_id, other)] == ["COMPLETE", "COMPLETE"]


async def test_a_run_by_hand_of_a_paused_task_runs(scene: Scene) -> None:
    """scale-agentex#335: a manual trigger of a paused schedule was answered with 200, and did nothing."""
    task_id = await scene.schedule(schedule_cron="0 * * * *")
    await scene.service.pause_task(task_id, None, "Holidays")
    started = await scene.service.run_now(task_id)
    await scene.service.idle()

    assert (await scene.service.get_execution(started.execution_id)).status == "completed"
    assert (await scene.service.get_task(task_id)).is_paused(scene.clock.now())


async def test_a_pause_holds_at_once_and_says_who_made_it(scene: Scene) -> None:
    """nimbalyst#1351, lionagi#3134: a disabled schedule ran on; nine were disabled in 34 seconds, and by nobody."""
    task_id = await scene.schedule(schedule_cron="0 * * * *")
    scene.clock.advance(HOUR)  # it is due
    await scene.service.pause_task(task_id, None, "Too dear")
    await scene.by_hand.tick(5 * HOUR)

    assert scene.ran == []
    entry = (await scene.service.audit_entries(task_id))[-1]
    assert (entry.action, entry.reason, entry.surface) == ("pause", "Too dear", "service")


async def test_9_restarts_of_an_agent_make_no_second_schedule(scene: Scene) -> None:
    """cortextos#114: an agent that scheduled its tasks at each start had 72 of them after nine."""
    for start in range(9):
        for number in range(8):
            made = await scene.service.schedule_task(
                f"Task {number}", "goal", "prompt", "thought", schedule_cron="0 9 * * *", dedup_key=f"task-{number}"
            )
        assert made.disposition == ("existing" if start else "created")
        await scene.by_hand.__aexit__()
        await scene.by_hand.__aenter__()

    assert len(await scene.service.find_tasks()) == 8


async def test_two_reminders_of_one_quarter_hour_are_both_kept(scene: Scene) -> None:
    """Raven#161: a reminder within 15 minutes of another one was taken for the same, and dropped without a word."""
    await scene.schedule("Call Ada", defer_until=scene.clock.now() + 10 * MINUTE)
    await scene.schedule("Call Bob", defer_until=scene.clock.now() + 20 * MINUTE)
    await scene.by_hand.run_until(HOUR)

    assert scene.ran == ["Call Ada", "Call Bob"]


async def test_an_edit_while_it_runs_outlives_the_outcome(scene: Scene) -> None:
    """openclaw#145819: the outcome of a run put back the cadence that had been changed while it ran."""
    task_id = await scene.schedule(schedule_cron="0 * * * *")
    scene.answer = lambda _: scene.service.update_task(task_id, schedule_cron="30 12 * * *")
    await scene.by_hand.tick(HOUR)

    task = await scene.service.get_task(task_id)
    assert len(scene.ran) == 1
    assert task.schedule_cron == "30 12 * * *"
    assert task.next_run_ms == datetime(2026, 3, 2, 12, 30, tzinfo=UTC).timestamp() * 1000


async def test_days_without_a_run_are_not_a_success(scene: Scene) -> None:
    """greeves89/AI-Employee#631: with days missing, the rate of success was 1.0."""
    task_id = await scene.schedule(schedule_cron="0 12 * * *", misfire="skip")
    scene.answer = Failed("No.")
    await scene.by_hand.tick(3 * HOUR)
    await scene.by_hand.tick(75 * HOUR)

    made = await scene.history(task_id)
    assert [(each.status, each.occurrences) for each in made] == [("failed", 1), ("missed", 3)]


async def test_a_full_limit_skips_no_dispatch(scene: Scene) -> None:
    """claude-code#91387: with three slots, 4,290 dispatches were skipped in one night."""
    await scene.service.set_limit("agents", 3)
    for number in range(20):
        await scene.schedule(f"Task {number}", schedule_cron="0 10 * * *", concurrency_key="agents")
    await scene.by_hand.tick(HOUR)

    assert sorted(scene.ran) == sorted(f"Task {number}" for number in range(20))


async def test_a_circle_is_refused_though_all_is_blocked(scene: Scene) -> None:
    """tx_service#542: once everything was blocked, the detector of circles had nothing that woke it."""
    scene.answer = Failed("No.")
    first = await scene.schedule("First")
    second = await scene.schedule("Second", depends_on=[first])
    third = await scene.schedule("Third", depends_on=[second])
    await scene.by_hand.tick(HOUR)
    assert {each.name for each in await scene.service.blocked_tasks()} == {"Second", "Third"}

    with pytest.raises(InvalidInput, match=r"Second .* -> Third .* -> Second"):
        await scene.service.update_task(second, depends_on=[third])
