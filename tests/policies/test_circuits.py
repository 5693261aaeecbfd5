"""Circuits: what uses a service that fails waits, and one execution tries it now and then."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from remembrancer import Ask, Defer, Done, Failed, InvalidInput, LimitReached, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer import ConcurrencyLimit, Firing, ScheduledTask
    from remembrancer.model.request import TaskFields
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


class Github:
    """A service that answers as it is set to, or holds its callers until they are let go."""

    def __init__(self, answer: HandlerReturn = None) -> None:
        self.answer: HandlerReturn = answer or Failed("no answer")
        self.calls: list[str] = []
        self.holds = self.most = 0
        self.lets_go = asyncio.Event()
        self.lets_go.set()

    async def __call__(self, firing: Firing) -> HandlerReturn:
        self.calls.append(firing.task.name)
        self.holds += 1
        self.most = max(self.most, self.holds)
        try:
            await self.lets_go.wait()
        finally:
            self.holds -= 1
        return self.answer


class Desk(ManualScheduler):
    """A scheduler whose tasks all use one service, which is called once a minute by some."""

    async def make(self, name: str, minutes: int = 1, **fields: Any) -> ScheduledTask:
        at = self.clock.now() + minutes * MINUTE
        every = {"schedule_cron": "* * * * *"} if fields.pop("again", False) else {"defer_until": at}
        chosen = cast("TaskFields", {"circuit_key": "github", "misfire_grace_seconds": 3600.0, **every, **fields})
        return await self.service.schedule_task(name, "g", "p", "t", **chosen)

    async def circuit(self, key: str = "circuit:github") -> ConcurrencyLimit | None:
        return next((each for each in await self.service.list_limits() if each.key == key), None)

    async def is_open(self) -> bool:
        found = await self.circuit()
        return found is not None and found.circuit is not None and found.circuit.open_since is not None

    async def opens(self, failures: int = 2) -> None:
        """Let the circuit open, by as many failures as it takes."""
        await self.service.set_circuit("github", failures, 120.0)
        for each in range(failures):
            await self.make(f"opens {each}")
        await self.tick(MINUTE)
        assert await self.is_open()


def desk(graph: str, clock: VirtualClock, handler: Github) -> Desk:
    return Desk(TaskSchedulerService(graph, clock, handler=handler), clock)


async def test_failures_in_a_row_open_it(graph: str, clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "remembrancer")
    async with desk(graph, clock, github := Github()) as scheduler:
        cursor = (await scheduler.service.read_events()).cursor
        await scheduler.make("one", again=True)
        await scheduler.make("other", again=True)
        for _ in range(2):
            await scheduler.tick(MINUTE)
        assert not await scheduler.is_open()
        await scheduler.tick(MINUTE)
        found = await scheduler.circuit()
        assert found
        assert found.circuit
        assert (found.circuit.failures, found.circuit.opens_after, found.circuit.last_failure) == (6, 5, "no answer")
        assert (found.circuit.open_since, found.circuit.trial_at) == (clock.now(), clock.now() + MINUTE)
        calls = len(github.calls)
        clock.advance(timedelta(seconds=59))
        await scheduler.make("third", 0)
        await scheduler.tick(timedelta(0))
        assert len(github.calls) == calls
        events = (await scheduler.service.read_events(cursor)).events
        opened = [each for each in events if each.kind == "circuit_opened"]
        assert [each.reason for each in opened] == ["circuit:github: 6 failures in a row, the last: no answer"]
        assert [each.message for each in caplog.records if "ircuit" in each.message] == [
            "Circuit opened: circuit:github: 6 failures in a row, the last: no answer"
        ]


async def test_what_waits_says_for_which_circuit(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, Github()) as scheduler:
        await scheduler.opens()
        since = clock.now()
        task = await scheduler.make("waits")
        await scheduler.tick(MINUTE)
        waits = await scheduler.service.get_task(task.task_id)
        assert waits.wait_key == "circuit:github"
        assert waits.wait_reason == (
            f"The circuit github is open since {since:%Y-%m-%dT%H:%M:%SZ}, after 2 failures in a row, the last: "
            f"no answer. One execution tries it at {since + 2 * MINUTE:%Y-%m-%dT%H:%M:%SZ}."
        )
        found = await scheduler.circuit()
        assert found
        assert found.waiting == 1


async def test_one_execution_is_the_trial(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.opens()
        for each in range(5):
            await scheduler.make(f"waits {each}")
        await scheduler.tick(MINUTE)
        github.calls = []
        await scheduler.tick(MINUTE)
        assert (len(github.calls), await scheduler.is_open()) == (1, True)
        await scheduler.tick(MINUTE)
        assert len(github.calls) == 1
        github.answer = Done()
        await scheduler.tick(MINUTE)
        await scheduler.tick(timedelta(0))
        assert {*github.calls} == {f"waits {each}" for each in range(5)}
        assert not await scheduler.is_open()


async def test_no_other_begins_while_the_trial_runs(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        service: Any = scheduler.service
        await scheduler.opens()
        for each in range(3):
            await scheduler.make(f"waits {each}", 2)
        github.lets_go.clear()
        clock.advance(2 * MINUTE)
        inner = service._process.running_scheduler()
        for _ in range(3):
            await inner.tick()
            clock.advance(MINUTE)
        assert (github.holds, len(github.calls)) == (1, 3)
        github.answer = Done()
        github.lets_go.set()
        await service.idle()
        await scheduler.tick(timedelta(0))
        await scheduler.tick(timedelta(0))
        assert sorted(github.calls[2:]) == ["waits 0", "waits 1", "waits 2"]


async def test_a_completion_ends_the_row_of_failures(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.make("often", again=True)
        for _ in range(4):
            await scheduler.tick(MINUTE)
        github.answer = Done()
        await scheduler.tick(MINUTE)
        github.answer = Failed("no answer")
        for _ in range(4):
            await scheduler.tick(MINUTE)
        assert not await scheduler.is_open()
        await scheduler.tick(MINUTE)
        assert await scheduler.is_open()


@pytest.mark.parametrize("answer", [Failed("a wrong input", permanent=True), Defer("in 1h", "later"), Ask("May I?")])
async def test_other_outcomes_do_not_count(graph: str, clock: VirtualClock, answer: HandlerReturn) -> None:
    async with desk(graph, clock, Github(answer)) as scheduler:
        await scheduler.service.set_circuit("github", 1)
        await scheduler.make("one")
        await scheduler.tick(MINUTE)
        found = await scheduler.circuit()
        assert found
        assert found.circuit
        assert not found.circuit.failures


async def test_each_attempt_counts_and_waits_for_the_trial(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.service.set_circuit("github", 2, 120)
        retry = {"backoff": "fixed", "delay": 10, "jitter": "none"}
        task = await scheduler.make("one", retry=retry, max_attempts=9)
        await scheduler.tick(MINUTE)
        await scheduler.tick(timedelta(seconds=10))
        assert (len(github.calls), await scheduler.is_open()) == (2, True)
        for _ in range(5):
            await scheduler.tick(timedelta(seconds=20))
        assert len(github.calls) == 2
        github.answer = Done()
        for _ in range(3):
            await scheduler.tick(MINUTE)
        assert not await scheduler.is_open()
        attempts = {each.attempt: each.status for each in await scheduler.service.history(task.task_id)}
        assert attempts == {1: "failed", 2: "failed", 3: "completed"}
        assert len(github.calls) == 3


async def test_what_began_before_changes_nothing(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        service: Any = scheduler.service
        inner = service._process.running_scheduler()
        await service.set_circuit("github", 1, 120)
        github.lets_go.clear()
        await scheduler.make("slow")
        clock.advance(MINUTE)
        await inner.tick()
        slow, github.lets_go = github.lets_go, asyncio.Event()
        github.lets_go.set()
        await scheduler.make("quick")
        clock.advance(MINUTE)
        await inner.tick()
        while not await scheduler.is_open():  # noqa: ASYNC110 (polls a graph)
            await asyncio.sleep(0.01)
        github.answer = Done()
        slow.set()
        await service.idle()
        assert await scheduler.is_open()


async def test_a_run_by_hand_is_refused_and_may_be_forced(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.opens()
        task = await scheduler.make("by hand", 600)
        with pytest.raises(LimitReached, match="The circuit github is open since"):
            await scheduler.service.run_now(task.task_id)
        github.answer = Done()
        await scheduler.service.run_now(task.task_id, force=True)
        await scheduler.service.idle()
        assert not await scheduler.is_open()


async def test_a_reset_closes_it_at_once(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.opens()
        await scheduler.make("waits")
        await scheduler.tick(MINUTE)
        cursor = (await scheduler.service.read_events()).cursor
        github.answer = Done()
        reset = await scheduler.service.reset_circuit("github")
        assert reset.circuit
        assert (reset.circuit.open_since, reset.circuit.failures) == (None, 0)
        await scheduler.tick(timedelta(0))
        assert github.calls[-1] == "waits"
        events = [each.kind for each in (await scheduler.service.read_events(cursor)).events]
        assert "circuit_closed" in events
        (entry,) = [each for each in await scheduler.service.audit_entries() if each.action == "reset_circuit"]
        assert entry.after == {"circuit": "circuit:github"}
        with pytest.raises(InvalidInput, match="github"):
            await scheduler.service.reset_circuit("githup")


async def test_other_limits_hold_beside_it(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.service.set_limit("database", 1, rate="60/minute", burst=60)
        await scheduler.service.set_circuit("github", 2, 120.0)
        limits: dict[str, Any] = {"concurrency_key": "database", "overlap": "skip", "group": "sync"}
        for name in ("one", "two"):
            await scheduler.make(name, **limits)
        for _ in range(3):
            await scheduler.tick(MINUTE)
        assert len(github.calls) == 2
        assert await scheduler.is_open()
        await scheduler.make("trial", 1, **limits)
        await scheduler.make("waits", 1, **limits)
        github.answer = Done()
        for _ in range(4):
            await scheduler.tick(MINUTE)
        assert sorted(github.calls[2:]) == ["trial", "waits"]
        assert github.most == 1
        assert not await scheduler.is_open()


async def test_a_trial_without_a_slot_is_given_back(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.opens()
        await scheduler.service.set_limit("database", 0)
        await scheduler.make("no slot", concurrency_key="database")
        for _ in range(3):
            await scheduler.tick(MINUTE)
        assert len(github.calls) == 2
        await scheduler.make("trial", 1)
        github.answer = Done()
        for _ in range(3):
            await scheduler.tick(MINUTE)
        assert github.calls[2:] == ["trial"]
        assert not await scheduler.is_open()


async def test_a_restart_leaves_it_open(graph: str, clock: VirtualClock) -> None:
    if graph == ":memory:":
        pytest.skip("it is gone with the process")
    async with desk(graph, clock, Github()) as scheduler:
        await scheduler.opens()
        await scheduler.make("waits")
        await scheduler.tick(MINUTE)
    async with desk(graph, clock, github := Github(Done())) as scheduler:
        await scheduler.tick(timedelta(0))
        assert (github.calls, await scheduler.is_open()) == ([], True)
        await scheduler.tick(MINUTE)
        assert (github.calls, await scheduler.is_open()) == (["waits"], False)


async def test_a_clock_set_back_does_not_hold_it_open(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.opens()
        github.answer = Done()
        clock.advance(timedelta(hours=-5))
        await scheduler.make("waits", 1)
        await scheduler.tick(MINUTE)
        assert github.calls[-1] == "waits"
        assert not await scheduler.is_open()


async def test_circuits_of_other_services_are_apart(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.opens()
        for place, host in enumerate(("a", "b")):
            fields: Any = {"circuit_key": "host-{context.host}", "context": {"host": host}}
            await scheduler.make(f"host {place}", **fields)
        await scheduler.tick(MINUTE)
        assert sorted(github.calls[-2:]) == ["host 0", "host 1"]
        assert {each.key for each in await scheduler.service.list_limits()} >= {"circuit:host-a", "circuit:host-b"}


@pytest.mark.parametrize("key", ["", "{nothing}", "{context.host}", "x" * 201, "{", "a\nb", 3])
async def test_a_wrong_key_is_refused(graph: str, clock: VirtualClock, key: Any) -> None:
    async with desk(graph, clock, Github()) as scheduler:
        with pytest.raises(InvalidInput, match="circuit_key"):
            await scheduler.make("one", circuit_key=key)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [(("", 1, 1.0), "key"), (("a", 0, 1.0), "opens_after"), (("a", 1, 0.5), "open_seconds"), (("a", 1, True), "open")],
)
async def test_wrong_settings_are_refused(
    graph: str, clock: VirtualClock, arguments: tuple[Any, ...], field: str
) -> None:
    async with desk(graph, clock, Github()) as scheduler:
        with pytest.raises(InvalidInput, match=field):
            await scheduler.service.set_circuit(*arguments)


async def test_the_doctor_names_open_circuits(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, Github()) as scheduler:
        await scheduler.service.set_circuit("well", 2, 60.0)
        await scheduler.opens()
        (check,) = [each for each in await scheduler.service.examine() if each.check == "limits"]
        assert (check.health, check.numbers["open_circuits"]) == ("warn", 1)
        assert "github after 2 failures, since 20" in check.saw
        assert "well" not in check.saw
        assert "`remembrancer circuit KEY --reset`" in check.do
        await scheduler.service.reset_circuit("github")
        (check,) = [each for each in await scheduler.service.examine() if each.check == "limits"]
        assert check.numbers["open_circuits"] == 0


async def test_an_attempt_is_the_trial_at_its_time(graph: str, clock: VirtualClock) -> None:
    async with desk(graph, clock, github := Github()) as scheduler:
        await scheduler.service.set_circuit("github", 1, 60.0)
        retry = {"backoff": "fixed", "delay": 10, "jitter": "none"}
        await scheduler.make("low", retry={**retry, "delay": 9}, max_attempts=9, priority=1)
        await scheduler.make("high", retry=retry, max_attempts=9, priority=9)
        await scheduler.tick(MINUTE)
        assert (sorted(github.calls), await scheduler.is_open()) == (["high", "low"], True)
        for seconds in (10, 49):
            await scheduler.tick(timedelta(seconds=seconds))
        assert len(github.calls) == 2
        await scheduler.tick(timedelta(seconds=1))
        assert github.calls[2:] == ["high"], "at the time of the trial, the more urgent one"
