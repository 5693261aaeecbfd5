"""The rules that a host relies on: each has tests, and those that stand nowhere else are here."""

from __future__ import annotations

import ast
import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from remembrancer import Defer, Failed, InvalidInput, Retry, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

TESTS: Final = Path(__file__).parent.parent
PAGE: Final = TESTS.parent / "docs" / "development" / "host-rules.md"
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
GIVEN: Final = {"occurrence": "east-2", "channel": "api_7", "step": {"name": "wakeup", "tries": [1, 2]}}


def proofs() -> dict[str, list[str]]:
    """Return the tests that the page names, by rule."""
    rows = re.findall(r"^\| (R\d+) \| [^|]+ \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len({rule for rule, _ in rows}) == len(rows)
    return {rule: re.findall(r"`([^`]+)`", tests) for rule, tests in rows}


def test_each_rule_has_tests_that_exist() -> None:
    told = proofs()
    assert list(told) == [f"R{number}" for number in range(1, 26)]
    assert [rule for rule, tests in told.items() if not tests] == []
    missing: list[str] = []
    for test in (each for tests in told.values() for each in tests):
        file, _, name = test.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8")) if (TESTS / file).is_file() else ast.parse("")
        found = [each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        missing += [test] if name not in found or not name.startswith("test_") else []
    assert missing == []


class Host:
    """A scheduler driven by hand, in a host that answers as told."""

    def __init__(self, graph: str, clock: VirtualClock) -> None:
        self.clock = clock
        self.graph = graph
        self.firings: list[Firing] = []
        self.answers: list[Any] = []

    async def handle(self, firing: Firing) -> HandlerReturn:
        self.firings.append(firing)
        answer = self.answers.pop(0) if self.answers else None
        return await answer() if callable(answer) else answer

    def running(self) -> ManualScheduler:
        return ManualScheduler(TaskSchedulerService(self.graph, self.clock, handler=self.handle), self.clock)


@pytest.fixture
def host(graph: str, clock: VirtualClock) -> Host:
    return Host(graph, clock)


@pytest.fixture
async def by_hand(host: Host) -> AsyncIterator[ManualScheduler]:
    async with host.running() as checker:
        yield checker


async def test_a_handler_that_moved_nothing_says_so(host: Host, by_hand: ManualScheduler) -> None:
    """Its answer decides, and not that it was called."""
    host.answers = [Failed("The task is still deferred.", permanent=True)]
    made = await by_hand.service.schedule_deferred_task("thought", "host_task", host.clock.now() + MINUTE, "Wait.")
    await by_hand.tick(MINUTE)
    (run,) = await by_hand.service.history(made.task_id)
    (letter,) = await by_hand.service.dead_letters()
    assert (run.status, letter.task_id, letter.fault) == ("failed", made.task_id, "The task is still deferred.")
    assert by_hand.service._collect_custom_metrics()["scheduled_tasks_failed"] == 1
    assert (await by_hand.service.get_task(made.task_id)).status == "FAILED"


async def test_what_a_host_gave_along_comes_back_with_each_run(host: Host) -> None:
    async with host.running() as checker:
        host.answers = [Retry("1m", "Busy."), Defer(host.clock.now() + 10 * MINUTE, "Later.")]
        await checker.service.schedule_task(
            "Task", "goal", "prompt", "thought", host.clock.now() + MINUTE, context=GIVEN
        )
        for _ in range(2):
            await checker.tick(MINUTE)
    async with host.running() as checker:
        await checker.tick(10 * MINUTE)
    assert [firing.task.context for firing in host.firings] == [GIVEN] * 3
    first, attempt, later = (firing.execution.occurrence_key.rpartition("|")[0] for firing in host.firings)
    assert first == attempt != later
    assert {firing.task.origin_thought_id for firing in host.firings} == {"thought"}


async def test_what_changes_nothing_is_no_success(host: Host, by_hand: ManualScheduler) -> None:
    service = by_hand.service
    made = await service.schedule_task("Task", "goal", "prompt", "thought", host.clock.now() + MINUTE)
    assert await service.cancel_task(made.task_id)
    assert not await service.cancel_task(made.task_id)
    assert not await service.cancel_task("task_that_is_not_there")
    assert not await service.clear_dead_letter("dead_5d41402abc4b2a76", "Gone.")
    other = await service.schedule_task("Task", "goal", "prompt", "thought", host.clock.now() + MINUTE)
    assert not (await service.update_task(other.task_id, name="Task")).changed


async def test_a_run_is_as_old_as_its_beginning(host: Host, by_hand: ManualScheduler) -> None:
    asked_at = host.clock.now()
    made = await by_hand.service.schedule_deferred_task("thought", "host_task", asked_at + DAY, "Wait for a day.")
    await by_hand.tick(DAY)
    (firing,) = host.firings
    assert made.task_id != "host_task"
    assert firing.task.deferred_task_id == "host_task"
    assert (firing.task.created_at, firing.execution.triggered_at) == (asked_at, asked_at + DAY)


async def test_a_plain_task_needs_nothing_of_its_host(host: Host, by_hand: ManualScheduler) -> None:
    made = await by_hand.service.schedule_task("Task", "goal", "prompt", "no_thought", host.clock.now() + MINUTE)
    await by_hand.tick(MINUTE)
    assert (await by_hand.service.get_task(made.task_id)).status == "COMPLETE"
    assert await by_hand.service.dead_letters() == []


async def test_a_look_just_before_a_time_begins_nothing(host: Host, by_hand: ManualScheduler) -> None:
    made = await by_hand.service.schedule_task("Task", "goal", "prompt", "thought", schedule_cron="0 9 * * *")
    at = host.clock.now().replace(hour=9, minute=0, second=0, microsecond=0) + DAY
    looks = [at - timedelta(milliseconds=700), at, at + timedelta(seconds=59.3)]
    begun: list[int] = []
    for look in looks:
        await by_hand.tick(look - host.clock.now())
        begun.append(len(host.firings))
    assert begun == [0, 1, 1]
    (run,) = await by_hand.service.history(made.task_id)
    assert run.nominal_at == at


async def test_a_time_that_comes_in_the_middle_is_served(host: Host, by_hand: ManualScheduler) -> None:
    """The handler defers its host's task, and the time has come before the handler is at its end."""
    go_on, asked = asyncio.Event(), asyncio.Event()

    async def defers() -> None:
        try:
            await by_hand.service.schedule_deferred_task("thought", "host_task", host.clock.now() + MINUTE, "Wait.")
        finally:
            asked.set()
        await go_on.wait()

    host.answers = [defers]
    await by_hand.service.schedule_task("Task", "goal", "prompt", "thought", host.clock.now() + MINUTE)
    for minutes in (1, 5):
        host.clock.advance(minutes * MINUTE)
        await by_hand.service._process.running_scheduler().tick()  # it waits for no handler
        await asked.wait()
    go_on.set()
    await by_hand.tick(MINUTE)
    assert [firing.task.deferred_task_id for firing in host.firings] == [None, "host_task"]


async def test_a_thought_that_is_gone_costs_no_run(host: Host) -> None:
    async with host.running() as checker:
        made = await checker.service.schedule_task("Task", "goal", "prompt", "thought", schedule_cron="* * * * *")
    await write(host.graph, "MATCH (h:thought {thought_id: 'thought'}) DETACH DELETE h")
    async with host.running() as checker:
        await checker.tick(MINUTE)
        later = host.clock.now() + 3 * MINUTE
        await checker.service.defer_task(made.task_id, later, "Wait.", thought_id="thought")
        await checker.tick(3 * MINUTE)
        with pytest.raises(InvalidInput):
            await checker.service.schedule_task("Task", "goal", "prompt", "", host.clock.now() + MINUTE)
    assert [firing.task.origin_thought_id for firing in host.firings] == ["thought"] * 2


async def write(graph: str, text: str) -> None:
    """Write what no query of the catalogue writes."""
    store = await open_store(graph)
    session: Any = store._connection
    if store.exclusive:
        with session._database.transaction():
            session._database.command("opencypher", text)
    else:
        await session.run_idempotent(text, {})
    await store.close()
