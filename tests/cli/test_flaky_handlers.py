"""What a person sees of retries and questions: the log of `serve`, the history, and what is printed after an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from remembrancer import Ask, Failed, Retry, TaskSchedulerService
from remembrancer.cli.views.serve import ServeLog, chronicled
from remembrancer.cli.views.watch import words
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk
    from remembrancer import Firing, HandlerReturn

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Retry("90s", "429"), "failed     Post"),
        (Retry(90, "429"), "again after 90 s: 429"),
        (Retry(reason="429"), "s  429"),
        (Ask("May I?", of=["ada", "bob"]), "asked      Post"),
        (Ask("May I?", of=["ada", "bob"]), "ada, bob: May I?"),
    ],
)
async def test_the_log_says_how_a_run_ended(answer: HandlerReturn, told: str) -> None:
    stream = StringIO()
    clock = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC))
    handler = chronicled(lambda _: answer, ServeLog(as_json=False, stream=stream))
    service = TaskSchedulerService(":memory:", clock, handler=handler)
    async with ManualScheduler(service, clock) as scheduler:
        await service.schedule_task("Post", "g", "p", "t", in_="1m")
        await scheduler.tick(MINUTE)
    assert told in stream.getvalue()
    assert "completed" not in stream.getvalue()


async def test_attempts_are_shown_in_their_order(desk: Desk) -> None:
    task_id = await _failed_five_times(desk.graph)
    for command in (["show", task_id], ["history"], ["history", task_id]):
        lines = [line for line in desk(*command).out.splitlines() if " failed " in line]
        assert ["attempt" in line for line in lines] == [True] * 4 + [False], command
        numbers = [int(line.split("attempt ")[1][0]) for line in lines[:4]]
        assert numbers == [5, 4, 3, 2], command
    assert "attempt 5 of 5" in desk("show", task_id).out


async def test_what_is_refused_is_not_said_to_fire(desk: Desk) -> None:
    task_id = desk.json("schedule", "Open the gate", "--in", "1h", "--prompt", "p")["task_id"]
    desk("ask", task_id, "May I?")
    told = desk("answer", task_id, "No").out
    assert "skipped: the answer is no" in told
    assert "fires at" not in told


async def test_a_question_is_shown_with_its_last_time_for_an_answer(desk: Desk) -> None:
    clock = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC))
    service = TaskSchedulerService(str(desk.graph), clock, handler=lambda _: Ask("May I?", within="1d"))
    async with ManualScheduler(service, clock) as scheduler:
        await service.schedule_task("Post", "g", "p", "t", in_="1m")
        await scheduler.tick(MINUTE)
        events = (await service.read_events("0")).events
    shown = [words(each) for each in events if each.kind == "question_asked"]
    assert shown == ["answer by 2027-01-05T09:01:00Z  May I?"]


async def test_a_dependent_is_said_to_wait(desk: Desk) -> None:
    desk("schedule", "First", "--in", "1h", "--prompt", "p", "--dedup-key", "first")
    told = desk("schedule", "Second", "--in", "1h", "--prompt", "p", "--depends-on", "first").out
    assert "waits for another task: all_succeeded" in told


async def _failed_five_times(graph: Path | str) -> str:
    async def handle(_: Firing) -> Failed:
        return Failed("no")

    clock = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC))
    service = TaskSchedulerService(str(graph), clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        made = await service.schedule_task("Post", "g", "p", "t", in_="1m", retry="fixed 1s", max_attempts=5)
        await scheduler.run_until("in 5m")
        return made.task_id
