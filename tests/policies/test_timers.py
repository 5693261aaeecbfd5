"""The host's word on timers: asked at each door, bounded, and closed unless it says yes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import (
    Ask,
    Defer,
    Done,
    InvalidInput,
    ScheduleRequest,
    TaskSchedulerService,
    TimerRefused,
    TimerRequest,
)
from remembrancer.service import timer_gate
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TIME = "2099-01-01T09:00:00Z"
CRON = "0 9 * * *"
WHY = "A person has to approve it first."


class Host:
    """A host that refuses some actions, and what it was asked."""

    def __init__(self, *refuses: str) -> None:
        self.refuses = set(refuses)
        self.asked: list[TimerRequest] = []

    def __call__(self, request: TimerRequest) -> bool | str:
        self.asked.append(request)
        return WHY if request.action in self.refuses else True

    @property
    def actions(self) -> list[str]:
        return [str(each.action) for each in self.asked]


class Desk:
    """A scheduler driven by hand, with a host that has a say."""

    def __init__(self, graph: str, clock: VirtualClock, may_be_timed: Any) -> None:
        self.clock = clock
        self.service = TaskSchedulerService(graph, clock, handler=self.handle, may_be_timed=may_be_timed)
        self.by_hand = ManualScheduler(self.service, clock)
        self.answer: HandlerReturn = None

    async def handle(self, firing: Firing) -> HandlerReturn:
        del firing
        return self.answer

    async def schedule(self, name: str = "Task", **fields: Any) -> str:
        when = {} if "schedule_cron" in fields else {"in_": "1h"}
        return (await self.service.schedule_task(name, "goal", "prompt", "thought", **when, **fields)).task_id

    async def outcome(self, task_id: str) -> tuple[str, str | None, str]:
        (run,) = await self.service.history(task_id)
        return run.status.value, run.reason_code, run.reason or ""


async def test_a_refused_task_is_not_there(graph: str, clock: VirtualClock) -> None:
    host = Host("schedule")
    desk = Desk(graph, clock, host)
    async with desk.by_hand:
        with pytest.raises(TimerRefused, match=WHY) as refused:
            await desk.schedule("Report")
        assert (refused.value.field, refused.value.value, refused.value.reason) == ("name", "Report", WHY)
        two = [ScheduleRequest(name, "goal", "prompt", "thought", "in 1h") for name in ("one", "two")]
        with pytest.raises(TimerRefused):
            await desk.service.schedule_tasks(two)
        with pytest.raises(TimerRefused):
            await desk.service.apply_set("mine", {"a": {"name": "a", "trigger_prompt": "p", "defer_until": TIME}})
        assert await desk.service.find_tasks() == []
        host.refuses.clear()
        await desk.schedule("Report")
        assert [each.name for each in await desk.service.find_tasks()] == ["Report"]
    asked = host.asked[-1]
    assert (asked.task.name, asked.until, asked.surface) == ("Report", clock.now() + HOUR, "service")


async def test_a_refused_set_cancels_nothing(graph: str, clock: VirtualClock) -> None:
    host = Host()
    desk = Desk(graph, clock, host)
    async with desk.by_hand:
        await desk.service.apply_set("mine", {"a": {"name": "a", "trigger_prompt": "p", "defer_until": TIME}})
        (before,) = await desk.service.find_tasks()
        host.refuses.add("schedule")
        with pytest.raises(TimerRefused):
            await desk.service.apply_set(
                "mine", {"a": {"name": "a", "trigger_prompt": "p", "schedule_cron": "0 9 * * *"}}
            )
        assert await desk.service.find_tasks() == [before]


async def test_a_deferral_needs_the_word_of_the_host(graph: str, clock: VirtualClock) -> None:
    host = Host("defer", "ask", "update")
    desk = Desk(graph, clock, host)
    async with desk.by_hand:
        task_id = await desk.schedule()
        before = await desk.service.get_task(task_id)
        wait = "in 2h", "It needs an approval."
        with pytest.raises(TimerRefused, match=WHY):
            await desk.service.defer_task(task_id, *wait)
        with pytest.raises(TimerRefused):
            await desk.service.schedule_deferred_task("thought", task_id, *wait, context={"needs_approval": True})
        asked = host.asked[-1]
        told = (asked.reason, asked.thought_id, asked.context, asked.until)
        assert told == (wait[1], "thought", {"needs_approval": True}, clock.now() + 2 * HOUR)
        with pytest.raises(TimerRefused):
            await desk.service.schedule_deferred_task("thought", "their own", *wait)
        with pytest.raises(TimerRefused):
            await desk.service.ask_task(task_id, "May it?", within="1d")
        with pytest.raises(TimerRefused):
            await desk.service.update_task(task_id, defer_until="in 3h")
        with pytest.raises(TimerRefused):
            await desk.service.add_fire(task_id, "in 4h")
        result = await desk.service.update_tasks({"defer_until": "in 3h"}, all=True)
        assert [(each.outcome, WHY in (each.error or "")) for each in result.tasks] == [("refused", True)]
        assert await desk.service.get_task(task_id) == before
        assert len(await desk.service.find_tasks()) == 1
        await desk.service.update_task(task_id, name="Another")  # no timer
        host.refuses.clear()
        await desk.service.defer_task(task_id, *wait)
    assert host.actions == ["schedule", "defer", "defer", "defer", "ask", *["update"] * 3, "defer"]


@pytest.mark.parametrize("answer", [Defer("in 2h", "Later."), Ask("May it?"), Ask("May it?", within="1d")])
async def test_a_deferral_of_a_handler_is_refused_with_a_reason(
    graph: str, clock: VirtualClock, answer: HandlerReturn
) -> None:
    host = Host("defer", "ask")
    desk = Desk(graph, clock, host)
    async with desk.by_hand:
        task_id = await desk.schedule()
        desk.answer = answer
        await desk.by_hand.tick(HOUR)
        status, code, reason = await desk.outcome(task_id)
        assert (status, code) == ("failed", "timer_refused")
        assert WHY in reason
        assert (await desk.service.get_task(task_id)).next_run_ms is None
        (run,) = await desk.service.history(task_id)
    asked = host.asked[-1]
    assert (asked.surface, asked.actor, asked.task.task_id) == ("handler", run.execution_id, task_id)
    assert (asked.until is None) is (answer == Ask("May it?"))


async def test_a_deferral_of_a_worker_is_refused_too(clock: VirtualClock) -> None:
    desk = Desk(":memory:", clock, Host("defer"))
    async with desk.by_hand:
        task_id = await desk.schedule(queue="mail")
        await desk.by_hand.tick(HOUR)
        (work,) = await desk.service.claim_work(["mail"], "mailer")
        held = work.execution_id, "mailer"
        ended = await desk.service.defer_work(*held, "in 2h", "Later.")
        assert (ended.status, ended.reason_code, ended.task_id) == ("failed", "timer_refused", task_id)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (False, "does not let"),
        (WHY, WHY),
        (None, "neither"),
        (1, "neither"),
        ("", "neither"),
        (OSError("gone"), "OSError: gone"),
        (SystemExit(3), "SystemExit"),
        (StopIteration("odd"), "could not say"),
        (asyncio.CancelledError(), "say"),
        ("silence", "did not say within"),
    ],
)
@pytest.mark.parametrize("plain", [True, False])
async def test_the_gate_of_timers_fails_closed(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, says: Any, told: str, *, plain: bool
) -> None:
    over = threading.Event()

    def answered(request: TimerRequest) -> Any:
        del request
        if says == "silence":
            over.wait()
        if isinstance(says, BaseException):
            raise says
        return says

    async def awaited(request: TimerRequest) -> Any:
        if says == "silence":
            await asyncio.Event().wait()
        return answered(request)

    if says == "silence":
        monkeypatch.setattr(timer_gate, "_HOST_SECONDS", 0.05)
    desk = Desk(":memory:", clock, answered if plain else awaited)
    async with desk.by_hand:
        with pytest.raises(TimerRefused, match=told):
            await desk.schedule()
        assert await desk.service.find_tasks() == []
    over.set()


async def test_a_host_that_hangs_delays_no_one_else(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hangs(request: TimerRequest) -> bool:
        if request.task.name == "hangs":
            over.wait()
        return True

    monkeypatch.setattr(timer_gate, "_HOST_SECONDS", 0.2)
    desk = Desk(":memory:", clock, hangs)
    async with desk.by_hand:
        hanging = [asyncio.create_task(desk.schedule("hangs")) for _ in range(20)]
        refused = await asyncio.gather(*hanging, return_exceptions=True)
        assert {type(each) for each in refused} == {TimerRefused}
        with pytest.raises(TimerRefused, match="did not say within"):  # each thread hangs
            await desk.schedule("plain")
        over.set()
        monkeypatch.undo()
        await desk.schedule("plain")
        assert [each.name for each in await desk.service.find_tasks()] == ["plain"]


HANGS = """
import asyncio, threading
from remembrancer import TaskSchedulerService, TimerRefused
from remembrancer.service import timer_gate

timer_gate._HOST_SECONDS = 0.1

async def main():
    async with TaskSchedulerService(":memory:", may_be_timed=lambda request: threading.Event().wait()) as service:
        try:
            await service.schedule_task("name", "goal", "prompt", "thought", "in 1h")
        except TimerRefused as refused:
            print(refused)

asyncio.run(main())
"""


def test_a_host_that_hangs_does_not_keep_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, "did not say within" in ended.stdout) == (0, True), ended.stderr


async def test_many_tasks_are_each_asked_about(clock: VirtualClock) -> None:
    host = Host()
    desk = Desk(":memory:", clock, host)
    async with desk.by_hand:
        requests = [ScheduleRequest(f"Task {number}", "goal", "prompt", "thought", "in 1h") for number in range(50)]
        await desk.service.schedule_tasks(requests)
        assert {each.task.name for each in host.asked} == {each.name for each in requests}


async def test_no_timer_is_asked_about_while_tasks_run(clock: VirtualClock) -> None:
    host = Host()
    desk = Desk(":memory:", clock, host)
    async with desk.by_hand:
        desk.answer = Done()
        task_id = await desk.schedule(schedule_cron="* * * * *", dedup_key="one")
        await desk.schedule(schedule_cron="* * * * *", dedup_key="one")
        await desk.by_hand.tick(MINUTE)
        await desk.by_hand.tick(MINUTE)
        await desk.service.pause_task(task_id)
        await desk.service.resume_task(task_id)
    assert host.actions == ["schedule"]


def test_what_cannot_be_called_is_no_host() -> None:
    with pytest.raises(InvalidInput, match="may_be_timed"):
        TaskSchedulerService(":memory:", may_be_timed=True)  # pyright: ignore[reportArgumentType]
